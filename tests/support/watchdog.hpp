#pragma once
// No test hangs for ever: one deadline per test, and a hard end when it passes.

#include <chrono>
#include <string_view>

namespace sluice::test {

/// How much longer things take in this build: 5 under a sanitizer, else 1.
[[nodiscard]] constexpr int slowness() noexcept {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return 5;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
  return 5;
#endif
#endif
  return 1;
}

/// It ends what hangs, on a machine too that does much else meanwhile; it judges no speed.
inline constexpr std::chrono::seconds test_patience{slowness() > 1 ? 300 : 180};

/// Ends this process and its group when it is not dropped in time.
///
/// A timer of the monotonic clock raises SIGRTMAX; the handler prints the name and kills the
/// process group. Where the test blocks that signal, a second timer kills this process two seconds
/// later. setitimer(2) and alarm(2) stay free for tests. One at a time; a forked child inherits no
/// timer and may arm its own.
class watchdog {
 public:
  watchdog(std::string_view name, std::chrono::milliseconds patience);
  watchdog(const watchdog&) = delete;
  watchdog& operator=(const watchdog&) = delete;
  ~watchdog();
};

}  // namespace sluice::test
