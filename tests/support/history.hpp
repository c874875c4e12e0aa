#pragma once
// The history checker: messages that say who sent them and when, and a judge of what arrived.

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <sluice/base/bytes.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::test {

/// What stands at the start of each message; a pattern that depends on all of it follows.
struct message_label {
  std::uint64_t mark = 0;
  std::uint64_t checksum = 0;  ///< Of the whole message, this field left out.
  std::uint64_t sequence = 0;
  std::uint32_t sender = 0;
  std::uint32_t size = 0;
};
static_assert(sizeof(message_label) == 32);

inline constexpr std::size_t min_message_bytes = sizeof(message_label);

/// For channels that carry nothing longer: the same without a pattern, with smaller numbers.
inline constexpr std::size_t short_message_bytes = 8;

/// A message of `size` bytes: `short_message_bytes`, or at least `min_message_bytes`.
[[nodiscard]] std::vector<std::byte> make_message(std::uint32_t sender, std::uint64_t sequence,
                                                  std::size_t size);

/// A size that differs from message to message, spread between the bounds, the same in each run.
[[nodiscard]] std::size_t size_of_message(std::uint32_t sender, std::uint64_t sequence,
                                          std::size_t smallest, std::size_t largest);

enum class damage {
  none,
  torn,       ///< Not the bytes that were sent: cut, joined, mixed, or overwritten.
  reordered,  ///< Whole, but after one that its sender sent later.
  twice,      ///< Whole, but received before.
  invented,   ///< Whole, but never sent.
  lost,       ///< Sent, but never received.
};
[[nodiscard]] std::string_view name_of(damage kind) noexcept;

/// What one sender did. A sender that was killed leaves a gap between the two counts: what it was
/// just sending may have arrived or not.
struct sent_messages {
  std::uint64_t at_least = 0;  ///< Numbers below this were sent for certain and must arrive.
  std::uint64_t at_most = 0;   ///< Numbers from here on were never sent.
};

/// Collects what arrives, and judges it. One receiver; several receivers of one channel each have
/// one, and `merge` puts them together.
class history_checker {
 public:
  /// Judges one message on its own: `torn`, `reordered`, `twice` or `none`. What is wrong is kept
  /// for the verdict.
  damage check(const_bytes message);

  /// Adds what another receiver of the same channel got.
  void merge(const history_checker& other);

  /// Success if all that arrived was whole, in order per sender and once, and if between them the
  /// messages are those that were sent, by sender. Else says what happened to which.
  [[nodiscard]] ::testing::AssertionResult verdict(
      const std::map<std::uint32_t, sent_messages>& sent) const;
  /// The same where each of `senders` (0, 1, ...) sent exactly `count`.
  [[nodiscard]] ::testing::AssertionResult verdict(std::uint32_t senders,
                                                   std::uint64_t count) const;

  [[nodiscard]] std::size_t received() const noexcept { return received_; }
  /// How often each kind of damage was seen by `check` and `merge`.
  [[nodiscard]] std::size_t count(damage kind) const;

 private:
  damage note(damage kind, const std::string& what);
  damage place(std::uint32_t id, std::uint64_t sequence);

  struct from_one_sender {
    std::uint64_t next = 0;  // one more than the highest number so far
    std::set<std::uint64_t> missing;
  };
  std::map<std::uint32_t, from_one_sender> senders_;
  std::map<damage, std::size_t> counts_;
  std::vector<std::string> examples_;  // the first few of each kind
  std::size_t received_ = 0;
};

}  // namespace sluice::test
