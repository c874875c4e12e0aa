#pragma once
// What the experiments of traits_test.cpp find of a channel that nobody has open any more: nothing.

#include <optional>
#include <sluice/base/bytes.hpp>
#include <string>

namespace sluice::test {

/// Of channels without a lasting name: nothing of their content outlives who has them open.
template <class Receiver>
struct gone_with_its_processes {
  static void leave_behind(const std::string&, const_bytes) {}
  static std::optional<Receiver> find_again(const std::string&) { return std::nullopt; }
  static bool unlink(const std::string&) { return false; }
};

}  // namespace sluice::test
