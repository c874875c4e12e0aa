#pragma once
// Whether this process may look at what all others have open and mapped.

#include <cctype>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>

namespace sluice::test {

/// False when one process hides its memory from us, as the first of a container or virtual machine
/// may even from root: then nobody can say that a file is not in use.
[[nodiscard]] inline bool all_processes_are_visible() {
  for (const auto& entry : std::filesystem::directory_iterator{"/proc"}) {
    const std::string leaf = entry.path().filename();
    if (std::isdigit(static_cast<unsigned char>(leaf[0])) == 0) continue;
    errno = 0;
    std::ifstream maps{entry.path() / "maps"};
    if (!maps && errno == EACCES) return false;
    std::error_code refused;
    std::filesystem::directory_iterator{entry.path() / "fd", refused};
    if (refused == std::errc::permission_denied) return false;
  }
  return true;
}

}  // namespace sluice::test
