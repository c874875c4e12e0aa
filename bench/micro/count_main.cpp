// sluice_bench_micro_counted: counts the system calls of one cell for sluice_bench_micro, which is
// linked with a library that counts nothing. Prints calls per message: Sluice's sender and
// receiver, then those of the raw calls.

#include <algorithm>
#include <cstdio>
#include <exception>
#include <string_view>

#include "cell.hpp"
#include "machine.hpp"
#include "os/syscall_count.hpp"

namespace {

void count(const bench::cell& one) {
  const bench::contest both =
      one.open({.calls_so_far = sluice::syscall::calls_so_far, .spoil = false});
  constexpr std::size_t enough_bytes = std::size_t{8} << 20;
  const std::size_t messages =
      std::clamp<std::size_t>(enough_bytes / std::max<std::size_t>(one.message_bytes, 1), 64, 4000);
  both(bench::side::sluice, messages);
  const auto sluice = both(bench::side::sluice, messages);
  const auto raw = both(bench::side::raw, messages);
  const auto each = [&](std::uint64_t calls) {
    return static_cast<double>(calls) / static_cast<double>(messages);
  };
  std::printf("%f %f %f %f\n", each(sluice.sender_calls), each(sluice.receiver_calls),
              each(raw.sender_calls), each(raw.receiver_calls));
}

}  // namespace

int main(int argument_count, char** arguments) {
  try {
    static_cast<void>(bench::allowed_cores());
    for (const bench::cell& one : bench::all_cells()) {
      if (argument_count != 2 || one.name != std::string_view{arguments[1]}) continue;
      count(one);
      return 0;
    }
    std::fprintf(stderr, "usage: %s CELL\n", arguments[0]);
  } catch (const std::exception& failed) {
    std::fprintf(stderr, "%s: %s\n", arguments[0], failed.what());
  }
  return 1;
}
