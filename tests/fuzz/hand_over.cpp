// What a listener of rings and its clients say to each other before they trust each other: clients
// that say anything to a listener, and a listener that offers anything to a client.

#include <array>
#include <atomic>
#include <optional>
#include <sluice/channel/hardened_ring.hpp>
#include <sluice/channel/ring_channel.hpp>
#include <sluice/compose/ring_listener.hpp>
#include <string>
#include <thread>
#include <vector>

#include "compose/ring_hand_over.hpp"
#include "fuzz/descriptor_of.hpp"
#include "fuzz/script.hpp"
#include "fuzz/target.hpp"
#include "fuzz/targets.hpp"

namespace sluice::test {
namespace {

using namespace std::chrono_literals;
using namespace ring_hand_over;

std::string own_address() { return "@sluice-fuzz-" + std::to_string(::getpid()); }

template <class Words>
std::vector<std::byte> changed(Words words, script& input) {
  const const_bytes all = bytes_of(words);
  std::vector<std::byte> bytes{all.begin(), all.end()};
  if (input.below(4) == 0)
    bytes[input.below(bytes.size())] ^= static_cast<std::byte>(input.below(256));
  if (input.below(16) == 0) bytes.resize(input.below(64));
  return bytes;
}

// Words of the format, mostly right, or any bytes.
std::vector<std::byte> next_words(script& input) {
  const auto carrier = static_cast<ring_carrier>(input.below(4));
  const std::uint64_t capacity = std::uint64_t{4096} << input.below(4);
  switch (input.below(8)) {
    case 0:
    case 1:
      return changed(hello{.best = carrier, .max_capacity_bytes = capacity}, input);
    case 2:
      return changed(answer{.what = input.coin() ? verdict::taken : verdict::something_else},
                     input);
    case 3:
    case 4:
      return changed(offer{.carrier = carrier,
                           .to_client_bytes = input.coin() ? 4096 : capacity,
                           .from_client_bytes = capacity},
                     input);
    case 5:
      return changed(agreement{}, input);
    case 6:
      return changed(turned_away{}, input);
    default: {
      const const_bytes bytes = input.piece(1 + input.below(64));
      return {bytes.begin(), bytes.end()};
    }
  }
}

// Rings as they are handed over, and everything else.
template <class Owner>
unique_fd handle_of(const result<Owner>& owner) {
  return unique_fd{::fcntl(owner.value().native_handle(), F_DUPFD_CLOEXEC, 0)};
}
unique_fd next_handle(script& input) {
  const std::size_t capacity = std::size_t{4096} << input.below(4);
  switch (input.below(4)) {
    case 0:
      return next_descriptor(input);
    case 1:
      return handle_of(hardened_receiver::create());
    case 2:
      return handle_of(hardened_sender::create({.capacity_bytes = capacity}));
    default:
      return handle_of(ring_channel::create_anonymous({.capacity_bytes = capacity}));
  }
}

// With descriptors of any kind, more than may be among them.
void say_next(const unix_seqpacket& to, script& input) {
  const auto words = next_words(input);
  std::vector<unique_fd> owned;
  std::vector<int> handles;
  constexpr std::array<std::size_t, 8> counts{0, 0, 0, 1, 2, 2, 3, 40};
  for (std::size_t count = counts[input.below(8)]; count != 0; --count) {
    auto fd = next_handle(input);
    if (!fd) continue;
    handles.push_back(fd.get());
    owned.push_back(std::move(fd));
  }
  // By hand, since the library refuses to send so many.
  iovec part{.iov_base = const_cast<std::byte*>(words.data()), .iov_len = words.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(64 * sizeof(int))> room{};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  if (!handles.empty()) {
    header.msg_control = room.data();
    header.msg_controllen = CMSG_SPACE(handles.size() * sizeof(int));
    cmsghdr* const with = CMSG_FIRSTHDR(&header);
    with->cmsg_level = SOL_SOCKET;
    with->cmsg_type = SCM_RIGHTS;
    with->cmsg_len = CMSG_LEN(handles.size() * sizeof(int));
    std::memcpy(CMSG_DATA(with), handles.data(), handles.size() * sizeof(int));
  }
  static_cast<void>(::sendmsg(to.native_handle(), &header, MSG_DONTWAIT | MSG_NOSIGNAL));
}

void use(ring_connection& met) {
  std::array<std::byte, 8192> buffer;
  const auto size = met.receiver().try_receive(buffer);
  require(!size || *size <= buffer.size(), "a message fits its buffer");
  static_cast<void>(met.sender().try_send(bytes_of("hello")));
  static_cast<void>(met.peer_has_left());
  static_cast<void>(met.peer_credentials());
}

void check_listener(script& input) {
  ring_listener_options options{.to_client = {.capacity_bytes = 4096},
                                .from_client = {.capacity_bytes = 4096},
                                .trust = input.coin() ? ring_trust::nobody : ring_trust::same_user,
                                .max_undecided = 2};
  auto listener = ring_listener::create(own_address(), options).value();
  std::vector<unix_seqpacket> clients;
  std::vector<ring_connection> met;
  for (int turns = 0; turns < 40 && !input.is_over(); ++turns) {
    const std::size_t what = input.below(8);
    if (what == 0 && clients.size() < 4)
      clients.push_back(unix_seqpacket::connect(own_address()).value());
    if (what == 1 && !clients.empty()) clients.erase(clients.begin());
    if (what == 2 && !clients.empty()) {
      std::array<std::byte, 64> heard;
      received_handles came;
      static_cast<void>(clients.back().try_receive(heard, came));
    }
    if (what >= 3 && what < 6 && !clients.empty())
      say_next(clients[input.below(clients.size())], input);
    if (what >= 6) {
      auto accepted = listener.try_accept();
      if (accepted) met.push_back(std::move(*accepted));
      if (!accepted) require(would_block(accepted.error()), "what a client says is its own affair");
    }
    for (ring_connection& one : met) use(one);
  }
}

void check_client(script& input) {
  auto door = unix_seqpacket_listener::create(own_address()).value();
  std::atomic<bool> over = false;
  // Hears whoever comes, says what the script says, and then nothing more; stays until the end.
  std::thread other{[&] {
    std::vector<unix_seqpacket> met;
    while (!over) {
      auto client = door.accept(deadline{2ms});
      if (!client) continue;
      std::array<std::byte, 64> heard;
      static_cast<void>(client->receive(heard, deadline{2ms}));
      for (int words = 0; words < 6 && !input.is_over(); ++words) say_next(*client, input);
      static_cast<void>(client->finish());
      met.push_back(std::move(*client));
    }
  }};
  auto mine = ring_connection::connect(own_address(), deadline{20ms},
                                       {.wait = {.spin = 0ns}, .max_capacity_bytes = 16384});
  if (mine) {
    require(mine->sender().max_message_bytes() <= 16384 / 2, "no more than this side accepts");
    use(*mine);
  }
  over = true;
  other.join();
}

}  // namespace
}  // namespace sluice::test

int sluice_fuzz_hand_over(const std::uint8_t* data, std::size_t size) {
  using namespace sluice::test;
  const nothing_left_behind checked;
  script input{data, size};
  if (input.coin())
    check_client(input);
  else
    check_listener(input);
  return 0;
}
