#include "spread.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace bench {

spread spread::of(std::vector<double> figures) {
  if (figures.empty()) return {};
  std::ranges::sort(figures);
  const auto at = [&](double share) {
    return figures[static_cast<std::size_t>(
        std::lround(share * static_cast<double>(figures.size() - 1)))];
  };
  return {.min = figures.front(),
          .low = at(0.25),
          .median = at(0.5),
          .high = at(0.75),
          .max = figures.back()};
}

}  // namespace bench
