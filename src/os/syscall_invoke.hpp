#pragma once
// How the files of the door make a call: arguments as the kernel takes them, EINTR retried, and the
// advice that belongs to an errno.

#include <cerrno>
#include <concepts>
#include <cstddef>
#include <sluice/base/result.hpp>

#include "os/syscall_raw.hpp"

namespace sluice::syscall {

inline long word(const volatile void* pointer) noexcept { return reinterpret_cast<long>(pointer); }
inline long word(std::integral auto number) noexcept { return static_cast<long>(number); }

/// Once, whatever comes: for close(2), and where EINTR needs more than a retry.
template <class... Arguments>
long once(long number, Arguments... arguments) noexcept {
  return raw(number, word(arguments)...);
}

/// Until something other than EINTR comes.
template <class... Arguments>
long retried(long number, Arguments... arguments) noexcept {
  long outcome = 0;
  do {
    outcome = once(number, arguments...);
  } while (outcome == -EINTR);
  return outcome;
}

/// What to raise or free when `number` is a limit; "" when it is none.
[[nodiscard]] const char* advice_for(int number) noexcept;

/// The failure behind a negative outcome of `operation`.
inline failure failed(long outcome, const char* operation) noexcept {
  const int number = static_cast<int>(-outcome);
  return error::from_errno(number, operation, advice_for(number));
}

/// The number of bytes that a call moved, or its failure.
inline result<std::size_t> byte_count(long outcome, const char* operation) noexcept {
  if (outcome < 0) [[unlikely]]
    return failed(outcome, operation);
  return static_cast<std::size_t>(outcome);
}

}  // namespace sluice::syscall
