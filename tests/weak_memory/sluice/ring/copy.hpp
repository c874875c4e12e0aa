#pragma once
// Stands in front of the library's header of this name: the bytes of messages are no atomics, so
// the scheduler is told who reads and writes them, and finds those that race.

#include <cstddef>
#include <cstring>

#include "explorer.hpp"

namespace sluice::ring {

inline void copy_message(std::byte* to, const std::byte* from, std::size_t bytes) noexcept {
  if (bytes == 0) return;
  weak::plain_read(from, bytes);
  weak::plain_write(to, bytes);
  std::memcpy(to, from, bytes);
}

}  // namespace sluice::ring
