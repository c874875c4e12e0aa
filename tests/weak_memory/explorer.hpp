#pragma once
// Runs small programs of two or three threads over the atomics of ring/ in every way that the
// language allows: every order of their operations that can make a difference, and for each load
// every store that it may read from. A thread sees of each word what its view allows; a release
// hands the view on, an acquire takes it over, a fence of order seq_cst exchanges it with all who
// make one. (Views as in "A promising semantics for relaxed-memory concurrency", POPL 2017, without
// the promises; the order of exploration is dynamic partial order reduction with sleep sets, POPL
// 2005.) So that what is accepted holds for more than this: a read-modify-write is never more than
// acquire and release, whatever order it names.
//
// Not explored: a store that is placed before an earlier one of the same word (each word of a ring
// has one writer at a time, or read-modify-writes), and a load that is done after a store that
// follows it in its thread (no compiler or processor known does it across the orders used here).

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace sluice::weak {

enum class action { load, store, modify, fence, barrier, sleep, wake, join };
enum class modification { set, add, bit_or, bit_and };

/// A word in the memory of a program.
struct word {
  const void* at;
  std::size_t bytes;
};

/// Where an operation stands in the text.
struct place {
  const char* file;
  const char* function;
};

// What the atomics of the programs do. Outside of a run they act upon the memory at once.
std::uint64_t load(word, std::memory_order, place from);
void store(word, std::uint64_t value, std::memory_order, place from);
std::uint64_t modify(word, modification, std::uint64_t by, std::memory_order, place from);
bool compare_exchange(word, std::uint64_t& expected, std::uint64_t wanted, std::memory_order,
                      place from);
void fence(std::memory_order, place from);

// Bytes that are no atomics: who touches them while another one may is a violation.
void plain_read(const void* at, std::size_t bytes);
void plain_write(const void* at, std::size_t bytes);

// What the kernel does for the threads of a program.
/// membarrier(2): as if each thread made a full fence in the middle of it.
void barrier_for_all();
/// futex(2), without a time-out: who is never woken sleeps for ever, and that is a violation.
void sleep_while(word, std::uint64_t expected);
/// How many were woken.
unsigned wake_one(word);
/// Waits until another thread has ended, or was killed, and sees all that it did.
void join(std::size_t thread);

/// What must hold; the rest of this run is not explored once it does not.
void expect(bool holds, const char* what);
/// The memory of programs: zero before each run.
[[nodiscard]] std::byte* memory();
inline constexpr std::size_t memory_bytes = 8192;
/// How a word is called in what is printed, and by those who weaken it.
void name(const void* at, std::string called);

/// An operation in the text of ring/, as "producer.hpp publish: store header, release".
struct site {
  std::string text;
  friend auto operator<=>(const site&, const site&) = default;
};

struct program {
  std::string called;
  std::function<void()> prepare;  // alone, before the threads
  std::vector<std::function<void()>> threads;
  std::function<void()> finish = [] {};  // alone, when all have ended
  /// A thread that may be killed before any of its operations.
  std::size_t mortal = none;
  /// A thread that could see more, and has found the same at the same place so often, looks no
  /// more: 0 is for ever.
  unsigned looks = 0;
  /// Takes too long to be tried with every order weakened.
  bool is_large = false;
  static constexpr std::size_t none = ~std::size_t{0};
};

struct verdict {
  std::string violation;  // empty: none
  std::string run;        // what led there, one operation a line
  std::uint64_t runs = 0;
  std::uint64_t cut_short = 0;  // of these: led to what others have led to
  std::vector<site> sites;      // with an order that is more than relaxed
};

enum class paths { that_differ, all };

/// `weakened`: the operation that is done as if it were relaxed, or, a fence, not at all. Stops at
/// the first violation. `all` paths is for tests of the exploration itself.
[[nodiscard]] verdict explore(const program& what, const site* weakened = nullptr,
                              paths which = paths::that_differ);

}  // namespace sluice::weak
