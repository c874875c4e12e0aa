#pragma once
// F24: interruptions, as many as the kernel can deliver.

#include <signal.h>
#include <sys/time.h>

namespace sluice::test {

/// SIGALRM to this process every 100 µs, with a handler that does nothing and without SA_RESTART:
/// every system call that waits is interrupted again and again.
class signal_storm {
 public:
  signal_storm();
  signal_storm(const signal_storm&) = delete;
  signal_storm& operator=(const signal_storm&) = delete;
  ~signal_storm();

  /// How many signals were handled since it began.
  [[nodiscard]] static long strikes() noexcept;

 private:
  struct sigaction before_ {};
};

}  // namespace sluice::test
