#pragma once
// The door, part of watching many descriptors at once: epoll(7), level-triggered. The policy is
// that of syscall.hpp.

#include <cstddef>
#include <cstdint>
#include <sluice/base/deadline.hpp>
#include <sluice/base/result.hpp>
#include <sluice/os/unique_fd.hpp>
#include <span>

namespace sluice::syscall {

/// What a descriptor is watched for, and what it was found to be. An end or an error to report
/// counts as both.
struct watched_for {
  bool readable = false;
  bool writable = false;
  friend bool operator==(watched_for, watched_for) noexcept = default;
};

/// Descriptors that are watched together: readable while one of them is. Each carries a number.
[[nodiscard]] result<unique_fd> watch_list();
[[nodiscard]] result<void> watch(int list, int fd, watched_for what, std::uint64_t label);
[[nodiscard]] result<void> watch_readable(int list, int fd, std::uint64_t label);
/// Of a descriptor that is in the list; `no_such_file_or_directory` if what it stands for is not.
[[nodiscard]] result<void> watch_otherwise(int list, int fd, watched_for what, std::uint64_t label);
/// One that is closed, or stands for something else now, is in no list any more.
void watch_no_more(int list, int fd) noexcept;

struct watched_event {
  std::uint64_t label = 0;
  watched_for found = {};
};
inline constexpr std::size_t max_watched_events = 128;
/// Those that are ready, as many as fit, once there are any; none when the deadline passed. Who was
/// told of comes after all others next time.
[[nodiscard]] result<std::size_t> wait_watched(int list, std::span<watched_event> into,
                                               deadline until);
/// The labels of those that are readable now, as many as fit.
[[nodiscard]] result<std::size_t> readable_now(int list, std::span<std::uint64_t> labels);

}  // namespace sluice::syscall
