#include "support/runtime_directory.hpp"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>

namespace sluice::test {

namespace {
constexpr const char* variable = "SLUICE_RUNTIME_DIR";
}  // namespace

private_runtime_directory::private_runtime_directory()
    : path_("/dev/shm/sluice-test-" + std::to_string(::getpid()) + "-XXXXXX") {
  if (::mkdtemp(path_.data()) == nullptr) {
    std::perror("private_runtime_directory: mkdtemp");
    std::abort();
  }
  if (const char* value = std::getenv(variable)) before_ = value;
  ::setenv(variable, path_.c_str(), 1);
}

private_runtime_directory::~private_runtime_directory() {
  if (before_)
    ::setenv(variable, before_->c_str(), 1);
  else
    ::unsetenv(variable);
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string private_runtime_directory::current() {
  const char* value = std::getenv(variable);
  return value == nullptr ? std::string{} : std::string{value};
}

}  // namespace sluice::test
