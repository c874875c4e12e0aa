#pragma once
// A stream of bytes in memory that does as a test says: how much one call moves, how much there is
// room for, and what fails.

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <sluice/base/channel_traits.hpp>
#include <sluice/base/concepts.hpp>
#include <string_view>
#include <vector>

namespace sluice::test {

/// What both ends share, and the test with them.
struct byte_pipe {
  std::vector<std::byte> content = {};      ///< Written and not read yet.
  std::size_t per_write = ~std::size_t{0};  ///< One write takes at most this much.
  std::size_t per_read = ~std::size_t{0};   ///< One read gives at most this much.
  std::size_t capacity = ~std::size_t{0};   ///< Writing would block beyond.
  bool pauses = false;                      ///< Every other call would block.
  bool ended = false;                       ///< The writer is gone.
  std::optional<std::errc> failing = {};    ///< What the next calls report instead.
  std::size_t writes = 0;                   ///< Calls that took something.
  std::size_t reads = 0;                    ///< Calls that gave something.
  std::size_t largest_read = 0;             ///< The largest buffer that was offered.

  bool paused = false;  ///< The call before did.

  /// Whether this call is one of those that would block.
  bool pausing() noexcept {
    paused = pauses && !paused;
    return paused;
  }
};

inline constexpr channel_capabilities byte_pipe_capabilities{
    .mechanism = "bytes in memory", .order = ordering::total, .reaches = reach::one_process};

class byte_pipe_reader {
 public:
  static constexpr channel_capabilities capabilities = byte_pipe_capabilities;
  explicit byte_pipe_reader(std::shared_ptr<byte_pipe> shared) : shared_(std::move(shared)) {}

  result<std::size_t> try_read(mutable_bytes buffer) {
    byte_pipe& pipe = *shared_;
    pipe.largest_read = std::max(pipe.largest_read, buffer.size());
    if (pipe.failing) return failure{*pipe.failing, "byte_pipe"};
    if (buffer.empty()) return std::size_t{0};
    if (pipe.content.empty() && pipe.ended) return failure{errc::closed, "byte_pipe"};
    if (pipe.content.empty() || pipe.pausing())
      return failure{std::errc::resource_unavailable_try_again, "byte_pipe"};
    ++pipe.reads;
    const std::size_t most = std::min(pipe.per_read, buffer.size());
    const std::size_t got = copy_bytes(pipe.content, buffer.first(most));
    pipe.content.erase(pipe.content.begin(),
                       pipe.content.begin() + static_cast<std::ptrdiff_t>(got));
    return got;
  }
  result<void> wait_readable(deadline) {
    if (shared_->content.empty() && !shared_->ended && !shared_->failing)
      return failure{std::errc::timed_out, "byte_pipe"};  // nobody could add anything
    return {};
  }

 private:
  std::shared_ptr<byte_pipe> shared_;
};

class byte_pipe_writer {
 public:
  static constexpr channel_capabilities capabilities = byte_pipe_capabilities;
  explicit byte_pipe_writer(std::shared_ptr<byte_pipe> shared) : shared_(std::move(shared)) {}

  result<std::size_t> try_write(byte_parts parts) {
    byte_pipe& pipe = *shared_;
    if (pipe.failing) return failure{*pipe.failing, "byte_pipe"};
    const std::size_t room = pipe.capacity - std::min(pipe.capacity, pipe.content.size());
    std::size_t left = std::min({pipe.per_write, room, total_size(parts)});
    if (total_size(parts) != 0 && (left == 0 || pipe.pausing()))
      return failure{std::errc::resource_unavailable_try_again, "byte_pipe"};
    const std::size_t taken = left;
    for (const const_bytes part : parts) {
      const const_bytes piece = part.first(std::min(left, part.size()));
      pipe.content.insert(pipe.content.end(), piece.begin(), piece.end());
      left -= piece.size();
    }
    ++pipe.writes;
    return taken;
  }
  result<void> wait_writable(deadline) {
    if (shared_->content.size() >= shared_->capacity && !shared_->failing)
      return failure{std::errc::timed_out, "byte_pipe"};  // nobody could take anything
    return {};
  }

 private:
  std::shared_ptr<byte_pipe> shared_;
};

static_assert(byte_reader<byte_pipe_reader> && byte_writer<byte_pipe_writer>);

}  // namespace sluice::test
