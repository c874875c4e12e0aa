#pragma once
// Runs one cell once: two processes, pinned, watched until they end.

#include <functional>
#include <string>

#include "children.hpp"
#include "stage.hpp"
#include "transport.hpp"

namespace bench {

struct run_result {
  figures measured;
  delay_histogram::entries delays;  ///< Of who takes them.
  std::string failure;              ///< Why there are no figures; empty if there are.
};

class supervisor {
 public:
  supervisor(sluice::stop_signal& stop, double limit_seconds) noexcept
      : stop_(stop), limit_seconds_(limit_seconds) {}

  /// `make` is called in this process, before both are forked. A process that fails, dies or is
  /// not done in time ends the other one as well, and none outlives this call. Throws
  /// `interrupted`, and what `make` throws.
  [[nodiscard]] run_result run(const pace& how, const std::function<bodies()>& make);

  [[nodiscard]] sluice::stop_signal& stop() const noexcept { return stop_; }
  [[nodiscard]] double limit_seconds() const noexcept { return limit_seconds_; }

 private:
  sluice::stop_signal& stop_;
  double limit_seconds_;
};

}  // namespace bench
