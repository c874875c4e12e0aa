#pragma once
// What the test and two programs that do not know each other share.

#include <cstdint>
#include <sluice/primitive/mutex.hpp>

namespace sluice::test {

struct guarded_number {
  mutex lock;
  volatile std::uint64_t value = 0;
};

}  // namespace sluice::test
