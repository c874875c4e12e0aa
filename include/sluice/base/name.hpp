#pragma once
// How a channel is named. A plain name ("ticks") lives in the runtime directory; a text with a
// slash ("/tmp/ticks.fifo", "./ticks") is a path of the file system, for talking with programs
// that do not use Sluice. Both are checked here, once, and never again.

#include <cstddef>
#include <sluice/base/result.hpp>
#include <string>
#include <string_view>

namespace sluice {

/// A checked name or path. *Threads*: a value. *Errors*: only `parse` fails.
class channel_name {
 public:
  /// Bytes of a plain name; leaves room for suffixes such as ".fifo" within NAME_MAX (255).
  static constexpr std::size_t max_name_bytes = 200;
  /// Bytes of a path; PATH_MAX of the kernel less the terminator.
  static constexpr std::size_t max_path_bytes = 4095;

  /// Refuses with `invalid_argument` or `filename_too_long` and a hint that says why: the empty
  /// text, "." and "..", a leading dot (reserved for files in the making), control characters,
  /// a path that ends in a slash, in "." or in "..", and anything too long.
  [[nodiscard]] static result<channel_name> parse(std::string_view text);

  /// True for a path, false for a name in the runtime directory.
  [[nodiscard]] bool is_path() const noexcept { return is_path_; }
  [[nodiscard]] const std::string& text() const noexcept { return text_; }
  /// Everything before the last slash of a path ("/" for "/x"); empty for a plain name.
  [[nodiscard]] std::string directory() const;
  /// What stands after the last slash, or the plain name itself.
  [[nodiscard]] std::string_view leaf() const noexcept;

  friend bool operator==(const channel_name&, const channel_name&) = default;

 private:
  channel_name(std::string text, bool is_path) : text_(std::move(text)), is_path_(is_path) {}
  std::string text_;
  bool is_path_;
};

}  // namespace sluice
