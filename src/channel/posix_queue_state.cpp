#include "channel/posix_queue_state.hpp"

#include "os/syscall.hpp"

namespace sluice::posix_queue_state {

namespace {

constexpr const char* operation = "posix_queue";

result<void> check(const struct stat& found, const posix_queue_open_options& options) {
  if (found.st_uid != options.owner.value_or(syscall::effective_user()))
    return failure{std::errc::permission_denied, operation,
                   "the queue belongs to another user, who took the name first: name the owner in "
                   "the options to accept it"};
  if ((found.st_mode & S_IWOTH) != 0 && !options.world_writable)
    return failure{std::errc::permission_denied, operation,
                   "everybody may write to the queue: change its mode, or accept that in the "
                   "options"};
  return {};
}

}  // namespace

result<std::string> kernel_name(std::string_view name) {
  if (name.starts_with('/')) name.remove_prefix(1);
  if (name.empty() || name == "." || name == "..")
    return failure{std::errc::invalid_argument, operation, "a name has at least one letter"};
  if (name.find('/') != name.npos || name.find('\0') != name.npos)
    return failure{std::errc::invalid_argument, operation,
                   "a name has one slash, at its start, and no NUL"};
  if (name.size() > 255)
    return failure{std::errc::filename_too_long, operation, "a name has at most 255 bytes"};
  return std::string{name};
}

result<opened> open(const std::string& kernel_name, access how,
                    const posix_queue_open_options& options) {
  auto fd = syscall::posix_queue_open(kernel_name.c_str(), how);
  if (!fd) return failure{fd.error()};
  auto found = syscall::status(fd->get());
  if (!found) return failure{found.error()};
  if (auto good = check(*found, options); !good) return failure{good.error()};
  auto attributes = syscall::posix_queue_inspect(fd->get());
  if (!attributes) return failure{attributes.error()};
  return opened{std::move(*fd),
                {.device = found->st_dev, .inode = found->st_ino},
                attributes->max_message_bytes};
}

result<opened> adopt(unique_fd fd, access how) {
  auto attributes = syscall::posix_queue_inspect(fd.get());
  if (!attributes) return failure{attributes.error().with_hint("this is no POSIX queue")};
  auto allowed = syscall::queue_allows(fd.get(), how);
  if (!allowed) return failure{allowed.error()};
  if (!*allowed)
    return failure{std::errc::bad_file_descriptor, operation,
                   "the queue was opened for the other direction alone"};
  auto found = syscall::status(fd.get());
  if (!found) return failure{found.error()};
  return opened{std::move(fd),
                {.device = found->st_dev, .inode = found->st_ino},
                attributes->max_message_bytes};
}

}  // namespace sluice::posix_queue_state
