#pragma once
// The processes of a cell: forked, watched until they end, killed and reaped when this goes.

#include <cstddef>
#include <functional>
#include <sluice/os/process.hpp>
#include <sluice/primitive/stop_signal.hpp>
#include <stdexcept>
#include <string>
#include <vector>

namespace bench {

/// Somebody asked the program to end.
struct interrupted : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class children {
 public:
  /// What each of them runs; the result is its exit status.
  explicit children(const std::vector<std::function<int()>>& bodies);
  children(const children&) = delete;
  children& operator=(const children&) = delete;
  ~children();

  /// Waits until all have ended. Why one of them did not end well, or not in time; empty if all
  /// did. After a failure the others have a moment to say why they fail, too. Throws `interrupted`.
  using reason = std::function<std::string(std::size_t, sluice::exit_status)>;
  [[nodiscard]] std::string watch(sluice::stop_signal& stop, double limit_seconds,
                                  const reason& failure_of);

 private:
  children() = default;
  std::vector<sluice::process> all_;
};

/// What is known of one that has ended: "" if it ended well. `said` is what it noted, if anything.
[[nodiscard]] std::string failure_text(const char* who, const char* said,
                                       sluice::exit_status ended);

}  // namespace bench
