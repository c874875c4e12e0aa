#include <algorithm>
#include <sluice/channel/unix_listener.hpp>
#include <sluice/os/unix_address.hpp>

#include "os/inherited_socket.hpp"
#include "os/syscall.hpp"
#include "os/syscall_sockets.hpp"
#include "os/unix_endpoint.hpp"

namespace sluice {

namespace {

bool is_among(const auto& list, auto one) {
  return list.empty() || std::ranges::find(list, one) != list.end();
}

// Everybody in the network namespace finds an abstract address, and it has no mode.
peer_filter closed_if_abstract(peer_filter filter, bool is_abstract) {
  if (is_abstract && filter.users.empty()) filter.users.push_back(syscall::effective_user());
  return filter;
}

}  // namespace

result<unix_listening_socket> unix_listening_socket::create(socket_type type,
                                                            std::string_view address,
                                                            const unix_listener_options& options) {
  auto parsed = unix_address::parse(address);
  if (!parsed) return failure{parsed.error()};
  if (options.backlog < 1)
    return failure{std::errc::invalid_argument, "listen", "a backlog has room for one at least"};
  // Linux lets one more wait than it is told.
  auto bound = unix_endpoint::bind(
      type, *parsed,
      {.mode = options.mode, .backlog = options.backlog - 1, .directory = options.directory});
  if (!bound) return failure{bound.error()};
  auto socket = listening_socket::over(std::move(bound->fd));
  if (!socket) return failure{socket.error()};
  return unix_listening_socket{std::move(*socket), std::move(bound->name),
                               closed_if_abstract(options.filter, parsed->is_abstract())};
}

result<unix_listening_socket> unix_listening_socket::inherited(socket_type type,
                                                               const inherited_options& options) {
  auto fd = inherited_socket::take(options.index, {syscall::socket_family::unix_domain}, type);
  if (!fd) return failure{fd.error()};
  auto named = syscall::local_address(fd->get());
  if (!named) return failure{named.error()};
  const std::string name = syscall::unix_name_of(*named);
  if (!options.address.empty() && name != options.address)
    return failure{std::errc::invalid_argument, "LISTEN_FDS",
                   "the inherited socket has another address"};
  auto socket = listening_socket::over(std::move(*fd));
  if (!socket) return failure{socket.error()};
  return unix_listening_socket{std::move(*socket), std::nullopt,
                               closed_if_abstract(options.filter, name.starts_with('@'))};
}

bool unix_listening_socket::admits(const socket_credentials& who) const {
  return is_among(filter_.users, who.user) && is_among(filter_.groups, who.group) &&
         (!filter_.admits || filter_.admits(who));
}

result<unique_fd> unix_listening_socket::try_accept() {
  // Of those who are not admitted only so many in one call, so that it ends.
  constexpr int most_refused = 64;
  for (int refused = 0; refused < most_refused; ++refused) {
    auto fd = socket_.try_accept();
    if (!fd) return fd;
    auto who = syscall::peer_credentials(fd->get());
    if (!who) return failure{who.error()};
    if (admits(*who)) return fd;
    ++refused_;
  }
  return failure{std::errc::resource_unavailable_try_again, "accept4"};
}

}  // namespace sluice
