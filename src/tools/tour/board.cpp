#include "tools/tour/board.hpp"

#include <algorithm>
#include <ctime>
#include <memory>
#include <new>

// The tool is a user of the public headers, apart from the counting seam here, and from the door's
// plain calls that are the floor (raw_pipe.cpp) and that know a terminal (progress.cpp).
#include "os/syscall_count.hpp"

namespace sluice::tour {

namespace {

// Of all threads of this process; user and system time.
double cpu_seconds() noexcept {
  return static_cast<double>(std::clock()) / static_cast<double>(CLOCKS_PER_SEC);
}

}  // namespace

void side_report::fail(std::string_view why) noexcept {
  const std::size_t size = std::min(why.size(), failure.size() - 1);
  std::copy_n(why.begin(), size, failure.begin());
  failure[size] = '\0';
}

std::string_view side_report::failure_text() const noexcept { return failure.data(); }

result<board> board::create(std::size_t sides, std::size_t times) {
  static_assert(alignof(side_report) >= alignof(std::chrono::nanoseconds));
  auto memory = memory_map::create_anonymous(sides * sizeof(side_report) +
                                             times * sizeof(std::chrono::nanoseconds));
  if (!memory) return failure{memory.error()};
  return board{std::move(*memory), sides, times};
}

board::board(memory_map memory, std::size_t sides, std::size_t times) : memory_(std::move(memory)) {
  std::byte* const base = memory_.writable_bytes().data();
  auto* const reports = reinterpret_cast<side_report*>(base);
  std::uninitialized_default_construct_n(reports, sides);
  auto* const spans =
      reinterpret_cast<std::chrono::nanoseconds*>(base + sides * sizeof(side_report));
  std::uninitialized_value_construct_n(spans, times);
  // Neither has a destructor that does anything: unmapping ends both.
  sides_ = {std::launder(reports), sides};
  times_ = {std::launder(spans), times};
}

meter::meter(side_report& report) noexcept
    : report_(report), cpu_before_(cpu_seconds()), calls_before_(syscall::calls_so_far()) {
  report_.began = std::chrono::steady_clock::now();
}

void meter::stop() noexcept {
  report_.ended = std::chrono::steady_clock::now();
  report_.cpu_seconds = cpu_seconds() - cpu_before_;
  report_.system_calls = syscall::calls_so_far() - calls_before_;
}

}  // namespace sluice::tour
