#pragma once
// What the messages carry. The sender writes into memory of its own, the transport copies in and
// out, and the receiver reads all of it, with these two classes for every transport and floor.
//   up to 64 bytes   every word of every message is new, and every word is compared
//   above            one word in 512 bytes and the last one are new and are compared; the rest is a
//                    pattern that the sender wrote once, and the receiver adds up all words of
//                    every message and compares the sum
// So a changed byte is noticed wherever it is, and yet filling a megabyte does not take longer than
// moving it. Message `sequence` has the word sequence + i at the stamped place i.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <sluice/base/bytes.hpp>
#include <stdexcept>

namespace bench {

inline constexpr std::size_t word_bytes = sizeof(std::uint64_t);
/// Up to here every word is new.
inline constexpr std::size_t short_message_bytes = 64;
inline constexpr std::size_t words_between_stamps = 64;

/// Calls `visit` with each stamped place of a long message.
template <class Visit>
void for_each_stamp(std::size_t words, Visit&& visit) {
  for (std::size_t at = 0; at < words; at += words_between_stamps) visit(at);
  if ((words - 1) % words_between_stamps != 0) visit(words - 1);
}

/// Memory that starts on a cache line. Fixed is its size where that is known when compiling, which
/// makes copies of short messages a few instructions, or 0.
template <std::size_t Fixed>
class message_memory {
 public:
  explicit message_memory(std::size_t size_bytes)
      : size_bytes_(size_bytes),
        bytes_(static_cast<std::byte*>(::operator new(size_bytes, line_alignment))) {}

  [[nodiscard]] std::size_t size() const noexcept { return Fixed == 0 ? size_bytes_ : Fixed; }
  [[nodiscard]] sluice::mutable_bytes bytes() noexcept { return {bytes_.get(), size()}; }
  void put(std::size_t word, std::uint64_t value) noexcept {
    std::memcpy(bytes_.get() + word * word_bytes, &value, word_bytes);
  }

 private:
  static constexpr std::align_val_t line_alignment{64};
  struct release {
    void operator()(std::byte* bytes) const noexcept { ::operator delete(bytes, line_alignment); }
  };
  std::size_t size_bytes_;
  std::unique_ptr<std::byte, release> bytes_;
};

template <std::size_t Fixed>
class outgoing_message {
 public:
  /// A multiple of eight bytes.
  explicit outgoing_message(std::size_t size_bytes) : memory_(size_bytes) {
    for (std::size_t at = 0; at < size_bytes / word_bytes; ++at) memory_.put(at, filler(at));
  }

  [[nodiscard]] static std::uint64_t filler(std::size_t word) noexcept {
    return (word + 1) * 0x9e3779b97f4a7c15;
  }

  [[nodiscard]] sluice::const_bytes write(std::uint64_t sequence) noexcept {
    const std::size_t words = memory_.size() / word_bytes;
    if (memory_.size() <= short_message_bytes) {
      for (std::size_t at = 0; at < words; ++at) memory_.put(at, sequence + at);
    } else {
      for_each_stamp(words, [&](std::size_t at) { memory_.put(at, sequence + at); });
    }
    return memory_.bytes();
  }

  /// The same with one bit wrong, where a long message is compared least.
  [[nodiscard]] sluice::const_bytes write_spoilt(std::uint64_t sequence) noexcept {
    static_cast<void>(write(sequence));
    const std::size_t at = memory_.size() <= short_message_bytes ? 5 : word_bytes + 5;
    memory_.bytes()[at] ^= std::byte{1};
    return memory_.bytes();
  }

 private:
  message_memory<Fixed> memory_;
};

template <std::size_t Fixed>
class incoming_message {
 public:
  explicit incoming_message(std::size_t size_bytes) : memory_(size_bytes) {
    if (size_bytes <= short_message_bytes) return;
    const std::size_t words = size_bytes / word_bytes;
    for (std::size_t at = 0; at < words; ++at) pattern_ += outgoing_message<Fixed>::filler(at);
    for_each_stamp(words, [&](std::size_t at) {
      pattern_ += at - outgoing_message<Fixed>::filler(at);
      ++stamps_;
    });
  }

  /// Where to receive into.
  [[nodiscard]] sluice::mutable_bytes memory() noexcept { return memory_.bytes(); }

  /// Throws `std::runtime_error` unless these bytes are that message.
  void verify(std::size_t received_bytes, std::uint64_t sequence) {
    if (received_bytes != memory_.size() || !holds(sequence)) [[unlikely]]
      throw std::runtime_error{"a message is not what was sent"};
  }

 private:
  [[nodiscard]] bool holds(std::uint64_t sequence) noexcept {
    const std::size_t words = memory_.size() / word_bytes;
    const std::byte* from = memory_.bytes().data();
    const auto word = [from](std::size_t at) {
      std::uint64_t value = 0;
      std::memcpy(&value, from + at * word_bytes, word_bytes);
      return value;
    };
    std::uint64_t different = 0;
    if (memory_.size() <= short_message_bytes) {
      for (std::size_t at = 0; at < words; ++at) different |= word(at) ^ (sequence + at);
      return different == 0;
    }
    for_each_stamp(words, [&](std::size_t at) { different |= word(at) ^ (sequence + at); });
    std::uint64_t sum = 0;
    for (std::size_t at = 0; at < words; ++at) sum += word(at);
    return different == 0 && sum == pattern_ + stamps_ * sequence;
  }

  message_memory<Fixed> memory_;
  std::uint64_t pattern_ = 0;  // the sum of a message of sequence 0
  std::uint64_t stamps_ = 0;
};

/// A message of which every word is made anew, for who can write it where it lies: its sequence,
/// and numbers that follow from it.
inline void produce(sluice::mutable_bytes message, std::uint64_t sequence) noexcept {
  for (std::size_t at = 0; at < message.size(); at += word_bytes) {
    const std::uint64_t word = sequence + at;
    std::memcpy(message.data() + at, &word, word_bytes);
  }
}

/// Throws `std::runtime_error` unless these bytes are that message.
inline void check_produced(sluice::const_bytes message, std::size_t size, std::uint64_t sequence) {
  std::uint64_t different = message.size() ^ size;
  for (std::size_t at = 0; at + word_bytes <= message.size(); at += word_bytes) {
    std::uint64_t word = 0;
    std::memcpy(&word, message.data() + at, word_bytes);
    different |= word ^ (sequence + at);
  }
  if (different != 0) [[unlikely]]
    throw std::runtime_error{"a message is not what was sent"};
}

}  // namespace bench
