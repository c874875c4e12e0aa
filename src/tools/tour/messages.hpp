#pragma once
// What is sent: real messages, each with the checksum that the receiver must find again.

#include <cstddef>
#include <cstdint>
#include <limits>
#include <sluice/base/bytes.hpp>
#include <string_view>
#include <vector>

namespace sluice::tour {

/// XXH3 of the bytes, 64 bits. Two messages of one digest are taken for the same message.
using digest = std::uint64_t;
[[nodiscard]] digest digest_of(const_bytes message) noexcept;

/// Messages in the order in which they are sent. Views of the input, which must outlive this.
struct message_set {
  std::string_view kind;  ///< As the report calls them: "lines".
  std::vector<const_bytes> messages = {};
  std::vector<digest> digests = {};  ///< One per message, computed from the input itself.
  std::size_t total_bytes = 0;
  std::size_t largest_bytes = 0;

  [[nodiscard]] std::size_t size() const noexcept { return messages.size(); }
  void add(const_bytes message, digest expected);
  void add(const_bytes message) { add(message, digest_of(message)); }
};

/// At most `count` of the messages, taken evenly over all of them, and as many of these from the
/// first on as have at most `most_bytes` together; at least one.
[[nodiscard]] message_set sample_of(
    const message_set& all, std::size_t count,
    std::size_t most_bytes = std::numeric_limits<std::size_t>::max());

/// Deals the messages out to `lanes` senders, by digest: so equal messages have one sender, and the
/// receiver knows from a message alone whose it is.
[[nodiscard]] std::vector<message_set> deal(const message_set& all, std::size_t lanes);
[[nodiscard]] constexpr std::size_t lane_of(digest message, std::size_t lanes) noexcept {
  return static_cast<std::size_t>(message % lanes);
}

}  // namespace sluice::tour
