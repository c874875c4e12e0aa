#pragma once
// The kernel door with files of the kernel that say what a script says: the seam of the library
// (src/os/syscall_raw.hpp) in a form of its own.

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::test {

/// What a file below /proc or /sys holds, by its path; nothing for those that are as they are. A
/// folder, whose path ends in a slash, is empty but for one number.
using file_content = std::function<std::optional<std::string>(std::string_view path)>;

/// As long as it lives, what this process opens through the door is fed. One at a time.
class fed_files {
 public:
  explicit fed_files(file_content content);
  fed_files(const fed_files&) = delete;
  fed_files& operator=(const fed_files&) = delete;
  ~fed_files();
};

}  // namespace sluice::test
