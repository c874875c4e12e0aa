#include <chrono>
#include <sluice/os/listening_socket.hpp>

#include "os/syscall.hpp"
#include "os/syscall_sockets.hpp"

namespace sluice {

result<listening_socket> listening_socket::over(unique_fd fd) {
  if (auto set = syscall::set_nonblocking(fd.get(), true); !set) return failure{set.error()};
  listening_socket made{std::move(fd)};
  auto reserve = syscall::duplicate(made.fd_.get());
  if (!reserve) return failure{reserve.error()};
  made.reserve_ = std::move(*reserve);
  return made;
}

void listening_socket::refill() {
  if (reserve_) return;
  if (auto again = syscall::duplicate(fd_.get())) reserve_ = std::move(*again);
}

result<unique_fd> listening_socket::try_accept() {
  refill();
  auto accepted = syscall::accept(fd_.get());
  if (accepted) return accepted;
  const bool none_left = accepted.error() == std::errc::too_many_files_open ||
                         accepted.error() == std::errc::too_many_files_open_in_system;
  if (!none_left) return accepted;
  if (reserve_) {
    reserve_.reset();
    // Taken and closed. Where another thread was faster with the number, the connection waits on.
    static_cast<void>(syscall::accept(fd_.get()));
    refill();
  } else {
    // Nothing can be taken, not even to be closed: whoever asks in a loop shall not do so at once.
    static_cast<void>(syscall::sleep(std::chrono::milliseconds{10}));
  }
  return accepted;
}

result<void> listening_socket::wait_readable(deadline until) const {
  return syscall::wait_readable(fd_.get(), until);
}

}  // namespace sluice
