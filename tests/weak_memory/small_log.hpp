#pragma once
// A small log in the memory of a program, its words by their names, and messages that tell who
// reads them which they are.

#include <cstdint>
#include <cstring>
#include <new>
#include <sluice/ring/consumer.hpp>
#include <sluice/ring/producer.hpp>
#include <string>

#include "explorer.hpp"

namespace sluice::weak {

inline constexpr std::uint64_t record = ring::record_header::alignment;

template <class T>
T& placed(std::size_t offset) {
  return *std::launder(reinterpret_cast<T*>(memory() + offset));
}

/// Logs whose control words lie at the beginning of the memory, and their data at the end. Four
/// records are the least.
class small_log {
 public:
  static constexpr std::uint64_t least_bytes = 256;
  /// What follows the control words may be used otherwise, up to the data.
  static constexpr std::size_t free_offset = 1024;
  static constexpr std::size_t data_offset = memory_bytes / 2;

  [[nodiscard]] static ring::log_control& control(std::size_t lane = 0) {
    return placed<ring::log_control>(lane * sizeof(ring::log_control));
  }
  [[nodiscard]] static ring::log log(std::size_t lane = 0) {
    return {control(lane), memory() + data_offset + lane * most_bytes, capacity_};
  }

  static void prepare(std::uint64_t capacity_bytes = least_bytes, std::size_t lanes = 1) {
    capacity_ = capacity_bytes;
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      ring::log::initialize(*new (&control(lane)) ring::log_control{});
      for (ring::log_checkpoint& one : control(lane).checkpoints) {
        name(&one.at, "checkpoint.at");
        name(&one.messages, "checkpoint.messages");
        name(&one.check, "checkpoint.check");
      }
      name(&control(lane).intent, "intent");
      name(&control(lane).released, "released");
      name(&control(lane).told, "told");
      for (std::uint64_t at = 0; at < capacity_bytes; at += record)
        name(memory() + data_offset + lane * most_bytes + at, "header");
    }
  }

 private:
  static constexpr std::uint64_t most_bytes = 2048;
  static inline std::uint64_t capacity_ = least_bytes;
};

/// What message number `sequence` holds: `words` times the same.
template <std::size_t Words>
struct numbered {
  std::uint64_t all[Words];
  explicit numbered(std::uint64_t sequence) {
    for (std::uint64_t& one : all) one = sequence + 100;
  }
  numbered() = default;
  [[nodiscard]] bool is(std::uint64_t sequence) const {
    for (const std::uint64_t one : all) {
      if (one != sequence + 100) return false;
    }
    return true;
  }
};
using small_message = numbered<1>;   // one unit of the log
using large_message = numbered<15>;  // two

/// As an end of a channel does it: first what is fast, then in full.
template <class Message = small_message>
bool put(ring::producer& producer, std::uint64_t sequence) {
  const Message message{sequence};
  const const_bytes bytes{reinterpret_cast<const std::byte*>(message.all), sizeof message};
  if (producer.try_put(bytes)) return true;
  std::byte* const room = producer.try_claim(bytes.size());
  if (room == nullptr) return false;
  ring::copy_message(room, bytes.data(), bytes.size());
  producer.commit(bytes.size());
  return true;
}
/// False: nothing was there.
template <class Message = small_message>
bool get(ring::consumer& consumer, std::uint64_t sequence) {
  Message message;
  const mutable_bytes bytes{reinterpret_cast<std::byte*>(message.all), sizeof message};
  if (!consumer.try_take(bytes)) {
    const_bytes seen;
    const ring::found found = consumer.try_peek(seen);
    expect(found != ring::found::damage, "what was published is no damage");
    if (found == ring::found::nothing) return false;
    expect(seen.size() == sizeof message, "a message is as long as it was");
    ring::copy_message(bytes.data(), seen.data(), seen.size());
    consumer.release();
  }
  expect(message.is(sequence), "messages come whole and in their order");
  return true;
}

}  // namespace sluice::weak
