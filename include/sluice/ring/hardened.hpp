#pragma once
// The ring between two who do not trust each other, as far as it is bytes: what lies in the memory
// of a side, and how the memory of the other side is read, which may hold anything and change at
// any moment. Each side writes its own memory alone. docs/ring-format.md is the page about it.
//
//   0                  hardened_header
//   128                hardened_words
//   384                log_control, of a sender
//   one page           the data of the log, of a sender; else the end
//
// Every word of the other side is loaded once, and what was loaded is what is checked and used.

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <sluice/ring/atomic.hpp>
#include <sluice/ring/consumer.hpp>
#include <sluice/ring/copy.hpp>
#include <sluice/ring/log.hpp>
#include <type_traits>

namespace sluice::ring {

enum class hardened_role : std::uint32_t { sender = 1, receiver = 2 };

/// First in the memory of a side. Written once, before anybody else has the descriptor.
struct hardened_header {
  static constexpr std::uint64_t magic_value = 0x6472'6168'6c73'0a0d;  // "\r\nslhard" in memory
  static constexpr std::uint32_t current_version = 1;

  std::uint64_t magic;
  std::uint32_t version;
  std::uint32_t word_bytes;  // of a pointer of who made it
  std::uint32_t role;
  std::uint32_t page_bytes;
  std::uint64_t capacity_bytes;  // of the log; 0 at a receiver
};
static_assert(std::is_standard_layout_v<hardened_header> && sizeof(hardened_header) == 32);
static_assert(offsetof(hardened_header, version) == 8 && offsetof(hardened_header, role) == 16);
static_assert(offsetof(hardened_header, page_bytes) == 20);
static_assert(offsetof(hardened_header, capacity_bytes) == 24);

/// What a side says while it lives. All of it is written by that side alone.
struct hardened_words {
  static constexpr std::uint32_t attached = 1;
  static constexpr std::uint32_t left = 2;  // in order; anything else of a free lock is a death

  atomic<std::uint32_t> state;
  atomic<std::uint32_t> parked;  // 0: awake; else a number of its own for each sleep
  atomic<std::uint32_t> wake;    // a futex: the other side sleeps on it
  atomic<std::uint32_t> fence;   // nobody reads it: see hardened_side::fence
  atomic<position> needed;       // of a sender that sleeps: what must be released
  // A receiver's, stored for each message.
  alignas(apart_bytes) atomic<position> released;
  atomic<std::uint64_t> received;
};
static_assert(std::is_standard_layout_v<hardened_words> && sizeof(hardened_words) == 256);
static_assert(offsetof(hardened_words, parked) == 4 && offsetof(hardened_words, wake) == 8);
static_assert(offsetof(hardened_words, needed) == 16 && offsetof(hardened_words, released) == 128);
static_assert(offsetof(hardened_words, received) == 136);

/// Where things lie. Computed, never read.
struct hardened_layout {
  static constexpr std::uint64_t words_offset = 128;
  static constexpr std::uint64_t control_offset = 384;
  static constexpr std::uint64_t control_end = control_offset + sizeof(log_control);
  /// The byte that the owner of the memory keeps locked while it lives.
  static constexpr std::uint64_t lock_byte = std::uint64_t{1} << 62;

  std::uint64_t data_offset = 0;  // also the bytes of the part that is no log
  std::uint64_t total_bytes = 0;

  /// Nothing if memory cannot be made like that: a capacity that is no power of two of pages for a
  /// sender, or any for a receiver.
  [[nodiscard]] static constexpr std::optional<hardened_layout> of(
      hardened_role role, std::uint64_t page_bytes, std::uint64_t capacity_bytes) noexcept {
    if (!std::has_single_bit(page_bytes) || page_bytes < control_end) return std::nullopt;
    if (role == hardened_role::receiver
            ? capacity_bytes != 0
            : !log::is_capacity(capacity_bytes) || capacity_bytes % page_bytes != 0)
      return std::nullopt;
    return hardened_layout{.data_offset = page_bytes, .total_bytes = page_bytes + capacity_bytes};
  }
};
static_assert(hardened_layout::words_offset % apart_bytes == 0);
static_assert(hardened_layout::control_offset ==
              hardened_layout::words_offset + sizeof(hardened_words));

/// Why memory is not what the other side of ours must have.
enum class hardened_refusal {
  none,
  byte_order,
  no_side,
  version,
  word_size,
  role,
  page_size,
  numbers,  // that do not fit each other, or the size of the memory
};

/// `seen` is a private copy of what the memory says; the rest is known from elsewhere.
[[nodiscard]] constexpr hardened_refusal check(const hardened_header& seen, hardened_role wanted,
                                               std::uint64_t page_bytes,
                                               std::uint64_t memory_bytes) noexcept {
  constexpr std::uint64_t magic = hardened_header::magic_value;
  if (seen.magic == __builtin_bswap64(magic)) return hardened_refusal::byte_order;
  if (seen.magic != magic) return hardened_refusal::no_side;
  if (seen.version != hardened_header::current_version) return hardened_refusal::version;
  if (seen.word_bytes != sizeof(void*)) return hardened_refusal::word_size;
  if (seen.role != static_cast<std::uint32_t>(wanted)) return hardened_refusal::role;
  if (seen.page_bytes != page_bytes) return hardened_refusal::page_size;
  const auto layout = hardened_layout::of(wanted, page_bytes, seen.capacity_bytes);
  if (!layout || layout->total_bytes != memory_bytes) return hardened_refusal::numbers;
  return hardened_refusal::none;
}

/// A position that a receiver says it has released, for its sender, who knew `known` before and
/// has written up to `at`: never back, never beyond, only where a record can begin.
[[nodiscard]] constexpr bool can_be_released(position said, position known, position at) noexcept {
  return said - known <= at - known && said % record_header::alignment == 0;
}

/// The log of a sender that is not trusted. Its data is read, and may change while it is.
class untrusted_log {
 public:
  untrusted_log() noexcept = default;
  /// `data` shows 2 * `capacity_bytes` bytes, the second half being the first once more.
  untrusted_log(const std::byte* data, std::uint64_t capacity_bytes) noexcept
      : data_(data),
        mask_(capacity_bytes - 1),
        max_message_bytes_(max_message_bytes_of(capacity_bytes)),
        lap_shift_(static_cast<unsigned>(std::countr_zero(capacity_bytes))) {}

  [[nodiscard]] static constexpr std::uint64_t max_message_bytes_of(
      std::uint64_t capacity_bytes) noexcept {
    return std::min<std::uint64_t>(capacity_bytes / 2 - record_header::size_bytes, 0xffff'ffff);
  }
  [[nodiscard]] std::uint64_t max_message_bytes() const noexcept { return max_message_bytes_; }

  struct seen {
    found what = found::nothing;
    std::uint32_t length = 0;  // at most max_message_bytes()
  };
  /// What stands at a multiple of 64, from one load of its header.
  [[nodiscard]] seen look(position at) const noexcept {
    const auto* const place = reinterpret_cast<const std::uint64_t*>(data_ + (at & mask_));
    // Acquire: with the release of a sender that keeps to the rules. (atomic_ref of something const
    // is for a later standard; a load writes nothing.)
    const record_header header{
        atomic_ref{const_cast<std::uint64_t&>(*place)}.load(std::memory_order_acquire)};
    if (header.word == 0) return {};
    const std::uint32_t above = record_header::above_length(record_kind::message, at >> lap_shift_);
    if (header.above_length() != above || header.length() > max_message_bytes_)
      return {.what = found::damage};
    return {.what = found::message, .length = header.length()};
  }
  /// Copies the payload behind a header that was seen there.
  void copy(position at, seen message, std::byte* to) const noexcept {
    copy_message(to, data_ + (at & mask_) + record_header::size_bytes, message.length);
  }

 private:
  const std::byte* data_ = nullptr;
  std::uint64_t mask_ = 0;
  std::uint64_t max_message_bytes_ = 0;
  unsigned lap_shift_ = 0;
};

}  // namespace sluice::ring
