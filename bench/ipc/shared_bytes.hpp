#pragma once
// Memory for a transport of the benchmarks: anonymous, inherited over fork, gone with its users.

#include <sys/mman.h>

#include <cstddef>
#include <new>
#include <sluice/os/memory_map.hpp>

namespace bench {

/// The control words of a transport, and after them its data on a page of its own.
template <class Control>
class shared_bytes {
 public:
  explicit shared_bytes(std::size_t data_bytes)
      : map_(sluice::memory_map::create_anonymous(control_bytes + data_bytes).value()),
        control_(new(map_.writable_bytes().data()) Control) {
    touch();
  }

  [[nodiscard]] Control& control() const noexcept { return *control_; }
  [[nodiscard]] std::byte* data() const noexcept {
    return map_.writable_bytes().data() + control_bytes;
  }
  [[nodiscard]] std::size_t size() const noexcept { return map_.size_bytes() - control_bytes; }

  /// Enters every page into the page table of this process, so that no batch pays for it. The
  /// memory is there already; a kernel that does not know the call lets the warm-up do it.
  void touch() const noexcept {
    ::madvise(map_.writable_bytes().data(), map_.size_bytes(), MADV_POPULATE_WRITE);
  }

 private:
  static constexpr std::size_t page_bytes = 4096;
  static constexpr std::size_t control_bytes =
      (sizeof(Control) + page_bytes - 1) / page_bytes * page_bytes;
  sluice::memory_map map_;
  Control* control_;
};

}  // namespace bench
