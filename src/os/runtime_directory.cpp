#include <fcntl.h>
#include <sys/file.h>

#include <sluice/os/runtime_directory.hpp>

#include "os/named_directory.hpp"
#include "os/syscall.hpp"

namespace sluice {

directory_lock::~directory_lock() {
  // Explicitly: a child forked meanwhile has a copy of the description, which would keep the lock.
  if (fd_ >= 0) static_cast<void>(syscall::lock_file(fd_, LOCK_UN));
}

result<name_place> name_place::resolve(const channel_name& name, std::string_view suffix,
                                       const runtime_directory_options& options) {
  if (name.is_path()) {
    std::string directory = name.directory();
    auto opened = syscall::open_at(AT_FDCWD, directory.c_str(), O_PATH | O_DIRECTORY);
    if (!opened) return failure{opened.error()};
    return name_place{std::move(*opened), std::move(directory), std::string{name.leaf()}, false};
  }
  auto opened = open_runtime_directory(options, missing_directory::is_made);
  if (!opened) return failure{opened.error()};
  std::string leaf = name.text();
  leaf += suffix;
  return name_place{std::move(opened->fd), std::move(opened->path), std::move(leaf), true};
}

result<directory_lock> name_place::lock() const {
  if (!in_runtime_directory_) return directory_lock{};
  return lock_directory(directory_.get());
}

result<std::string> runtime_directory_path(const runtime_directory_options& options) {
  auto opened = open_runtime_directory(options, missing_directory::is_made);
  if (!opened) return failure{opened.error()};
  return std::move(opened->path);
}

}  // namespace sluice
