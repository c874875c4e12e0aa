#include "os/syscall_watch.hpp"

#include <sys/epoll.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "os/syscall_invoke.hpp"

namespace sluice::syscall {

namespace {

result<void> control(int list, int operation, int fd, watched_for what, std::uint64_t label) {
  epoll_event wanted{};
  wanted.events = (what.readable ? EPOLLIN : 0U) | (what.writable ? EPOLLOUT : 0U);
  wanted.data.u64 = label;
  const long outcome = retried(SYS_epoll_ctl, list, operation, fd, &wanted);
  if (outcome == -ENOSPC)
    return failure{
        error::from_errno(ENOSPC, "epoll_ctl", "beyond the sysctl fs.epoll.max_user_watches")};
  if (outcome < 0) return failed(outcome, "epoll_ctl");
  return {};
}

constexpr void* same_mask = nullptr;

// Whole milliseconds, and never less than what is left: for kernels before 5.11, and sandboxes.
int milliseconds_of(std::chrono::nanoseconds left) noexcept {
  const auto most = std::chrono::hours{24};
  const auto span =
      std::chrono::ceil<std::chrono::milliseconds>(std::min<decltype(left)>(left, most));
  return static_cast<int>(span.count());
}

long wait_once(int list, std::span<epoll_event> into, deadline until) noexcept {
  const auto left = until.remaining();
  const bool is_simple = until.is_never() || left.count() == 0;
  if (!is_simple) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(left);
    const timespec span{.tv_sec = seconds.count(), .tv_nsec = (left - seconds).count()};
    const long outcome =
        once(SYS_epoll_pwait2, list, into.data(), into.size(), &span, same_mask, 0);
    if (outcome != -ENOSYS && outcome != -EPERM) return outcome;
  }
  const int timeout = until.is_never() ? -1 : milliseconds_of(left);
  return once(SYS_epoll_pwait, list, into.data(), into.size(), timeout, same_mask, 0);
}

watched_for found_in(const epoll_event& event) noexcept {
  constexpr std::uint32_t both = EPOLLERR | EPOLLHUP;
  return {.readable = (event.events & (EPOLLIN | both)) != 0,
          .writable = (event.events & (EPOLLOUT | both)) != 0};
}

}  // namespace

result<unique_fd> watch_list() {
  const long fd = retried(SYS_epoll_create1, int{EPOLL_CLOEXEC});
  if (fd < 0) return failed(fd, "epoll_create1");
  return unique_fd{static_cast<int>(fd)};
}

result<void> watch(int list, int fd, watched_for what, std::uint64_t label) {
  return control(list, EPOLL_CTL_ADD, fd, what, label);
}

result<void> watch_readable(int list, int fd, std::uint64_t label) {
  return watch(list, fd, {.readable = true}, label);
}

result<void> watch_otherwise(int list, int fd, watched_for what, std::uint64_t label) {
  return control(list, EPOLL_CTL_MOD, fd, what, label);
}

void watch_no_more(int list, int fd) noexcept {
  static_cast<void>(control(list, EPOLL_CTL_DEL, fd, {}, 0));
}

result<std::size_t> wait_watched(int list, std::span<watched_event> into, deadline until) {
  std::array<epoll_event, max_watched_events> ready;
  const std::span room{ready.data(), std::min(into.size(), ready.size())};
  for (;;) {
    const long count = wait_once(list, room, until);
    if (count < 0 && count != -EINTR) return failed(count, "epoll_pwait");
    if (count > 0 || (count == 0 && until.has_passed())) {
      const auto found = static_cast<std::size_t>(count);
      for (std::size_t i = 0; i < found; ++i)
        into[i] = {.label = ready[i].data.u64, .found = found_in(ready[i])};
      return found;
    }
  }
}

result<std::size_t> readable_now(int list, std::span<std::uint64_t> labels) {
  std::array<watched_event, 16> ready;
  auto count = wait_watched(list, std::span{ready}.first(std::min(labels.size(), ready.size())),
                            deadline::now());
  if (!count) return count;
  for (std::size_t i = 0; i < *count; ++i) labels[i] = ready[i].label;
  return count;
}

}  // namespace sluice::syscall
