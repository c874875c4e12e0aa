#pragma once
// A comparison within one process, which talks to itself.

#include <chrono>

#include "cell.hpp"
#include "machine.hpp"

namespace bench {

/// Makes a contest of two functions that move message number i to and fro.
template <class Sluice, class Raw>
contest one_process(Sluice with_sluice, Raw with_raw, const cell_settings& settings) {
  pin_to(allowed_cores().front());
  be_a_batch(false);
  return [=](side which, std::uint64_t messages) mutable {
    const std::uint64_t calls_before = settings.calls_so_far();
    const double cpu_before = cpu_seconds();
    const auto start = std::chrono::steady_clock::now();
    if (which == side::sluice) {
      for (std::uint64_t i = 0; i < messages; ++i) with_sluice(i);
    } else {
      for (std::uint64_t i = 0; i < messages; ++i) with_raw(i);
    }
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    const std::uint64_t calls = settings.calls_so_far() - calls_before;
    // Half of the calls send and half receive, in each of these loops.
    return segment{.seconds = elapsed.count(),
                   .cpu_seconds = cpu_seconds() - cpu_before,
                   .sender_calls = which == side::sluice ? calls / 2 : messages,
                   .receiver_calls = which == side::sluice ? calls - calls / 2 : messages};
  };
}

}  // namespace bench
