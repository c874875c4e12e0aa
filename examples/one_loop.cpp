// One loop for everything: lines from another program over a pipe, measurements through a ring, a
// clock, and the wish to end. Nothing is polled in turns, and no thread waits for each of them; a
// source that has a lot to say does not keep the others out.

#include <array>
#include <chrono>
#include <cstdint>
#include <iostream>
#include <sluice/sluice.hpp>
#include <utility>

namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t measurements = 3000;
constexpr int measurements_at_once = 100;  // then the others have their turn

struct totals {
  std::uint64_t lines = 0;
  std::uint64_t received = 0;
  std::uint64_t sum = 0;
  std::uint64_t ticks = 0;
};

// In a process of its own.
int measure(const sluice::ring_channel& ring) {
  auto sender = sluice::ring_sender::attach(ring).value();
  for (std::uint64_t value = 1; value <= measurements; ++value)
    sender.send(sluice::bytes_of(value), 10s).value();
  return 0;
}

// Some of what is there; false once there will be no more.
bool take_lines(sluice::pipe_reader& from, totals& all) {
  std::array<std::byte, 512> buffer{};
  auto got = from.try_read(buffer);
  if (!got) return sluice::would_block(got.error());
  for (const std::byte letter : sluice::const_bytes{buffer}.first(*got))
    all.lines += letter == std::byte{'\n'} ? 1U : 0U;
  return true;
}

bool take_measurements(sluice::ring_receiver& from, totals& all) {
  for (int taken = 0; taken < measurements_at_once; ++taken) {
    std::uint64_t value = 0;
    auto got = from.try_receive(sluice::writable_bytes_of(value));
    if (!got) return sluice::would_block(got.error());
    all.received += 1;
    all.sum += value;
  }
  return true;  // there may be more: it shows again
}

}  // namespace

int main() {
  // First of all: what is started later inherits that the signals are held back.
  auto stop = sluice::stop_signal::create().value();

  auto output = sluice::pipe::create().value();
  auto program = sluice::process::spawn(
                     {.arguments = {"sh", "-c", "for i in 1 2 3 4 5; do echo line $i; done"},
                      .descriptors = {{.target = 1, .source = output.writer.native_handle()}}})
                     .value();
  { const auto childs = std::move(output.writer); }

  auto ring = sluice::ring_channel::create_anonymous({.capacity_bytes = 4096}).value();
  auto measuring = sluice::process::fork([&] { return measure(ring); }).value();
  auto receiver = sluice::ring_receiver::attach(ring).value();

  auto selector = sluice::selector::create().value();
  const auto lines = selector.add_readable(output.reader).value();
  const auto values = selector.add_readable(receiver).value();
  const auto clock = selector.add_timer(20ms, 20ms).value();
  const auto end = selector.add_readable(stop).value();

  totals all;
  bool asked_to_end = false;
  while (!stop.stop_requested()) {
    for (const sluice::ready& one : selector.wait(30s).value()) {
      if (one.key == lines && !take_lines(output.reader, all)) selector.remove(lines);
      if (one.key == values && !take_measurements(receiver, all)) selector.remove(values);
      if (one.key == clock) all.ticks += one.expirations;
      if (one.key == end) stop.try_wait().value();
    }
    // Both sources have ended: so somebody presses Ctrl-C.
    const bool is_done = !selector.contains(lines) && !selector.contains(values) && all.ticks > 0;
    if (is_done && !std::exchange(asked_to_end, true))
      sluice::signal_sender::to_self().send(SIGINT).value();
  }

  const bool all_well = program.wait().value().success() && measuring.wait().value().success() &&
                        all.lines == 5 && all.received == measurements &&
                        all.sum == measurements * (measurements + 1) / 2;
  std::cout << all.lines << " lines, " << all.received << " measurements, "
            << sluice::signal_name(stop.number()) << "; the clock ticked meanwhile\n";
  return all_well ? 0 : 1;
}
