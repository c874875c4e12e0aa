#pragma once
// Puts fragments of many senders together again, with bounded memory whatever they do.

#include <cstddef>
#include <cstdint>
#include <sluice/base/bytes.hpp>
#include <vector>

#include "channel/fragment.hpp"

namespace sluice {

/// Messages that have begun and are not whole yet, one per sender.
class reassembly {
 public:
  reassembly(std::size_t max_message_bytes, std::size_t max_unfinished) noexcept
      : max_message_bytes_(max_message_bytes), max_unfinished_(max_unfinished) {}

  /// Takes one fragment of a message of several. True when that completed the message: `whole()`
  /// shows it.
  bool add(const fragment_header& header, const_bytes payload);
  /// The message that the last `add` completed; valid until the next `add`.
  [[nodiscard]] const_bytes whole() const noexcept { return whole_; }

  /// Gives up the unfinished message of a sender who has gone on without finishing it.
  void give_up_of(std::uint64_t sender) noexcept;
  /// Gives up all unfinished messages; false if there were none.
  bool give_up_all() noexcept;
  /// Counts a message that will not be delivered for a reason found elsewhere.
  void count_spoilt() noexcept { ++spoilt_; }
  [[nodiscard]] std::uint64_t spoilt() const noexcept { return spoilt_; }

 private:
  struct unfinished {
    std::uint64_t sender = 0;
    std::uint32_t sequence = 0;
    std::uint32_t total = 0;
    std::vector<std::byte> bytes;
  };
  // So much room is made at once for a message that has begun, whatever its sender says of its
  // size, and kept for the next one.
  static constexpr std::size_t usual_room = std::size_t{64} << 10;

  // Begins the message in a place of its own, after giving up what stands in the way.
  void begin(const fragment_header& header);

  std::size_t max_message_bytes_;
  std::size_t max_unfinished_;
  std::vector<unfinished> messages_;  // oldest first
  std::vector<std::byte> whole_;
  std::vector<std::byte> spare_;  // room of the message before, for the next one that begins
  std::uint64_t spoilt_ = 0;
};

}  // namespace sluice
