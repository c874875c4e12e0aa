#pragma once
// How long to wait before looking again, where the kernel cannot wake us: soon at first, seldom
// later, and never longer than the cap.

#include <algorithm>
#include <chrono>
#include <sluice/base/deadline.hpp>

namespace sluice {

class growing_pause {
 public:
  /// The end of the next pause, which is not after `until`.
  [[nodiscard]] deadline next(deadline until) noexcept {
    const deadline end = earlier(until, deadline{pause_});
    constexpr std::chrono::microseconds longest{10'000};
    pause_ = std::min(pause_ * 2, longest);
    return end;
  }

 private:
  std::chrono::microseconds pause_{50};
};

}  // namespace sluice
