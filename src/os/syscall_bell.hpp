#pragma once
// The door, part of the bells: a socket that anybody who knows its number makes readable, and a
// timer. The policy is that of syscall.hpp.

#include <chrono>
#include <cstdint>
#include <sluice/base/result.hpp>
#include <sluice/os/unique_fd.hpp>

namespace sluice::syscall {

/// A Unix datagram socket that never waits: to be rung, or to ring others with.
[[nodiscard]] result<unique_fd> bell_socket();
/// Gives it a number: an abstract name, which goes with the last descriptor of the socket. False
/// if another socket of this network namespace has it. Source: unix(7).
[[nodiscard]] result<bool> number_bell(int fd, std::uint64_t number);
/// Makes the socket of this number readable, through any bell socket; false if there is none. One
/// that is full is readable already.
[[nodiscard]] result<bool> ring_bell(int fd, std::uint64_t number);
/// What it was rung is taken; of one who rings without end only some, so that this ends.
[[nodiscard]] result<void> hush_bell(int fd);

/// A timer that is not set. Source: timerfd_create(2), on the clock that deadlines have.
[[nodiscard]] result<unique_fd> timer();
/// Makes it readable once after `span`, and not readable until then.
[[nodiscard]] result<void> set_timer(int fd, std::chrono::nanoseconds span);

}  // namespace sluice::syscall
