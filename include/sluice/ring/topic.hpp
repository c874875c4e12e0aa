#pragma once
// What the memory of a topic holds besides its logs, one for each publisher: who sleeps, marks from
// which somebody can start to read, and the places of the subscribers. Publisher.hpp and
// subscriber.hpp use it. docs/ring-format.md is the page about it.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <sluice/base/bytes.hpp>
#include <sluice/ring/atomic.hpp>
#include <sluice/ring/layout.hpp>
#include <sluice/ring/log.hpp>
#include <sluice/ring/wake_up.hpp>
#include <span>

namespace sluice::ring {

/// Whether a place lies before another one; they are never half of all numbers apart.
[[nodiscard]] constexpr bool is_before(position a, position b) noexcept {
  return a - b >= std::uint64_t{1} << 63;
}
[[nodiscard]] constexpr position earlier(position a, position b) noexcept {
  return is_before(a, b) ? a : b;
}
[[nodiscard]] constexpr position later(position a, position b) noexcept {
  return is_before(a, b) ? b : a;
}

/// Where the subscribers of one lossless log are. Each word is written by its subscriber alone, and
/// by who buries it. Lines of different subscribers are apart.
class subscriber_places {
 public:
  /// A position with the lowest bit set; 0 for somebody who does not hold this log up.
  using word = atomic<std::uint64_t>;

  subscriber_places(word* first, std::uint32_t subscribers, std::uint32_t words_between) noexcept
      : first_(first), subscribers_(subscribers), words_between_(words_between) {}

  [[nodiscard]] word& of(std::uint32_t subscriber) const noexcept {
    return first_[std::size_t{subscriber} * words_between_];
  }
  /// The earliest place, or `limit` if that is earlier.
  [[nodiscard]] position slowest(position limit) const noexcept {
    for (std::uint32_t one = 0; one < subscribers_; ++one) {
      // Acquire: what a subscriber read there it has read before we write. The sanitizer's form
      // pairs with the exchange of a joiner.
      const std::uint64_t seen = has_fences ? of(one).load(std::memory_order_acquire)
                                            : of(one).fetch_add(0, std::memory_order_seq_cst);
      if (seen != 0) limit = earlier(limit, seen & ~std::uint64_t{1});
    }
    return limit;
  }

 private:
  word* first_;
  std::uint32_t subscribers_;
  std::uint32_t words_between_;
};

/// Places where records begin, over a lap or two. Written by the producer of the log, about once
/// per eighth of a lap.
struct log_marks {
  static constexpr std::size_t count = 16;
  log_checkpoint all[count];
};
static_assert(std::is_standard_layout_v<log_marks> && sizeof(log_marks) % apart_bytes == 0);

/// Where all that lies, computed from the numbers of the ring.
class topic_layout {
 public:
  /// Bits of the word that says who sleeps.
  static constexpr std::uint32_t max_subscribers = 64;

  topic_layout(std::uint32_t publishers, std::uint32_t subscribers) noexcept
      : publishers_(publishers), subscribers_(subscribers) {}

  [[nodiscard]] constexpr std::uint32_t bytes() const noexcept {
    const std::uint64_t end = places_offset() + std::uint64_t{subscribers_} * stride();
    return static_cast<std::uint32_t>((end + apart_bytes - 1) / apart_bytes * apart_bytes);
  }
  /// One bit for each subscriber, set by itself before it sleeps.
  [[nodiscard]] static atomic<std::uint64_t>& sleepers(mutable_bytes extra) noexcept {
    return *reinterpret_cast<atomic<std::uint64_t>*>(extra.data());
  }
  [[nodiscard]] static log_marks& marks(mutable_bytes extra, std::uint32_t lane) noexcept {
    return reinterpret_cast<log_marks*>(extra.data() + apart_bytes)[lane];
  }
  [[nodiscard]] subscriber_places places(mutable_bytes extra, std::uint32_t lane) const noexcept {
    auto* const first =
        reinterpret_cast<subscriber_places::word*>(extra.data() + places_offset()) + lane;
    return {first, subscribers_,
            static_cast<std::uint32_t>(stride() / sizeof(subscriber_places::word))};
  }

 private:
  [[nodiscard]] constexpr std::uint64_t places_offset() const noexcept {
    return apart_bytes + std::uint64_t{publishers_} * sizeof(log_marks);
  }
  [[nodiscard]] constexpr std::uint64_t stride() const noexcept {
    const std::uint64_t words = std::uint64_t{publishers_} * sizeof(subscriber_places::word);
    return (words + line_bytes - 1) / line_bytes * line_bytes;
  }

  std::uint32_t publishers_;
  std::uint32_t subscribers_;
};

}  // namespace sluice::ring
