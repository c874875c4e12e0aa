#include <limits>
#include <sluice/channel/posix_queue.hpp>
#include <utility>

#include "channel/posix_queue_state.hpp"
#include "os/syscall.hpp"

namespace sluice {

namespace {

constexpr const char* operation = "posix_queue";

namespace state = posix_queue_state;

result<void> check(const posix_queue_create_options& options) {
  constexpr auto most = static_cast<std::size_t>(std::numeric_limits<int>::max());
  if ((options.mode & ~mode_t{0666}) != 0)
    return failure{std::errc::invalid_argument, operation,
                   "mode has permissions to read and write only: 0 to 0666"};
  if (options.capacity_messages == 0 || options.capacity_messages > most)
    return failure{std::errc::invalid_argument, operation,
                   "capacity_messages must be above 0, and below 2^31"};
  if (options.max_message_bytes == 0 || options.max_message_bytes > most)
    return failure{std::errc::invalid_argument, operation,
                   "max_message_bytes must be above 0, and below 2^31"};
  return {};
}

// To look at a queue, one direction is as good as the other.
result<state::opened> open_to_look(const std::string& name,
                                   const posix_queue_open_options& options) {
  auto found = state::open(name, state::access::read, options);
  if (!found && found.error() == std::errc::permission_denied)
    if (auto written = state::open(name, state::access::write, options); written) return written;
  return found;
}

}  // namespace

result<posix_queue> posix_queue::create(std::string_view name,
                                        const posix_queue_create_options& options) {
  auto known = state::kernel_name(name);
  if (!known) return failure{known.error()};
  if (auto good = check(options); !good) return failure{good.error()};
  auto fd = syscall::posix_queue_create(known->c_str(), options.mode,
                                        {.capacity_messages = options.capacity_messages,
                                         .max_message_bytes = options.max_message_bytes});
  if (!fd && fd.error() == std::errc::file_exists)
    return failure{fd.error().with_hint("the name is taken; open_or_create opens it")};
  if (!fd) return failure{fd.error()};
  // The umask may have taken permissions away.
  auto exact = syscall::set_mode(fd->get(), options.mode);
  auto found = syscall::status(fd->get());
  if (exact && found)
    return posix_queue{"/" + *known,
                       std::move(*fd),
                       {.device = found->st_dev, .inode = found->st_ino},
                       syscall::process_id()};
  static_cast<void>(syscall::posix_queue_unlink(known->c_str()));
  return failure{exact ? found.error() : exact.error()};
}

result<posix_queue> posix_queue::open(std::string_view name,
                                      const posix_queue_open_options& options) {
  auto known = state::kernel_name(name);
  if (!known) return failure{known.error()};
  auto found = open_to_look(*known, options);
  if (!found) return failure{found.error()};
  return posix_queue{"/" + *known, std::move(found->fd), found->identity, 0};
}

result<posix_queue> posix_queue::open_or_create(std::string_view name,
                                                const posix_queue_create_options& options) {
  // Others may create and remove meanwhile, but not for ever.
  constexpr int patience = 100;
  for (int turn = 1;; ++turn) {
    auto made = create(name, options);
    if (made || !(made.error() == std::errc::file_exists)) return made;
    auto found = open(name);
    const bool vanished = !found && found.error() == std::errc::no_such_file_or_directory;
    if (!vanished || turn == patience) return found;
  }
}

result<void> posix_queue::unlink(std::string_view name, const posix_queue_open_options& options) {
  auto found = open(name, options);
  if (!found) return failure{found.error()};
  return found->unlink();
}

posix_queue::posix_queue(posix_queue&& other) noexcept
    : name_(std::move(other.name_)),
      fd_(std::move(other.fd_)),
      identity_(other.identity_),
      duty_of_(std::exchange(other.duty_of_, 0)) {}

posix_queue& posix_queue::operator=(posix_queue&& other) noexcept {
  std::swap(name_, other.name_);
  std::swap(fd_, other.fd_);
  std::swap(identity_, other.identity_);
  std::swap(duty_of_, other.duty_of_);
  return *this;
}

posix_queue::~posix_queue() {
  if (duty_of_ != 0 && duty_of_ == syscall::process_id()) static_cast<void>(unlink());
}

result<posix_queue_status> posix_queue::status() const {
  auto found = syscall::status(fd_.get());
  if (!found) return failure{found.error()};
  auto attributes = syscall::posix_queue_inspect(fd_.get());
  if (!attributes) return failure{attributes.error()};
  return posix_queue_status{.owner = found->st_uid,
                            .group = found->st_gid,
                            .mode = found->st_mode & 07777,
                            .messages = attributes->messages,
                            .capacity_messages = attributes->capacity_messages,
                            .max_message_bytes = attributes->max_message_bytes};
}

result<bool> posix_queue::is_intact() const {
  // Whose it is was checked when it was opened; here only its identity counts.
  auto now = syscall::status(fd_.get());
  if (!now) return failure{now.error()};
  auto found = open_to_look(name_.substr(1), {.owner = now->st_uid, .world_writable = true});
  if (found) return found->identity == identity_;
  // Another user's by now, or one that we may not open, is not ours.
  if (found.error() == std::errc::no_such_file_or_directory) return false;
  if (found.error() == std::errc::permission_denied && now->st_nlink == 0) return false;
  return failure{found.error()};
}

result<void> posix_queue::unlink() {
  auto intact = is_intact();
  // A queue that nobody may open, not even its owner, can only be removed by its name.
  const bool closed_to_us = !intact && intact.error() == std::errc::permission_denied;
  if (!intact && !closed_to_us) return failure{intact.error()};
  if (intact && !*intact) {
    duty_of_ = 0;
    return failure{errc::removed, "mq_unlink",
                   "the name is gone, or leads to another queue by now"};
  }
  auto gone = syscall::posix_queue_unlink(name_.c_str() + 1);
  if (gone) duty_of_ = 0;
  return gone;
}

}  // namespace sluice
