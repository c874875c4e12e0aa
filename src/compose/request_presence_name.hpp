#pragma once
// Where the proof of life beside a channel of replies is: docs/request-format.md.

#include <optional>
#include <sluice/compose/endpoint.hpp>
#include <sluice/compose/request_presence.hpp>
#include <string>

namespace sluice {

struct presence_name {
  static constexpr const char* suffix = ".alive";

  std::string name;
  request_presence_options options;
};

/// Of a client's channel of replies; nothing where the channel itself tells of a death: rings,
/// connections.
[[nodiscard]] std::optional<presence_name> presence_beside(const endpoint& replies);

/// The client's, made where it is needed.
[[nodiscard]] result<std::optional<request_presence>> create_presence_beside(
    const endpoint& replies);

/// A server's, where the client has made one that we may use: else nobody can prove that we live.
[[nodiscard]] std::optional<request_presence> open_presence_beside(const endpoint& replies);

/// What a killed client left.
void unlink_presence_beside(const endpoint& replies) noexcept;

}  // namespace sluice
