#pragma once
// The bare system calls of a futex that processes share, and the polite way to poll: what the
// floors and the meeting point of a pair are made of. Source: futex(2).

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace bench {

/// Two words this far apart share no cache line, nor the pair of lines that processors fetch.
inline constexpr std::size_t apart_bytes = 128;

struct alignas(apart_bytes) futex_word {
  std::atomic<std::uint32_t> value{0};
};

/// Sleeps while the word is `expected`; may return early, and does after `longest` if there is one.
inline void futex_wait(const std::atomic<std::uint32_t>& word, std::uint32_t expected,
                       const timespec* longest = nullptr) noexcept {
  ::syscall(SYS_futex, &word, FUTEX_WAIT, expected, longest, nullptr, 0);
}

inline void futex_wake(const std::atomic<std::uint32_t>& word, int sleepers = 1) noexcept {
  ::syscall(SYS_futex, &word, FUTEX_WAKE, sleepers, nullptr, nullptr, 0);
}

/// Tells the processor that this is a polling loop.
inline void cpu_pause() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

/// What a polling transport does between two looks: the same for all of them.
struct wait_loop {
  /// To back off: who looks at once takes the line away from who is about to write it.
  static constexpr int many_pauses = 32;
  int pauses = 1;
  void operator()() const noexcept {
    for (int pause = 0; pause < pauses; ++pause) cpu_pause();
  }
};

}  // namespace bench
