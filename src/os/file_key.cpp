#include "os/file_key.hpp"

#include <fcntl.h>

#include "os/syscall.hpp"

namespace sluice {

result<key_t> make_file_key(const std::string& path, int project) {
  constexpr const char* operation = "ftok";
  if (project < 1 || project > 255)
    return failure{std::errc::invalid_argument, operation, "a project number is 1 to 255"};
  if (path.empty() || path.find('\0') != path.npos)
    return failure{std::errc::invalid_argument, operation, "the path is empty or contains NUL"};
  auto file = syscall::open_at(AT_FDCWD, path.c_str(), O_PATH);
  if (!file) return failure{file.error()};
  auto found = syscall::status(file->get());
  if (!found) return failure{found.error()};
  // As the C library does it, so that programs that call ftok(3) arrive at the same key.
  const auto key = (static_cast<std::uint32_t>(project) << 24) |
                   (static_cast<std::uint32_t>(found->st_dev & 0xff) << 16) |
                   static_cast<std::uint32_t>(found->st_ino & 0xffff);
  return static_cast<key_t>(key);
}

}  // namespace sluice
