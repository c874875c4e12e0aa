#include "compose/request_frame.hpp"

#include <algorithm>
#include <chrono>

#include "base/little_endian.hpp"

namespace sluice {

void request_frame::encode(const_bytes body, std::vector<std::byte>& into) const {
  into.resize(size_bytes + body.size());
  const mutable_bytes all{into};
  store_little_endian(magic, all);
  store_little_endian(static_cast<std::uint32_t>(what), all.subspan(4));
  store_little_endian(client, all.subspan(8));
  store_little_endian(id, all.subspan(16));
  store_little_endian(value, all.subspan(24));
  copy_bytes(body, all.subspan(size_bytes));
}

std::optional<request_frame> request_frame::decode(const_bytes message) noexcept {
  if (message.size() < size_bytes || load_little_endian<std::uint32_t>(message) != magic)
    return std::nullopt;
  const auto what = load_little_endian<std::uint32_t>(message.subspan(4));
  if (what < static_cast<std::uint32_t>(kind::request) ||
      what > static_cast<std::uint32_t>(kind::taken))
    return std::nullopt;
  const request_frame seen{.what = static_cast<kind>(what),
                           .client = load_little_endian<std::uint64_t>(message.subspan(8)),
                           .id = load_little_endian<std::uint64_t>(message.subspan(16)),
                           .value = load_little_endian<std::uint64_t>(message.subspan(24))};
  const bool has_body = message.size() != size_bytes;
  if (has_body && (seen.what == kind::cancel || seen.what == kind::taken)) return std::nullopt;
  if ((seen.what == kind::reply || seen.what == kind::cancel) && seen.value != 0)
    return std::nullopt;
  if (seen.id == 0) return std::nullopt;
  return seen;
}

std::uint64_t request_frame::value_of(deadline until) noexcept {
  if (until.is_never()) return 0;
  const auto left = std::chrono::duration_cast<std::chrono::nanoseconds>(until.remaining()).count();
  return static_cast<std::uint64_t>(std::max<std::int64_t>(left, 1));
}

deadline request_frame::as_deadline() const noexcept {
  if (value == 0) return deadline::never();
  const auto left = static_cast<std::int64_t>(std::min(value, ~std::uint64_t{0} >> 1));
  return deadline{std::chrono::nanoseconds{left}};
}

std::uint64_t request_frame::value_of(const request_error& failed) noexcept {
  return std::uint64_t{static_cast<std::uint32_t>(failed.code)} << 32 |
         static_cast<std::uint32_t>(failed.domain);
}

request_error request_frame::as_error(const_bytes text) const {
  request_error made;
  const auto domain = static_cast<std::uint32_t>(value);
  // Domains of later versions: their numbers are a service's to us.
  if (domain <= static_cast<std::uint32_t>(request_error_domain::sluice))
    made.domain = static_cast<request_error_domain>(domain);
  made.code = static_cast<std::int32_t>(static_cast<std::uint32_t>(value >> 32));
  made.text = text_of(text.first(std::min(text.size(), request_error::max_text_bytes)));
  return made;
}

std::uint64_t request_frame::value_of(const std::optional<ring_participant>& holder) noexcept {
  if (!holder) return nobody;
  return std::uint64_t{holder->generation} << 32 | holder->slot;
}

std::optional<ring_participant> request_frame::as_holder() const noexcept {
  if (value == nobody) return std::nullopt;
  return ring_participant{.slot = static_cast<std::uint32_t>(value),
                          .generation = static_cast<std::uint32_t>(value >> 32)};
}

std::string reply_name(const std::string& service, std::uint64_t client) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string name = service + ".";
  for (int shift = 60; shift >= 0; shift -= 4) name += digits[client >> shift & 15];
  return name;
}

}  // namespace sluice
