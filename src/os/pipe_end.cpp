#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#include <sluice/os/pipe_end.hpp>
#include <string>
#include <utility>

#include "os/syscall.hpp"
#include "os/syscall_invoke.hpp"

namespace sluice {

namespace {

using syscall::is_unsupported;

bool is_unsupported(const error& reason) noexcept {
  // ENOSYS: a kernel, or a sandbox, that knows nothing of the calls with flags.
  return reason == std::errc::operation_not_supported ||
         reason == std::errc::function_not_supported;
}

}  // namespace

pipe_end::pipe_end(pipe_end&& other) noexcept
    : fd_(std::move(other.fd_)),
      use_(other.use_),
      missing_(other.missing_.load(std::memory_order_relaxed)),
      is_nonblocking_(other.is_nonblocking_.load(std::memory_order_relaxed)),
      twin_(other.twin_.exchange(-1, std::memory_order_relaxed)) {}

pipe_end& pipe_end::operator=(pipe_end&& other) noexcept {
  if (this == &other) return *this;
  unique_fd{twin_.exchange(other.twin_.exchange(-1))}.reset();
  fd_ = std::move(other.fd_);
  use_ = other.use_;
  missing_ = other.missing_.load();
  is_nonblocking_ = other.is_nonblocking_.load();
  return *this;
}

pipe_end::~pipe_end() { unique_fd{twin_.load(std::memory_order_relaxed)}.reset(); }

result<pipe_end> pipe_end::from_native(unique_fd fd, bool for_writing) {
  auto found = syscall::status(fd.get());
  if (!found) return failure{found.error()};
  if (!S_ISFIFO(found->st_mode))
    return failure{std::errc::invalid_argument, "from_native", "not a pipe or FIFO"};
  auto flags = syscall::status_flags(fd.get());
  if (!flags) return failure{flags.error()};
  if ((*flags & O_PATH) != 0)
    return failure{std::errc::invalid_argument, "from_native",
                   "the descriptor only names the pipe (O_PATH)"};
  const int access = *flags & O_ACCMODE;
  if (access != O_RDWR && access != (for_writing ? O_WRONLY : O_RDONLY))
    return failure{std::errc::invalid_argument, "from_native",
                   "the descriptor is the other end of the pipe"};
  return pipe_end{std::move(fd), description_use::shared};
}

result<int> pipe_end::nonblocking_twin() {
  if (const int known = twin_.load(std::memory_order_acquire); known >= 0) return known;
  constexpr const char* hint =
      "never blocking on a pipe that others share needs Linux 6.4, or /proc mounted";
  auto flags = syscall::status_flags(fd_.get());
  if (!flags) return failure{flags.error()};
  const std::string path = "/proc/self/fd/" + std::to_string(fd_.get());
  auto opened = syscall::open_at(AT_FDCWD, path.c_str(), (*flags & O_ACCMODE) | O_NONBLOCK);
  if (!opened) {
    if (opened.error() == std::errc::no_such_device_or_address)  // ENXIO: no reader is left
      return failure{std::errc::broken_pipe, "write"};
    return failure{opened.error().with_hint(hint)};
  }
  int expected = -1;
  // Release: another thread that sees the number may use the descriptor. Pairs with the load above.
  if (!twin_.compare_exchange_strong(expected, opened->get(), std::memory_order_acq_rel))
    return expected;  // another thread was faster; ours closes
  return opened->release();
}

result<pipe_end::way> pipe_end::way_to(waiting mode) {
  if (mode == waiting::allowed) return way{fd_.get(), 0};
  if (use_ == description_use::exclusive) {
    // Relaxed: at worst two threads set the same flag.
    if (!is_nonblocking_.load(std::memory_order_relaxed)) {
      if (auto set = syscall::set_nonblocking(fd_.get(), true); !set) return failure{set.error()};
      is_nonblocking_.store(true, std::memory_order_relaxed);
    }
    return way{fd_.get(), 0};
  }
  if (!lacks(no_wait_flag)) return way{fd_.get(), syscall::no_wait};
  auto twin = nonblocking_twin();
  if (!twin) return failure{twin.error()};
  return way{*twin, 0};
}

inline int pipe_end::usual_flags(waiting mode) const noexcept {
  if (mode == waiting::allowed) return 0;
  if (use_ == description_use::exclusive)
    return is_nonblocking_.load(std::memory_order_relaxed) ? 0 : unknown;
  return lacks(no_wait_flag) ? unknown : syscall::no_wait;
}

inline result<std::size_t> pipe_end::read_once(mutable_bytes buffer, waiting mode) {
  if (buffer.empty()) return std::size_t{0};
  if (const int flags = usual_flags(mode); flags != unknown) [[likely]] {
    const long got = syscall::read_outcome(fd_.get(), buffer, flags);
    if (got > 0) [[likely]]
      return static_cast<std::size_t>(got);
    if (got == 0) return at_end_of_input();
    if (flags == 0 || !is_unsupported(got)) return syscall::byte_count(got, "read");
    learn(no_wait_flag);
  }
  return read_otherwise(buffer, mode);
}

result<std::size_t> pipe_end::read_otherwise(mutable_bytes buffer, waiting mode) {
  for (;;) {
    auto call = way_to(mode);
    if (!call) return failure{call.error()};
    auto got = syscall::read(call->fd, buffer, call->flags);
    if (got && *got == 0) return at_end_of_input();
    if (got || call->flags == 0 || !is_unsupported(got.error())) return got;
    learn(no_wait_flag);
  }
}

result<std::size_t> pipe_end::at_end_of_input() const {
  // Nothing to read and no writer: the end, or a FIFO whose first writer is still to come. Only
  // poll(2) knows: it reports a hang-up once a writer was there (pipe(7)).
  auto ready = syscall::poll(fd_.get(), POLLIN, deadline::now());
  if (!ready) return failure{ready.error()};
  if ((*ready & POLLHUP) != 0 && (*ready & POLLIN) == 0) return failure{errc::closed, "read"};
  return failure{std::errc::resource_unavailable_try_again, "read"};
}

inline result<std::size_t> pipe_end::write_once(byte_parts parts, waiting mode) {
  const int flags = usual_flags(mode);
  if (flags != unknown && !lacks(no_signal_flag)) [[likely]] {
    const long taken = syscall::write_outcome(fd_.get(), parts, flags | syscall::no_signal);
    if (taken >= 0) [[likely]]
      return static_cast<std::size_t>(taken);
    if (!is_unsupported(taken)) return syscall::byte_count(taken, "write");
    return write_otherwise(parts, mode, asking::refused);
  }
  return write_otherwise(parts, mode, asking::still_to_do);
}

result<std::size_t> pipe_end::write_otherwise(byte_parts parts, waiting mode, asking no_signal) {
  if (total_size(parts) == 0) return std::size_t{0};
  for (;; no_signal = asking::still_to_do) {
    auto call = way_to(mode);
    if (!call) return failure{call.error()};
    if (no_signal == asking::still_to_do && !lacks(no_signal_flag)) {
      auto taken = syscall::write(call->fd, parts, call->flags | syscall::no_signal);
      if (taken || !is_unsupported(taken.error())) return taken;
    }
    // The kernel does not say which flag it lacks: leave the new one out and see.
    auto taken = syscall::write_masked(call->fd, parts, call->flags);
    if (taken || call->flags == 0 || !is_unsupported(taken.error())) {
      learn(no_signal_flag);
      return taken;
    }
    learn(no_wait_flag);
  }
}

result<std::size_t> pipe_end::try_read(mutable_bytes buffer) {
  return read_once(buffer, waiting::never);
}
result<std::size_t> pipe_end::read_waiting(mutable_bytes buffer) {
  return read_once(buffer, waiting::allowed);
}
result<std::size_t> pipe_end::try_write(byte_parts parts) {
  return write_once(parts, waiting::never);
}
result<std::size_t> pipe_end::write_waiting(byte_parts parts) {
  return write_once(parts, waiting::allowed);
}

result<void> pipe_end::wait_readable(deadline until) const {
  return syscall::wait_readable(fd_.get(), until);
}
result<void> pipe_end::wait_writable(deadline until) const {
  return syscall::wait_writable(fd_.get(), until);
}

result<std::size_t> pipe_end::capacity_bytes() const { return syscall::pipe_capacity(fd_.get()); }

result<std::size_t> pipe_end::set_capacity_bytes(std::size_t wanted) {
  return syscall::set_pipe_capacity(fd_.get(), wanted);
}

unique_fd pipe_end::release_handle() && {
  unique_fd{twin_.exchange(-1)}.reset();
  if (is_nonblocking_.load(std::memory_order_relaxed)) {
    // Whoever takes the descriptor may hand it to a program that knows nothing of O_NONBLOCK.
    static_cast<void>(syscall::set_nonblocking(fd_.get(), false));
  }
  return std::move(fd_);
}

}  // namespace sluice
