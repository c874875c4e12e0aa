#include <algorithm>
#include <charconv>
#include <sluice/os/inet_address.hpp>

#include "os/syscall_inet.hpp"

namespace sluice {

namespace {

using address_bytes = std::array<std::uint8_t, 16>;

constexpr address_bytes v6_loopback{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};

failure wrong(const char* hint) {
  return failure{std::errc::invalid_argument, "inet_address::parse", hint};
}

template <class Number>
bool read_number(std::string_view text, Number& into) {
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), into);
  return problem == std::errc{} && end == text.data() + text.size();
}

}  // namespace

inet_address inet_address::v4(const std::array<std::uint8_t, 4>& bytes,
                              std::uint16_t port) noexcept {
  address_bytes all{};
  std::ranges::copy(bytes, all.begin());
  return {false, all, port, 0};
}
inet_address inet_address::v6(const address_bytes& bytes, std::uint16_t port,
                              std::uint32_t scope) noexcept {
  return {true, bytes, port, scope};
}
inet_address inet_address::loopback(std::uint16_t port) noexcept {
  return v4({127, 0, 0, 1}, port);
}
inet_address inet_address::loopback_v6(std::uint16_t port) noexcept {
  return v6(v6_loopback, port);
}
inet_address inet_address::any(std::uint16_t port) noexcept { return v4({}, port); }
inet_address inet_address::any_v6(std::uint16_t port) noexcept { return v6({}, port); }

bool inet_address::is_loopback() const noexcept {
  return is_v6_ ? bytes_ == v6_loopback : bytes_[0] == 127;
}
bool inet_address::is_multicast() const noexcept {
  return is_v6_ ? bytes_[0] == 0xff : (bytes_[0] & 0xf0) == 0xe0;
}

result<inet_address> inet_address::parse(std::string_view text) {
  constexpr const char* forms = "an address is written as 127.0.0.1:80 or [::1]:80";
  // The C library would read no further, and take what stands before it for all of the host.
  if (text.find('\0') != text.npos) return wrong(forms);
  const auto colon = text.rfind(':');
  std::uint16_t port = 0;
  if (colon == text.npos || !read_number(text.substr(colon + 1), port)) return wrong(forms);
  std::string_view host = text.substr(0, colon);
  address_bytes bytes{};
  if (!host.starts_with('[')) {
    if (!syscall::read_address(std::string{host}.c_str(), false, bytes)) return wrong(forms);
    return inet_address{false, bytes, port, 0};
  }
  if (!host.ends_with(']')) return wrong(forms);
  host = host.substr(1, host.size() - 2);
  std::uint32_t scope = 0;
  if (const auto percent = host.find('%'); percent != host.npos) {
    if (!read_number(host.substr(percent + 1), scope))
      return wrong("behind % stands the number of an interface (ip link shows it)");
    host = host.substr(0, percent);
  }
  if (!syscall::read_address(std::string{host}.c_str(), true, bytes)) return wrong(forms);
  return inet_address{true, bytes, port, scope};
}

std::string inet_address::to_string() const {
  const std::string host = syscall::write_address(bytes_, is_v6_);
  const std::string port = ":" + std::to_string(port_);
  if (!is_v6_) return host + port;
  const std::string on = scope_ == 0 ? "" : "%" + std::to_string(scope_);
  return "[" + host + on + "]" + port;
}

}  // namespace sluice
