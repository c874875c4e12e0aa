#pragma once
// What goes over the channels of requests and replies: docs/request-format.md is normative, and
// tests/compose/request_format_test.cpp holds this against it.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <sluice/base/bytes.hpp>
#include <sluice/channel/ring_attachment.hpp>
#include <sluice/compose/request_reply.hpp>
#include <vector>

namespace sluice {

/// One message, less its body.
struct request_frame {
  static constexpr std::size_t size_bytes = 32;
  static constexpr std::uint32_t magic = 0x5152'4c53;  // "SLRQ"
  static constexpr std::uint64_t nobody = ~std::uint64_t{0};

  enum class kind : std::uint8_t { request = 1, reply = 2, error = 3, cancel = 4, taken = 5 };

  kind what = kind::request;
  std::uint64_t client = 0;
  request_id id = 0;
  std::uint64_t value = 0;  // by kind

  /// Header and body in one piece, in memory that is reused.
  void encode(const_bytes body, std::vector<std::byte>& into) const;
  /// Nothing when these bytes are no message of this format.
  [[nodiscard]] static std::optional<request_frame> decode(const_bytes message) noexcept;
  [[nodiscard]] static const_bytes body_of(const_bytes message) noexcept {
    return message.subspan(size_bytes);
  }

  // What `value` is.
  [[nodiscard]] static std::uint64_t value_of(deadline until) noexcept;
  [[nodiscard]] static std::uint64_t value_of(const request_error& failed) noexcept;
  [[nodiscard]] static std::uint64_t value_of(
      const std::optional<ring_participant>& holder) noexcept;
  [[nodiscard]] deadline as_deadline() const noexcept;
  [[nodiscard]] request_error as_error(const_bytes text) const;
  [[nodiscard]] std::optional<ring_participant> as_holder() const noexcept;
};

/// What each client's channel of replies is called: the service's name, a dot, and its number.
[[nodiscard]] std::string reply_name(const std::string& service, std::uint64_t client);

}  // namespace sluice
