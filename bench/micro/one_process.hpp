#pragma once
// Contests within one process: two functions that do the same, called in turns.

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "cell.hpp"
#include "duel.hpp"
#include "machine.hpp"

namespace bench {

/// Makes a contest of two functions that move message number i to and fro; the raw one makes
/// `raw_calls` system calls each time.
template <class Sluice, class Raw>
contest one_process(Sluice with_sluice, Raw with_raw, const cell_settings& settings,
                    std::uint64_t raw_calls = 2) {
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
    const std::uint64_t calls =
        which == side::sluice ? settings.calls_so_far() - calls_before : messages * raw_calls;
    // Half of the calls send and half receive, in each of these loops.
    return segment{.seconds = elapsed.count(),
                   .cpu_seconds = cpu_seconds() - cpu_before,
                   .sender_calls = calls / 2,
                   .receiver_calls = calls - calls / 2};
  };
}

/// What is measured in one process: how one is opened for messages of a size.
struct one_process_kind {
  const char* name;
  contest (*open)(std::size_t message_bytes, const cell_settings& settings);
};
/// A cell of each with 64 bytes, and one with 4 KiB.
[[nodiscard]] std::vector<cell> cells_of(std::span<const one_process_kind> kinds);

/// The outcome of a raw call; throws `std::system_error` where it is none.
std::size_t expect_bytes(ssize_t outcome, const char* operation);

}  // namespace bench
