#pragma once
// A runtime directory for one test, so that tests run side by side and none meets another's names.

#include <optional>
#include <string>

namespace sluice::test {

/// A fresh directory in /dev/shm, 0700, which $SLUICE_RUNTIME_DIR names while this lives; then the
/// variable is as before and the directory is gone with all that is in it. Every test has one
/// already (see main.cpp): `private_runtime_directory::current()`.
class private_runtime_directory {
 public:
  private_runtime_directory();
  private_runtime_directory(const private_runtime_directory&) = delete;
  private_runtime_directory& operator=(const private_runtime_directory&) = delete;
  ~private_runtime_directory();

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  /// The directory that the environment names.
  [[nodiscard]] static std::string current();

 private:
  std::string path_;
  std::optional<std::string> before_;
};

}  // namespace sluice::test
