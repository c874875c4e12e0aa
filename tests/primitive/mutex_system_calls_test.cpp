#include <gtest/gtest.h>

#include <chrono>
#include <new>
#include <sluice/os/memory_map.hpp>
#include <sluice/primitive/mutex.hpp>

#include "support/forbidden_system_calls.hpp"

namespace {

using namespace sluice;
using namespace std::chrono_literals;

TEST(MutexSystemCalls, are_none_while_nobody_contends) {
  auto memory = memory_map::create_anonymous(sizeof(mutex)).value();
  auto& lock = *new (memory.writable_bytes().data()) mutex;
  test::expect_no_system_calls([&] {
    return [&] {
      bool good = true;
      for (int round = 0; round < 1'000; ++round) {
        good &= lock.acquire().has_value();
        good &= lock.release().has_value();
        good &= lock.acquire(1s).has_value();
        lock.unlock();
        lock.lock();
        lock.unlock();
        good &= lock.try_lock();
        lock.unlock();
      }
      return good;
    };
  });
}

}  // namespace
