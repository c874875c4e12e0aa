#include "os/syscall_bell.hpp"

#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>
#include <string_view>

#include "os/syscall_invoke.hpp"

namespace sluice::syscall {

namespace {

struct bell_address {
  sockaddr_un bytes{};
  std::size_t size = 0;
};

// A name that begins with a zero is in no directory. The number is hard to guess, so that nobody
// takes it before us.
bell_address address_of(std::uint64_t number) noexcept {
  bell_address made;
  made.bytes.sun_family = AF_UNIX;
  std::array<char, 32> text{};
  const int length = std::snprintf(text.data(), text.size(), "sluice-bell-%016llx",
                                   static_cast<unsigned long long>(number));
  std::copy_n(text.data(), length, made.bytes.sun_path + 1);
  made.size = offsetof(sockaddr_un, sun_path) + 1 + static_cast<std::size_t>(length);
  return made;
}

}  // namespace

result<unique_fd> bell_socket() {
  constexpr int kind = SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
  const long fd = retried(SYS_socket, AF_UNIX, kind, 0);
  if (fd < 0) return failed(fd, "socket");
  return unique_fd{static_cast<int>(fd)};
}

result<bool> number_bell(int fd, std::uint64_t number) {
  const bell_address address = address_of(number);
  const long outcome = retried(SYS_bind, fd, &address.bytes, address.size);
  if (outcome == -EADDRINUSE) return false;
  if (outcome < 0) return failed(outcome, "bind");
  return true;
}

result<bool> ring_bell(int fd, std::uint64_t number) {
  const bell_address address = address_of(number);
  constexpr std::byte stroke{1};
  const long outcome = retried(SYS_sendto, fd, &stroke, sizeof(stroke), MSG_DONTWAIT | MSG_NOSIGNAL,
                               &address.bytes, address.size);
  if (outcome == -ECONNREFUSED) return false;
  if (outcome == -EAGAIN) return true;
  if (outcome < 0) return failed(outcome, "sendto");
  return true;
}

result<void> hush_bell(int fd) {
  constexpr int most_strokes = 32;
  constexpr void* nobody = nullptr;
  for (int stroke = 0; stroke < most_strokes; ++stroke) {
    std::byte taken{};
    const long outcome =
        retried(SYS_recvfrom, fd, &taken, sizeof(taken), int{MSG_DONTWAIT}, nobody, nobody);
    if (outcome == -EAGAIN) return {};
    if (outcome < 0) return failed(outcome, "recvfrom");
  }
  return {};
}

result<unique_fd> timer() {
  const long fd =
      retried(SYS_timerfd_create, int{CLOCK_MONOTONIC}, int{TFD_NONBLOCK | TFD_CLOEXEC});
  if (fd < 0) return failed(fd, "timerfd_create");
  return unique_fd{static_cast<int>(fd)};
}

result<void> set_timer(int fd, std::chrono::nanoseconds span) {
  // Nothing at all would switch it off.
  const auto wanted = std::max(span, std::chrono::nanoseconds{1});
  const auto seconds = std::chrono::floor<std::chrono::seconds>(wanted);
  itimerspec once{};
  once.it_value = {.tv_sec = seconds.count(), .tv_nsec = (wanted - seconds).count()};
  constexpr void* before = nullptr;
  const long outcome = retried(SYS_timerfd_settime, fd, 0, &once, before);
  if (outcome < 0) return failed(outcome, "timerfd_settime");
  return {};
}

}  // namespace sluice::syscall
