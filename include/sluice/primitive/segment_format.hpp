#pragma once
// How a managed segment begins: what is written when one is made, and what is checked before one is
// used. Behind it lies the heap (segment_heap.hpp).

#include <cstddef>
#include <cstdint>
#include <sluice/base/bytes.hpp>
#include <sluice/base/result.hpp>
#include <type_traits>

namespace sluice {

/// The first bytes of a managed segment.
struct segment_header {
  static constexpr std::uint64_t right_magic = 0x6765'735f'6369'6c73;  // "slic_seg"
  static constexpr std::uint32_t right_byte_order = 0x0102'0304;
  static constexpr std::uint32_t right_version = 1;

  std::uint64_t magic = right_magic;
  std::uint32_t byte_order = right_byte_order;
  std::uint32_t version = right_version;
  std::uint32_t word_bytes = sizeof(void*);
  std::uint32_t lock_bytes = 0;       ///< sizeof(segment_guard): the C library's mutex is in it.
  std::uint32_t heap_bytes = 0;       ///< sizeof(segment_heap).
  std::uint32_t manager_version = 0;  ///< BOOST_VERSION, whose layout follows.
  std::uint64_t size_bytes = 0;       ///< Of the whole memory.
  std::uint64_t reserved[3] = {};
};
static_assert(std::is_trivially_copyable_v<segment_header> && sizeof(segment_header) == 64);
static_assert(offsetof(segment_header, size_bytes) == 32);

/// What the program that makes or opens a segment was compiled with.
struct segment_abi {
  std::uint32_t heap_bytes;
  std::uint32_t manager_version;
};

/// Writes the header and returns the memory behind it. `permission_denied` for memory that cannot
/// be written, `invalid_argument` for less than `min_heap_bytes` behind the header.
[[nodiscard]] result<mutable_bytes> begin_segment(mutable_bytes memory, const segment_abi& ours,
                                                  std::size_t min_heap_bytes);

/// Checks the header and returns the memory behind it. `errc::corrupt` when no segment lies here,
/// `errc::incompatible` when it is of another kind than ours; each mismatch has its own hint.
[[nodiscard]] result<mutable_bytes> check_segment(mutable_bytes memory, const segment_abi& ours,
                                                  std::size_t min_heap_bytes);

}  // namespace sluice
