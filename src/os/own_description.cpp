#include "os/own_description.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <mutex>
#include <sluice/os/liveness.hpp>
#include <string>
#include <utility>

#include "os/syscall.hpp"
#include "os/syscall_liveness.hpp"

namespace sluice {

// All descriptions of this process, for the at-fork handler. The lock is held while a description
// is opened or closed and while the process forks, so that no child has one that is not in the
// list.
struct own_description::registry {
  std::mutex lock;
  own_description* first = nullptr;
  std::uint64_t next_mark = std::uint64_t{1} << 40;  // no file that is read has such an offset
  bool follows_forks = false;
};

constinit own_description::registry own_description::living{};

namespace {

// Which file a descriptor leads to, if locks of ours can be upon it.
result<file_identity> lockable_file(int fd, const char* operation) {
  auto flags = syscall::status_flags(fd);
  if (!flags) return failure{flags.error()};
  if ((*flags & O_PATH) != 0 || (*flags & O_ACCMODE) != O_RDWR)
    return failure{std::errc::invalid_argument, operation,
                   "the descriptor must be open for reading and writing (O_RDWR)"};
  auto found = syscall::status(fd);
  if (!found) return failure{found.error()};
  if (!S_ISREG(found->st_mode))
    return failure{std::errc::invalid_argument, operation,
                   "not a regular file, on disk or in memory"};
  return file_identity{.device = found->st_dev, .inode = found->st_ino};
}

failure not_opened(const error& reason) {
  if (reason == std::errc::no_such_file_or_directory)
    return reason.with_hint("a description of one's own needs /proc mounted");
  if (reason == std::errc::permission_denied || reason == std::errc::operation_not_permitted)
    return reason.with_hint(
        "this user may not open the file: have its owner hand a description "
        "over, for from_native");
  return reason;
}

}  // namespace

result<std::unique_ptr<own_description>> own_description::open(int file) {
  auto identity = lockable_file(file, "liveness::open");
  if (!identity) return failure{identity.error()};
  // Nothing is allocated under the lock. It is let go before `made` goes, which takes it as well.
  const std::string path = "/proc/self/fd/" + std::to_string(file);
  std::unique_ptr<own_description> made{new own_description{*identity}};
  const std::lock_guard guard{living.lock};
  if (auto follows = follow_forks(); !follows) return failure{follows.error()};
  auto description = syscall::open_at(AT_FDCWD, path.c_str(), O_RDWR);
  if (!description) return not_opened(description.error());
  made->mark_ = living.next_mark++;
  if (auto marked = syscall::set_offset(description->get(), made->mark_); !marked)
    return failure{marked.error()};
  made->enlist(std::move(*description));
  return made;
}

result<std::unique_ptr<own_description>> own_description::adopt(unique_fd description) {
  auto identity = lockable_file(description.get(), "liveness::from_native");
  if (!identity) return failure{identity.error()};
  if (auto set = syscall::set_close_on_exec(description.get()); !set) return failure{set.error()};
  std::unique_ptr<own_description> made{new own_description{*identity}};
  const std::lock_guard guard{living.lock};
  if (auto follows = follow_forks(); !follows) return failure{follows.error()};
  // Its offset is left alone: who handed it over may keep it against the promise, and could then
  // make us believe that we had lost it.
  made->enlist(std::move(description));
  return made;
}

own_description::own_description(const file_identity& file) noexcept
    : file_(file), maker_(syscall::process_id()) {}

own_description::~own_description() {
  const std::lock_guard guard{living.lock};
  leave_list();
  forget_if_foreign();
  if (!description_) return;
  // A child that is being forked may have a copy until its handler ran, so closing is not enough.
  // In a child without handlers the locks are the parent's.
  if (!is_inherited()) syscall::unlock_all(description_.get());
  description_.reset();  // under the lock: out of the list and still open, a child would keep it
}

bool own_description::is_inherited() const noexcept { return syscall::process_id() != maker_; }

unique_fd own_description::release() noexcept {
  const std::lock_guard guard{living.lock};
  leave_list();
  forget_if_foreign();
  return std::move(description_);
}

result<bool> own_description::check() {
  if (!description_) return false;
  auto ours = is_ours();
  if (ours && !*ours) {
    const std::lock_guard guard{living.lock};
    static_cast<void>(description_.release());
  }
  return ours;
}

result<bool> own_description::is_ours() const {
  auto found = syscall::status(description_.get());
  if (!found) {
    if (found.error() == std::errc::bad_file_descriptor) return false;
    return failure{found.error()};
  }
  if (file_identity{.device = found->st_dev, .inode = found->st_ino} != file_) return false;
  if (mark_ == 0) return true;
  auto offset = syscall::offset(description_.get());
  if (!offset) return failure{offset.error()};
  return *offset == mark_;
}

// What is proven not to be ours any more is not closed; without proof it is.
void own_description::forget_if_foreign() noexcept {
  if (!description_) return;
  if (auto ours = is_ours(); ours && !*ours) static_cast<void>(description_.release());
}

// The list. All of this is called under its lock.

result<void> own_description::follow_forks() {
  if (living.follows_forks) return {};
  auto follows = syscall::at_fork(&before_fork, &after_fork_in_parent, &after_fork_in_child);
  living.follows_forks = follows.has_value();
  return follows;
}

void own_description::enlist(unique_fd description) noexcept {
  description_ = std::move(description);
  next_ = living.first;
  if (next_ != nullptr) next_->previous_ = this;
  living.first = this;
}

void own_description::leave_list() noexcept {
  if (previous_ != nullptr) previous_->next_ = next_;
  if (next_ != nullptr) next_->previous_ = previous_;
  if (living.first == this) living.first = next_;
  previous_ = nullptr;
  next_ = nullptr;
}

void own_description::before_fork() { living.lock.lock(); }
void own_description::after_fork_in_parent() { living.lock.unlock(); }

// The child has this thread alone, which took the lock. Its handles keep their objects, without a
// description, and know by the count that they are inherited.
void own_description::after_fork_in_child() {
  while (living.first != nullptr) {
    own_description& one = *living.first;
    one.leave_list();
    one.forget_if_foreign();
    one.description_.reset();
  }
  // Relaxed: nobody else is here to see it.
  liveness::forks.fetch_add(1, std::memory_order_relaxed);
  living.lock.unlock();
}

}  // namespace sluice
