#include <sluice/base/retry.hpp>
#include <sluice/channel/tcp_listener.hpp>

#include "os/inherited_socket.hpp"
#include "os/syscall.hpp"
#include "os/syscall_inet.hpp"

namespace sluice {

using syscall::socket_family;

result<tcp_listener> tcp_listener::create(const tcp_listener_options& options) {
  if (options.backlog < 1)
    return failure{std::errc::invalid_argument, "listen", "a backlog has room for one at least"};
  auto fd = syscall::socket(syscall::family_of(options.address), socket_type::stream);
  if (!fd) return failure{fd.error()};
  if (auto set = syscall::reuse_address(fd->get()); !set) return failure{set.error()};
  if (options.address.is_v6())
    if (auto set = syscall::only_v6(fd->get()); !set) return failure{set.error()};
  if (auto bound = syscall::bind(fd->get(), syscall::address_of(options.address)); !bound)
    return failure{bound.error()};
  // Linux lets one more wait than it is told.
  if (auto listens = syscall::listen(fd->get(), options.backlog - 1); !listens)
    return failure{listens.error()};
  return over(std::move(*fd), options.stream);
}

result<tcp_listener> tcp_listener::inherited(std::size_t index, const tcp_stream_options& stream) {
  auto fd =
      inherited_socket::take(index, {socket_family::v4, socket_family::v6}, socket_type::stream);
  if (!fd) return failure{fd.error()};
  return over(std::move(*fd), stream);
}

result<tcp_listener> tcp_listener::over(unique_fd fd, const tcp_stream_options& stream) {
  auto named = syscall::local_address(fd.get());
  if (!named) return failure{named.error()};
  auto address = syscall::inet_of(*named);
  if (!address) return failure{std::errc::address_family_not_supported, "getsockname"};
  auto socket = listening_socket::over(std::move(fd));
  if (!socket) return failure{socket.error()};
  return tcp_listener{std::move(*socket), *address, stream};
}

result<tcp_stream> tcp_listener::try_accept() {
  auto fd = socket_.try_accept();
  if (!fd) return failure{fd.error()};
  return tcp_stream::from_native(std::move(*fd), stream_);
}

result<tcp_stream> tcp_listener::accept(deadline until) {
  return retry_until(
      until, [&] { return try_accept(); }, [&](deadline d) { return wait_for_peer(d); });
}

}  // namespace sluice
