#pragma once
// An address of the Internet protocols, version 4 or 6, with a port. Numbers only: looking up the
// name of a host may take long and asks others, which is not for this library to hide.

#include <array>
#include <compare>
#include <cstdint>
#include <sluice/base/result.hpp>
#include <string>
#include <string_view>

namespace sluice {

/// *Threads*: a value. *Errors*: only `parse` fails.
class inet_address {
 public:
  /// 127.0.0.1 and ::1: this machine, and nobody else.
  [[nodiscard]] static inet_address loopback(std::uint16_t port = 0) noexcept;
  [[nodiscard]] static inet_address loopback_v6(std::uint16_t port = 0) noexcept;
  /// 0.0.0.0 and ::, to listen on: every address of this machine.
  [[nodiscard]] static inet_address any(std::uint16_t port = 0) noexcept;
  [[nodiscard]] static inet_address any_v6(std::uint16_t port = 0) noexcept;
  [[nodiscard]] static inet_address v4(const std::array<std::uint8_t, 4>& bytes,
                                       std::uint16_t port) noexcept;
  /// `scope` is the number of an interface, for addresses that are valid on one link only.
  [[nodiscard]] static inet_address v6(const std::array<std::uint8_t, 16>& bytes,
                                       std::uint16_t port, std::uint32_t scope = 0) noexcept;

  /// "127.0.0.1:80", "[::1]:80", "[fe80::1%2]:80"; `invalid_argument` for anything else.
  [[nodiscard]] static result<inet_address> parse(std::string_view text);
  /// In the form that `parse` reads.
  [[nodiscard]] std::string to_string() const;

  [[nodiscard]] bool is_v6() const noexcept { return is_v6_; }
  [[nodiscard]] bool is_loopback() const noexcept;
  [[nodiscard]] bool is_multicast() const noexcept;
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] std::uint32_t scope() const noexcept { return scope_; }
  /// In network order; of version 4 the first four.
  [[nodiscard]] const std::array<std::uint8_t, 16>& bytes() const noexcept { return bytes_; }
  /// The same host at another port.
  [[nodiscard]] inet_address at_port(std::uint16_t port) const noexcept {
    inet_address other = *this;
    other.port_ = port;
    return other;
  }

  friend bool operator==(const inet_address&, const inet_address&) = default;
  friend auto operator<=>(const inet_address&, const inet_address&) = default;

 private:
  inet_address(bool is_v6, const std::array<std::uint8_t, 16>& bytes, std::uint16_t port,
               std::uint32_t scope) noexcept
      : bytes_(bytes), scope_(scope), port_(port), is_v6_(is_v6) {}
  std::array<std::uint8_t, 16> bytes_;
  std::uint32_t scope_;
  std::uint16_t port_;
  bool is_v6_;
};

}  // namespace sluice
