// A FIFO into which anybody may write anything: the messages that come out are those of a plain
// reading of all bytes at once, and no memory grows beyond the limits.

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <map>
#include <sluice/channel/fifo_channel.hpp>
#include <vector>

#include "channel/fragment.hpp"
#include "fuzz/script.hpp"
#include "fuzz/target.hpp"
#include "fuzz/targets.hpp"

namespace sluice::test {
namespace {

using message = std::vector<std::byte>;

struct unfinished_message {
  std::uint32_t sequence = 0;
  std::uint32_t total = 0;
  message bytes;
};

struct plain_reading {
  std::vector<message> messages;
  bool has_foreign_bytes = false;
  bool is_torn = false;  // at the end
};

// Of messages in any number of fragments, any number of them under way.
class plain_reader {
 public:
  explicit plain_reader(std::size_t most) noexcept : most_(most) {}

  plain_reading read(const_bytes stream) {
    while (stream.size() >= fragment_header::size_bytes) {
      const auto header = fragment_header::decode(stream);
      if (!header) {
        read_.has_foreign_bytes = true;
        stream = stream.subspan(1);
        continue;
      }
      require(std::ranges::equal(header->encode(), stream.first(fragment_header::size_bytes)),
              "a header has one form");
      const std::size_t whole = fragment_header::size_bytes + header->size;
      if (stream.size() < whole) break;
      take(*header, stream.subspan(fragment_header::size_bytes, header->size));
      stream = stream.subspan(whole);
    }
    read_.is_torn = !stream.empty() || !under_way_.empty();
    return std::move(read_);
  }

 private:
  void take(const fragment_header& header, const_bytes payload) {
    if (header.size == header.total) {
      if (header.total <= most_) read_.messages.emplace_back(payload.begin(), payload.end());
      return;
    }
    auto found = under_way_.find(header.sender);
    if (found != under_way_.end()) {
      const unfinished_message& one = found->second;
      const bool continues = one.sequence == header.sequence && one.total == header.total &&
                             one.bytes.size() == header.offset && header.offset != 0;
      if (!continues) {
        under_way_.erase(found);
        found = under_way_.end();
      }
    }
    if (found == under_way_.end()) {
      if (header.offset != 0 || header.total > most_) return;
      found = under_way_.try_emplace(header.sender).first;
      found->second = {.sequence = header.sequence, .total = header.total, .bytes = {}};
    }
    message& bytes = found->second.bytes;
    bytes.insert(bytes.end(), payload.begin(), payload.end());
    if (bytes.size() != header.total) return;
    read_.messages.push_back(std::move(bytes));
    under_way_.erase(found);
  }

  std::size_t most_;
  std::map<std::uint64_t, unfinished_message> under_way_;
  plain_reading read_;
};

// Fragments as the script wants them, since no fuzzer guesses a check: whole messages, messages
// that go on as they should or nearly so, headers that lie, and what is none.
message written_by(script& input) {
  message stream;
  std::array<fragment_header, 3> under_way{};
  while (!input.is_over()) {
    const std::size_t kind = input.below(12);
    const std::size_t sender = input.below(under_way.size());
    const const_bytes payload = input.piece(16 * input.below(12));
    const auto size = static_cast<std::uint32_t>(payload.size());
    fragment_header header = under_way[sender];
    if (kind < 4) {
      header = {.sender = sender, .sequence = header.sequence + 1, .total = size, .size = size};
      if (kind > 0) header.total += static_cast<std::uint32_t>(16 * input.below(12));
    } else {
      header.offset += header.size;
      header.size = size;
    }
    if (kind == 8) header.offset -= std::min<std::uint32_t>(header.offset, 16);
    if (kind == 9) header.sequence += 1;
    if (kind == 10) header.total = input.number<std::uint32_t>();
    if (kind == 11) header.size = input.number<std::uint16_t>();
    under_way[sender] = header;
    const auto bytes = header.encode();
    if (kind != 7) stream.insert(stream.end(), bytes.begin(), bytes.end());
    stream.insert(stream.end(), payload.begin(), payload.end());
  }
  return stream;
}

// Until nothing more is there now; false at the end.
bool drain(fifo_receiver& receiver, std::vector<message>& got, std::size_t& complaints,
           std::size_t most) {
  for (;;) {
    const auto next = receiver.next_size();
    if (next) {
      require(*next <= most, "no message is longer than the maximum");
      message bytes(*next);
      const auto size = receiver.try_receive(bytes);
      require(size && *size == *next, "a message has the size that was told");
      got.push_back(std::move(bytes));
    } else if (next.error() == errc::corrupt) {
      ++complaints;
    } else {
      require(would_block(next.error()) || next.error() == errc::closed, "there is no other error");
      return would_block(next.error());
    }
  }
}

}  // namespace
}  // namespace sluice::test

int sluice_fuzz_fragments(const std::uint8_t* data, std::size_t size) {
  using namespace sluice;
  using namespace sluice::test;
  const nothing_left_behind checked;
  script input{data, size};
  const std::size_t most = input.coin() ? 1 << 20 : input.below(100);
  const std::size_t unfinished = input.coin() ? 64 : 1 + input.below(4);
  const std::size_t step = 1 + input.below(256);
  const test::message stream = written_by(input);
  const scratch_directory folder;
  const std::string path = folder.path() + "/fifo";
  auto name = fifo::create(path).value();
  auto receiver =
      fifo_receiver::open(path, {.max_message_bytes = most, .max_unfinished = unfinished}).value();
  const unique_fd writer{::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC)};
  std::vector<test::message> got;
  std::size_t complaints = 0;
  for (std::size_t at = 0; at < stream.size(); at += step) {
    const std::size_t bytes = std::min(step, stream.size() - at);
    require(::write(writer.get(), stream.data() + at, bytes) == static_cast<ssize_t>(bytes),
            "the pipe takes a piece");
    drain(receiver, got, complaints, most);
  }
  const_cast<unique_fd&>(writer).reset();
  require(!drain(receiver, got, complaints, most), "the stream ends with its last writer");
  plain_reading expected = plain_reader{most}.read(stream);
  require(complaints == 0 || expected.has_foreign_bytes || expected.is_torn,
          "only what is wrong is called corrupt");
  // What is given up for want of room depends on the pieces; all else does not.
  if (unfinished == 64) require(got == expected.messages, "the messages are those in the bytes");
  require(got.size() <= expected.messages.size(), "no message is invented");
  return 0;
}
