#pragma once
// What tests of liveness have in common: a file for its slots, and descriptors of it.

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <sluice/os/liveness.hpp>
#include <system_error>

namespace sluice::test {

inline unique_fd slot_file() {
  unique_fd file{::memfd_create("slots", MFD_CLOEXEC)};
  EXPECT_TRUE(file);
  return file;
}

inline liveness attach(const unique_fd& file) { return liveness::open(file.get()).value(); }

/// Whether it failed, and with this code. `error()` of a success means nothing.
template <class T>
bool failed_with(const result<T>& outcome, std::errc code) {
  return !outcome && outcome.error() == code;
}

}  // namespace sluice::test
