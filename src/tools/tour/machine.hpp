#pragma once
// On what the numbers were measured.

#include <string>

namespace sluice::tour {

struct machine {
  std::string cpu;
  unsigned cores = 0;  ///< That this process may use.
  bool is_virtual = false;
  std::string kernel;

  [[nodiscard]] static machine here();
};

}  // namespace sluice::tour
