#include "delays.hpp"

#include <map>

namespace bench {

delay_histogram::entries merged(const std::vector<const delay_histogram::entries*>& all) {
  std::map<std::uint64_t, std::uint64_t> sum;
  for (const delay_histogram::entries* one : all) {
    for (const auto& [nanoseconds, count] : *one) sum[nanoseconds] += count;
  }
  return {sum.begin(), sum.end()};
}

double percentile(const delay_histogram::entries& of, double share) noexcept {
  std::uint64_t all = 0;
  for (const auto& [nanoseconds, count] : of) all += count;
  std::uint64_t seen = 0;
  for (const auto& [nanoseconds, count] : of) {
    seen += count;
    if (static_cast<double>(seen) >= share * static_cast<double>(all))
      return static_cast<double>(nanoseconds) * 1e-9;
  }
  return 0;
}

}  // namespace bench
