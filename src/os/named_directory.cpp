#include "os/named_directory.hpp"

#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "os/syscall.hpp"

namespace sluice {

namespace {

constexpr const char* operation = "runtime_directory";
constexpr auto lock_patience = std::chrono::seconds{5};

struct directory_choice {
  std::string path;
  bool shared = false;  // named by an option: made for sharing
};

// After a slash the kernel follows a symbolic link whatever the flags say.
std::string without_trailing_slashes(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

directory_choice choose(const runtime_directory_options& options) {
  if (!options.path.empty()) return {without_trailing_slashes(options.path), true};
  // Read on each call: a test or a service may set it late. Nobody but the caller changes it.
  const char* named = std::getenv("SLUICE_RUNTIME_DIR");  // NOLINT(concurrency-mt-unsafe)
  if (named != nullptr && *named != '\0') return {without_trailing_slashes(named), false};
  return {"/dev/shm/sluice-" + std::to_string(syscall::effective_user()), false};
}

result<void> check_private(const struct stat& found) {
  if (found.st_uid != syscall::effective_user())
    return failure{std::errc::permission_denied, operation,
                   "the runtime directory belongs to somebody else: remove it, or set "
                   "SLUICE_RUNTIME_DIR to another one"};
  if ((found.st_mode & 077) != 0)
    return failure{std::errc::permission_denied, operation,
                   "the runtime directory is open to others: chmod 700 it, or name a directory "
                   "made for sharing in the options"};
  return {};
}

result<void> check_shared(const struct stat& found) {
  const bool everybody_writes = (found.st_mode & S_IWOTH) != 0;
  if (everybody_writes && (found.st_mode & S_ISVTX) == 0)
    return failure{std::errc::permission_denied, operation,
                   "everybody may replace files in this directory: chmod +t or o-w it"};
  return {};
}

result<unique_fd> open_checked(const directory_choice& choice, missing_directory missing) {
  constexpr int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
  auto opened = syscall::open_at(AT_FDCWD, choice.path.c_str(), flags);
  if (!opened && opened.error() == std::errc::no_such_file_or_directory && !choice.shared &&
      missing == missing_directory::is_made) {
    auto made = syscall::make_directory(AT_FDCWD, choice.path.c_str(), 0700);
    // Somebody else may have made it just now; then it is checked like any other.
    if (!made && !(made.error() == std::errc::file_exists))
      return failure{made.error().with_hint(
          "the runtime directory cannot be made: set SLUICE_RUNTIME_DIR to a directory of yours")};
    if (made) {
      // A umask may have taken permissions of ours, even that to open it.
      auto named = syscall::open_at(AT_FDCWD, choice.path.c_str(), flags | O_PATH);
      if (!named) return named;
      if (auto exact = syscall::set_mode(named->get(), 0700); !exact) return failure{exact.error()};
    }
    opened = syscall::open_at(AT_FDCWD, choice.path.c_str(), flags);
  }
  if (!opened && (opened.error() == std::errc::not_a_directory ||
                  opened.error() == std::errc::too_many_symbolic_link_levels))
    return failure{std::errc::not_a_directory, operation,
                   "the runtime directory must be a directory, not a file or symbolic link"};
  if (!opened)
    return failure{opened.error().with_hint(
        choice.shared ? "the runtime directory that the options name cannot be opened"
                      : "the runtime directory cannot be opened: set SLUICE_RUNTIME_DIR to a "
                        "directory of yours")};
  auto found = syscall::status(opened->get());
  if (!found) return failure{found.error()};
  auto trusted = choice.shared ? check_shared(*found) : check_private(*found);
  if (!trusted) return failure{trusted.error()};
  return opened;
}

}  // namespace

result<named_directory> open_runtime_directory(const runtime_directory_options& options,
                                               missing_directory missing) {
  directory_choice choice = choose(options);
  auto opened = open_checked(choice, missing);
  if (!opened) return failure{opened.error()};
  return named_directory{std::move(*opened), std::move(choice.path)};
}

result<directory_lock> lock_directory(int directory) {
  // A description of its own: flock(2) does not keep two users of one description apart. Ours is
  // shared with forked children at most, so it will do when a name shall be given up and there is
  // no descriptor left.
  auto own = syscall::open_at(directory, ".", O_RDONLY | O_DIRECTORY);
  const bool none_left = !own && (own.error() == std::errc::too_many_files_open ||
                                  own.error() == std::errc::too_many_files_open_in_system);
  if (!own && !none_left) return failure{own.error()};
  const int fd = own ? own->get() : directory;
  const deadline patience{lock_patience};
  auto pause = std::chrono::microseconds{50};
  for (;;) {
    auto locked = syscall::lock_file(fd, LOCK_EX | LOCK_NB);
    if (locked) return own ? directory_lock{std::move(*own)} : directory_lock{fd};
    if (!would_block(locked.error())) return failure{locked.error()};
    if (patience.has_passed())
      return failure{errc::stalled, operation,
                     "a process that holds the lock of the runtime directory makes no progress"};
    if (auto slept = syscall::sleep(pause); !slept) return failure{slept.error()};
    pause = std::min(pause * 2, std::chrono::microseconds{10'000});
  }
}

}  // namespace sluice
