#pragma once
// The results as a table for people: one line per comparison, the ratio first of all.

#include <benchmark/benchmark.h>

namespace bench {

/// Prints the machine, then one line per cell as it is finished.
class table final : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context& context) override;
  void ReportRuns(const std::vector<Run>& runs) override;
};

}  // namespace bench
