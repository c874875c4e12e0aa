#pragma once
// Numbers that a test shares with its children.

#include <sys/mman.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <system_error>

namespace sluice::test {

/// Zeros that this process and every child forked from now on see and change together.
class shared_array {
 public:
  using number = std::atomic<std::uint64_t>;
  static_assert(number::is_always_lock_free);

  explicit shared_array(std::size_t count) : count_(count) {
    constexpr int access = PROT_READ | PROT_WRITE;
    void* memory =
        ::mmap(nullptr, count * sizeof(number), access, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::system_error{errno, std::generic_category(), "mmap"};
    numbers_ = static_cast<number*>(memory);  // all zero, which is a valid atomic number
  }
  shared_array(const shared_array&) = delete;
  shared_array& operator=(const shared_array&) = delete;
  ~shared_array() { ::munmap(numbers_, count_ * sizeof(number)); }

  [[nodiscard]] number& operator[](std::size_t at) const noexcept { return numbers_[at]; }
  [[nodiscard]] std::size_t size() const noexcept { return count_; }

 private:
  number* numbers_ = nullptr;
  std::size_t count_;
};

}  // namespace sluice::test
