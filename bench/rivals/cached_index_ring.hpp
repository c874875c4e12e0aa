#pragma once
// A rival: the ring that most people would write when they know what they are doing. One producer,
// one consumer, two positions in shared memory, each on a line of its own, and each side keeps a
// copy of the other's position and looks again only when the copy says full or empty (as in
// rigtorp's SPSCQueue). Messages of any size up to half the capacity lie in one piece: eight bytes
// of length, the bytes, and padding to eight; where the end of the data is too near, a mark sends
// the consumer back to the start.
//
// A message costs two transfers between the cores when the ring is empty: its data and the
// position.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <sluice/base/bytes.hpp>

namespace bench {

class cached_index_ring {
 public:
  /// In shared memory. Positions count bytes and only grow.
  struct control {
    alignas(128) std::atomic<std::uint64_t> tail{0};  // written by the producer
    alignas(128) std::atomic<std::uint64_t> head{0};  // written by the consumer
  };
  /// What both sides are told; the capacity is a power of two.
  struct memory {
    control& words;
    std::byte* data;
    std::uint64_t capacity;
  };
  static constexpr std::uint64_t header_bytes = 8;
  static constexpr std::uint64_t go_to_start = std::numeric_limits<std::uint64_t>::max();

  class producer {
   public:
    explicit producer(const memory& of) noexcept : ring_(of) {}

    /// False when there is no room.
    [[nodiscard]] bool try_push(sluice::const_bytes message) noexcept {
      const std::uint64_t needed = record_bytes(message.size());
      const std::uint64_t offset = tail_ & (ring_.capacity - 1);
      const std::uint64_t to_end = ring_.capacity - offset;
      const std::uint64_t skipped = to_end < needed ? to_end : 0;
      if (tail_ + skipped + needed - head_ > ring_.capacity) {
        // With the consumer's store: what it released is read to the end.
        head_ = ring_.words.head.load(std::memory_order_acquire);
        if (tail_ + skipped + needed - head_ > ring_.capacity) return false;
      }
      std::byte* record = ring_.data + offset;
      if (skipped != 0) {
        std::memcpy(record, &go_to_start, header_bytes);
        record = ring_.data;
      }
      const std::uint64_t length = message.size();
      std::memcpy(record, &length, header_bytes);
      std::memcpy(record + header_bytes, message.data(), message.size());
      tail_ += skipped + needed;
      ring_.words.tail.store(tail_, std::memory_order_release);  // with the consumer's load
      return true;
    }

   private:
    memory ring_;
    std::uint64_t tail_ = 0;
    std::uint64_t head_ = 0;  // as far as we know
  };

  class consumer {
   public:
    explicit consumer(const memory& of) noexcept : ring_(of) {}

    /// The size of the message that was copied out; 0 when there is none. It has to fit.
    [[nodiscard]] std::size_t try_pop(sluice::mutable_bytes into) noexcept {
      if (head_ == tail_) {
        tail_ = ring_.words.tail.load(std::memory_order_acquire);  // with the producer's store
        if (head_ == tail_) return 0;
      }
      const std::byte* record = ring_.data + (head_ & (ring_.capacity - 1));
      std::uint64_t length = 0;
      std::memcpy(&length, record, header_bytes);
      if (length == go_to_start) {
        head_ += ring_.capacity - (head_ & (ring_.capacity - 1));
        record = ring_.data;
        std::memcpy(&length, record, header_bytes);
      }
      // In our benchmarks all messages of a ring have the size of `into`, which copies faster.
      if (length != into.size()) return length;
      std::memcpy(into.data(), record + header_bytes, into.size());
      head_ += record_bytes(length);
      ring_.words.head.store(head_, std::memory_order_release);  // with the producer's load
      return length;
    }

   private:
    memory ring_;
    std::uint64_t head_ = 0;
    std::uint64_t tail_ = 0;  // as far as we know
  };

 private:
  [[nodiscard]] static constexpr std::uint64_t record_bytes(std::uint64_t length) noexcept {
    return (header_bytes + length + 7) & ~std::uint64_t{7};
  }
};

}  // namespace bench
