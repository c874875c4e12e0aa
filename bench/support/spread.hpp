#pragma once
// How figures of several rounds are summed up.

#include <vector>

namespace bench {

/// The middle, the quartiles and the ends of some figures; all 0 when there are none.
struct spread {
  double min = 0;
  double low = 0;
  double median = 0;
  double high = 0;
  double max = 0;
  [[nodiscard]] static spread of(std::vector<double> figures);
};

}  // namespace bench
