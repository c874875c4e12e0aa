// Packets on a socket, with descriptors: what a reader of packet bytes gets is what was sent, a
// packet larger than any may be is corrupt, and every descriptor is closed in the end.

#include <algorithm>
#include <memory>
#include <sluice/compose/framed_receiver.hpp>
#include <sluice/compose/packet_bytes.hpp>
#include <vector>

#include "fuzz/descriptor_of.hpp"
#include "fuzz/script.hpp"
#include "fuzz/target.hpp"
#include "fuzz/targets.hpp"

namespace sluice::test {
namespace {

constexpr std::size_t largest = packet_byte_writer::largest_bytes;

std::vector<std::byte> next_packet(script& input) {
  const const_bytes some = input.piece(1 + input.below(100));
  std::vector<std::byte> packet{some.begin(), some.end()};
  if (input.below(8) == 0) packet.resize(largest - 1 + input.below(4));
  if (packet.empty()) packet.resize(1);
  return packet;
}

void check_bytes(script& input) {
  auto pair = unix_seqpacket::create_pair().value();
  auto shared = std::make_shared<unix_seqpacket>(std::move(pair.first));
  packet_byte_reader reader{shared};
  for (int packets = 0; packets < 16 && !input.is_over(); ++packets) {
    const auto packet = next_packet(input);
    require(pair.second.try_send(packet).has_value(), "there is room for a packet");
    std::vector<std::byte> buffer(input.coin() ? 2 * largest : 1 + input.below(200));
    auto size = reader.try_read(buffer);
    if (packet.size() > largest && buffer.size() >= largest)
      return require(!size && size.error() == errc::corrupt, "too large a packet is corrupt");
    if (packet.size() > buffer.size()) {
      require(!size && size.error() == std::errc::no_buffer_space, "a small buffer is told");
      buffer.resize(2 * largest);
      size = reader.try_read(buffer);
    }
    if (packet.size() > largest) return;
    require(size && std::ranges::equal(const_bytes{buffer}.first(*size), packet), "as it was sent");
  }
}

void check_frames(script& input) {
  auto pair = unix_seqpacket::create_pair().value();
  auto shared = std::make_shared<unix_seqpacket>(std::move(pair.first));
  auto receiver = framed_receiver<packet_byte_reader>::create(packet_byte_reader{shared},
                                                              {.max_message_bytes = 256})
                      .value();
  std::vector<std::byte> stream;
  for (int packets = 0; packets < 16 && !input.is_over(); ++packets) {
    const const_bytes payload = input.piece(input.below(100));
    const auto header = frame_header::encode(static_cast<std::uint32_t>(
        input.below(8) == 0 ? input.number<std::uint32_t>() : payload.size()));
    if (input.below(8) != 0) stream.insert(stream.end(), header.begin(), header.end());
    stream.insert(stream.end(), payload.begin(), payload.end());
    const std::size_t cut = stream.empty() ? 0 : 1 + input.below(stream.size());
    if (cut == 0) continue;
    require(pair.second.try_send(const_bytes{stream}.first(cut)).has_value(), "there is room");
    stream.erase(stream.begin(), stream.begin() + static_cast<std::ptrdiff_t>(cut));
    while (const auto message = receiver.try_peek()) {
      require(message->size() <= 256, "a message is no longer than may be");
      receiver.release();
    }
  }
}

void check_handles(script& input) {
  auto pair = unix_seqpacket::create_pair().value();
  for (int packets = 0; packets < 4 && !input.is_over(); ++packets) {
    std::vector<unique_fd> owned;
    std::vector<int> handles;
    for (std::size_t count = input.below(40); count != 0; --count) {
      auto fd = next_descriptor(input);
      if (!fd) continue;
      handles.push_back(fd.get());
      owned.push_back(std::move(fd));
    }
    const auto packet = next_packet(input);
    const auto sent = pair.second.try_send(packet, handles);
    require(sent.has_value() == (handles.size() <= received_handles::max), "so many, and no more");
    if (!sent) continue;
    received_handles came;
    std::vector<std::byte> buffer(input.coin() ? 2 * largest : 1 + input.below(100));
    const auto size = pair.first.try_receive(buffer, came);
    require(size.has_value() == (packet.size() <= buffer.size()), "a small buffer is told");
    if (size) require(came.size() == handles.size(), "what was sent has come");
    if (!size) require(pair.first.next_size().value() == packet.size(), "it is still there");
    if (!size) break;
  }
}

}  // namespace
}  // namespace sluice::test

int sluice_fuzz_packets(const std::uint8_t* data, std::size_t size) {
  using namespace sluice::test;
  const nothing_left_behind checked;
  script input{data, size};
  switch (input.below(3)) {
    case 0:
      check_bytes(input);
      break;
    case 1:
      check_frames(input);
      break;
    default:
      check_handles(input);
  }
  return 0;
}
