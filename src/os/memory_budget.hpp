#pragma once
// How much memory there is to be had, so that a demand for plainly more is an error. The kernel
// itself would start on it, and its killer would end some process when nothing is left.

#include <cstddef>
#include <sluice/base/result.hpp>

namespace sluice {

/// Bytes: the smaller of what the machine has available (with swap) and the limits of our control
/// groups. Best effort: the highest number where neither can be read, and others may take memory
/// meanwhile.
[[nodiscard]] std::size_t memory_budget_bytes();

/// Refuses a demand for more than that: `not_enough_memory`, in the name of `operation`.
[[nodiscard]] result<void> check_memory_budget(std::size_t bytes, const char* operation);

}  // namespace sluice
