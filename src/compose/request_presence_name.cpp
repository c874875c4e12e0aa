#include "compose/request_presence_name.hpp"

#include <sluice/os/socket_type.hpp>
#include <utility>

#include "compose/any_open.hpp"

namespace sluice {

namespace {

// Whoever may read or write replies may do both with the file: a lock needs it.
mode_t for_locks(mode_t mode) noexcept {
  return 0600U | ((mode & 0060) != 0 ? 0060U : 0U) | ((mode & 0006) != 0 ? 0006U : 0U);
}

}  // namespace

std::optional<presence_name> presence_beside(const endpoint& replies) {
  using enum endpoint_kind;
  const endpoint_kind kind = replies.kind();
  const bool is_datagram =
      kind == unix_socket &&
      replies.number(endpoint_option::socket) == static_cast<std::uint64_t>(socket_type::datagram);
  if (kind != fifo && kind != sysv && kind != mq && kind != mailbox && !is_datagram)
    return std::nullopt;
  presence_name found{.name = replies.target_text(),
                      .options = endpoint_options::base<request_presence_options>(replies)};
  // "/name" is that of a queue and no path; "@name" is an abstract one.
  if ((kind == mq && found.name.starts_with('/')) || found.name.starts_with('@'))
    found.name.erase(0, 1);
  const bool is_path = found.name.find('/') != std::string::npos;
  if (is_path) found.name += presence_name::suffix;
  // Nobody else reaches the private directory, whatever the channel's mode lets in.
  const bool is_private = !is_path && found.options.directory.path.empty();
  found.options.mode = is_private ? 0600 : for_locks(found.options.mode);
  return found;
}

result<std::optional<request_presence>> create_presence_beside(const endpoint& replies) {
  const auto named = presence_beside(replies);
  if (!named) return std::optional<request_presence>{};
  auto made = request_presence::create(named->name, named->options);
  if (!made) return failure{made.error()};
  return std::optional<request_presence>{std::move(*made)};
}

std::optional<request_presence> open_presence_beside(const endpoint& replies) {
  const auto named = presence_beside(replies);
  if (!named) return std::nullopt;
  auto opened = request_presence::open(named->name, named->options);
  if (!opened) return std::nullopt;
  return std::move(*opened);
}

void unlink_presence_beside(const endpoint& replies) noexcept {
  if (const auto named = presence_beside(replies))
    static_cast<void>(request_presence::unlink(named->name, named->options));
}

}  // namespace sluice
