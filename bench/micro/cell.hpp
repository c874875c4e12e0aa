#pragma once
// The table of what is measured. A cell is one comparison: it can be opened, which makes its
// channel and its processes, and is then a contest.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "duel.hpp"

namespace bench {

/// What the main program decides for all cells.
struct cell_settings {
  /// How many system calls this process has made through the library; always 0 where nobody
  /// counts, which is the form of the library that is timed.
  std::uint64_t (*calls_so_far)() noexcept = nullptr;
  /// Makes the sender change one byte of each batch, to show that the receiver notices.
  bool spoil = false;
};

struct cell {
  std::string name;  ///< "pipe/64/receive/two_cores"
  std::size_t message_bytes = 0;
  std::function<contest(const cell_settings&)> open;
};

/// Pipes and FIFOs between two processes.
[[nodiscard]] std::vector<cell> stream_cells();
/// The price of masking SIGPIPE where the kernel has no flag against it.
[[nodiscard]] std::vector<cell> fallback_cells();
/// One process that talks to itself: what a call costs without anybody to wait for.
[[nodiscard]] std::vector<cell> single_process_cells();
/// Signals, likewise.
[[nodiscard]] std::vector<cell> signal_cells();
/// The mutex, and opening memory that exists.
[[nodiscard]] std::vector<cell> memory_cells();
/// Message queues, likewise.
[[nodiscard]] std::vector<cell> queue_cells();
/// Sockets, likewise.
[[nodiscard]] std::vector<cell> socket_cells();
/// Datagrams, descriptors that go with a message, and ends whose kind is known when the program
/// runs; likewise.
[[nodiscard]] std::vector<cell> packet_cells();
/// Semaphores, and the event in shared memory.
[[nodiscard]] std::vector<cell> semaphore_cells();
/// A busy ring in a selector beside a thousand idle ones, against the same ring alone.
[[nodiscard]] std::vector<cell> selector_cells();

[[nodiscard]] std::vector<cell> all_cells();

}  // namespace bench
