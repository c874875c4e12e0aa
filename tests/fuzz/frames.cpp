// A stream of frames, cut anywhere: what is handed out is what a plain reading of the bytes gives,
// whatever the pieces and the buffers; values are decoded from the same messages.

#include <optional>
#include <sluice/compose/framed_receiver.hpp>
#include <sluice/compose/typed.hpp>
#include <vector>

#include "fuzz/script.hpp"
#include "fuzz/target.hpp"
#include "fuzz/targets.hpp"

namespace sluice::test {
namespace {

// The bytes of the script in pieces of its choice, and then the end.
class cut_stream {
 public:
  [[maybe_unused]] static constexpr channel_capabilities capabilities{.mechanism = "cut"};
  cut_stream(const_bytes bytes, std::uint8_t cuts) noexcept : bytes_(bytes), cuts_(cuts) {}

  [[nodiscard]] result<std::size_t> try_read(mutable_bytes into) {
    if (bytes_.empty()) return failure{errc::closed, "cut_stream"};
    cuts_ = static_cast<std::uint8_t>(cuts_ * 5 + 1);
    if (cuts_ % 8 == 0) return failure{std::errc::resource_unavailable_try_again, "cut_stream"};
    const std::size_t most = cuts_ % 4 == 1 ? bytes_.size() : cuts_ % 16 + std::size_t{1};
    const std::size_t size = copy_bytes(bytes_.first(std::min(most, bytes_.size())), into);
    bytes_ = bytes_.subspan(size);
    return size;
  }
  [[nodiscard]] result<void> wait_readable(deadline) { return {}; }

 private:
  const_bytes bytes_;
  std::uint8_t cuts_;
};

// What the bytes are, read at once.
struct plain_reading {
  std::vector<const_bytes> messages;
  bool is_wrong = false;  // a header that cannot be
  bool is_torn = false;   // the end comes inside a frame
};

plain_reading read_plainly(const_bytes stream, std::size_t most) {
  plain_reading read;
  while (stream.size() >= frame_header::size_bytes) {
    const auto length = frame_header::length_of(stream);
    read.is_wrong = !length || *length > most;
    if (read.is_wrong) return read;
    const auto header = frame_header::encode(*length);
    require(std::ranges::equal(header, stream.first(header.size())), "a header has one form");
    if (stream.size() - header.size() < *length) break;
    read.messages.push_back(stream.subspan(header.size(), *length));
    stream = stream.subspan(header.size() + *length);
  }
  read.is_torn = !stream.empty();
  return read;
}

// Frames, and what is none: no fuzzer guesses a check.
std::vector<std::byte> written_by(script& input) {
  std::vector<std::byte> stream;
  while (!input.is_over()) {
    const std::size_t kind = input.below(16);
    const const_bytes payload = input.piece(input.below(100));
    const std::size_t length = kind == 1 ? input.number<std::uint32_t>() : payload.size();
    const auto header = frame_header::encode(static_cast<std::uint32_t>(length));
    if (kind != 0) stream.insert(stream.end(), header.begin(), header.end());
    stream.insert(stream.end(), payload.begin(), payload.end());
  }
  return stream;
}

// Value for value: what is decoded is encoded to the same bytes.
template <class T>
void check_value(const_bytes message) {
  const auto value = codec<T>::decode(message);
  if (!value) return require(value.error() == errc::corrupt, "what is no value is corrupt");
  std::vector<std::byte> bytes(codec<T>::encoded_size(*value));
  codec<T>::encode(*value, bytes);
  require(std::ranges::equal(bytes, message), "a value has one form");
}

void check_values(const_bytes message) {
  check_value<std::string>(message);
  check_value<std::uint32_t>(message);
  check_value<bool>(message);
  const auto checked = type_header::check(type_hash<std::uint32_t>(), message);
  require(!checked || message.size() >= type_header::size_bytes, "a type stands in the message");
}

template <class Receiver>
void check_stream(Receiver& receiver, const plain_reading& expected, std::size_t most,
                  std::size_t room) {
  std::size_t taken = 0;
  bool told_of_tear = false;
  for (;;) {
    // A buffer too small leaves the message.
    std::vector<std::byte> buffer(room);
    auto size = receiver.try_receive(buffer);
    if (!size && size.error() == std::errc::no_buffer_space) {
      const auto needed = receiver.next_size();
      require(needed && *needed > room && *needed <= most, "the size that is needed is told");
      buffer.resize(*needed);
      size = receiver.try_receive(buffer);
      require(size && *size == *needed, "a message has the size that was told");
    }
    if (size) {
      require(taken < expected.messages.size(), "no message is invented");
      require(std::ranges::equal(const_bytes{buffer}.first(*size), expected.messages[taken]),
              "a message is what was sent");
      check_values(const_bytes{buffer}.first(*size));
      ++taken;
      continue;
    }
    if (would_block(size.error())) continue;
    require(taken == expected.messages.size(), "no message is lost");
    if (size.error() == errc::closed) break;
    require(size.error() == errc::corrupt && (expected.is_wrong || expected.is_torn),
            "only what is wrong is called corrupt");
    if (expected.is_wrong) break;
    require(!std::exchange(told_of_tear, true), "a torn end is told once");
  }
  require(!expected.is_torn || told_of_tear, "a torn end is told");
  require(!expected.is_wrong || receiver.try_receive({}).error() == errc::corrupt,
          "what is out of step stays so");
}

}  // namespace
}  // namespace sluice::test

int sluice_fuzz_frames(const std::uint8_t* data, std::size_t size) {
  using namespace sluice::test;
  const nothing_left_behind checked;
  script input{data, size};
  const auto cuts = input.number<std::uint8_t>();
  const std::size_t most = input.coin() ? 1 << 20 : input.below(64);
  const std::size_t room = input.below(64);
  const std::vector<std::byte> stream = written_by(input);
  auto receiver =
      sluice::framed_receiver<cut_stream>::create({stream, cuts}, {.max_message_bytes = most});
  check_stream(receiver.value(), read_plainly(stream, most), most, room);
  return 0;
}
