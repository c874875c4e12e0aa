#pragma once
// Memory that a script changes: a second mapping of what a target uses, as a peer has it.

#include <sys/mman.h>

#include <cstdint>
#include <cstring>
#include <sluice/base/bytes.hpp>

#include "fuzz/script.hpp"
#include "fuzz/target.hpp"

namespace sluice::test {

/// One change of a word.
struct word_patch {
  std::size_t at = 0;
  std::uint64_t value = 0;
  enum class way : std::uint8_t { set, add, flip } how = way::set;
};

/// The whole of a file, shared.
class patched_memory {
 public:
  patched_memory(int fd, std::size_t size_bytes) noexcept
      : size_(size_bytes),
        data_(static_cast<std::byte*>(
            ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0))) {
    require(data_ != MAP_FAILED, "the memory can be mapped");
  }
  patched_memory(const patched_memory&) = delete;
  patched_memory& operator=(const patched_memory&) = delete;
  ~patched_memory() { ::munmap(data_, size_); }

  /// Words of this part are chosen: where the words of control are, and seldom anywhere.
  [[nodiscard]] word_patch next_patch(script& input, std::size_t part_bytes) const noexcept {
    const std::size_t words = (input.below(16) == 0 ? size_ : part_bytes) / sizeof(std::uint64_t);
    word_patch patch{.at = input.number<std::uint16_t>() % words * sizeof(std::uint64_t)};
    switch (input.below(4)) {
      case 0:
        patch.value = input.number<std::uint64_t>();
        break;
      case 1:
        patch.value = 64 * input.below(256);
        break;
      case 2:
        patch.how = word_patch::way::flip;
        patch.value = std::uint64_t{1} << input.below(64);
        break;
      default:
        patch.how = word_patch::way::add;
        patch.value = input.below(4) * 64 - 64 + input.below(3);
    }
    return patch;
  }
  void apply(const word_patch& patch) const noexcept {
    std::uint64_t word = 0;
    std::memcpy(&word, data_ + patch.at, sizeof word);
    switch (patch.how) {
      case word_patch::way::set:
        word = patch.value;
        break;
      case word_patch::way::add:
        word += patch.value;
        break;
      case word_patch::way::flip:
        word ^= patch.value;
        break;
    }
    std::memcpy(data_ + patch.at, &word, sizeof word);
  }
  [[nodiscard]] mutable_bytes bytes() const noexcept { return {data_, size_}; }

 private:
  std::size_t size_;
  std::byte* data_;
};

}  // namespace sluice::test
