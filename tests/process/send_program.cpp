// A program that sends into a FIFO which somebody else made, and knows nothing of who receives:
//   send_program NAME SENDER COUNT SMALLEST LARGEST
// COUNT 0 means until it is killed. If descriptor 3 is a file of eight bytes, it holds how many
// messages were sent for certain.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <limits>
#include <optional>
#include <sluice/channel/fifo_channel.hpp>
#include <sluice/os/memory_map.hpp>
#include <string>

#include "support/history.hpp"

int main(int count, char** arguments) {
  using namespace std::chrono_literals;
  if (count != 6) return 2;
  const auto number = [&](int i) { return std::strtoull(arguments[i], nullptr, 10); };
  const auto sender_id = static_cast<std::uint32_t>(number(2));
  const std::uint64_t messages =
      number(3) == 0 ? std::numeric_limits<std::uint64_t>::max() : number(3);
  std::uint64_t uncounted = 0;
  auto progress = sluice::memory_map::map(3, {.size_bytes = sizeof uncounted});
  auto* const counter =
      progress ? reinterpret_cast<std::uint64_t*>(progress->writable_bytes().data()) : &uncounted;

  auto sender = sluice::fifo_sender::open(arguments[1], 20s);
  if (!sender) {
    std::cerr << sender.error().message() << '\n';
    return 1;
  }
  for (std::uint64_t sequence = 0; sequence < messages; ++sequence) {
    const std::size_t size =
        sluice::test::size_of_message(sender_id, sequence, number(4), number(5));
    if (auto sent = sender->send(sluice::test::make_message(sender_id, sequence, size)); !sent) {
      if (sent.error() == std::errc::broken_pipe) return 3;
      std::cerr << sent.error().message() << '\n';
      return 1;
    }
    // Release: who reads the count after our death sees no more than was sent.
    std::atomic_ref{*counter}.store(sequence + 1, std::memory_order_release);
  }
  return 0;
}
