#include <sluice/channel/tcp_stream.hpp>

#include "channel/growing_pause.hpp"
#include "os/syscall.hpp"
#include "os/syscall_inet.hpp"

namespace sluice {

namespace {

result<inet_address> inet_only(const result<syscall::socket_address>& found) {
  if (!found) return failure{found.error()};
  auto address = syscall::inet_of(*found);
  if (!address) return failure{std::errc::address_family_not_supported, "getsockname"};
  return *address;
}

// Not waiting in the kernel's call, which knows no deadline and cannot be made anew after a signal.
result<unique_fd> connect_once(const inet_address& address, deadline until) {
  auto fd =
      syscall::socket(syscall::family_of(address), socket_type::stream, syscall::blocking::no);
  if (!fd) return fd;
  auto done = syscall::connect(fd->get(), syscall::address_of(address));
  if (!done) return failure{done.error()};
  if (!*done) {
    if (auto ready = syscall::wait_writable(fd->get(), until); !ready)
      return failure{ready.error().with_hint("the peer does not answer")};
    if (auto outcome = syscall::outcome_of_connect(fd->get()); !outcome)
      return failure{outcome.error()};
  }
  if (auto set = syscall::set_nonblocking(fd->get(), false); !set) return failure{set.error()};
  return fd;
}

result<void> apply(int fd, const tcp_stream_options& options) {
  if (options.no_delay)
    if (auto set = syscall::set_no_delay(fd, true); !set) return set;
  if (options.keep_alive) return syscall::keep_alive(fd);
  return {};
}

}  // namespace

result<tcp_stream> tcp_stream::connect(const inet_address& address, deadline until,
                                       const tcp_connect_options& options) {
  growing_pause pause;
  for (;;) {
    auto fd = connect_once(address, until);
    if (fd) {
      if (auto set = apply(fd->get(), options.stream); !set) return failure{set.error()};
      return tcp_stream{stream_socket{std::move(*fd)}};
    }
    const bool waits = options.wait_for_peer && fd.error() == std::errc::connection_refused;
    if (!waits) return failure{fd.error()};
    if (until.has_passed())
      return failure{std::errc::timed_out, "connect", "nobody listens at this address"};
    if (auto slept = syscall::sleep(pause.next(until)); !slept) return failure{slept.error()};
  }
}

result<tcp_stream> tcp_stream::from_native(unique_fd fd, const tcp_stream_options& options) {
  auto facts = syscall::facts_of(fd.get());
  if (!facts) return failure{facts.error()};
  const bool is_inet =
      facts->family == syscall::socket_family::v4 || facts->family == syscall::socket_family::v6;
  if (!is_inet || facts->type != socket_type::stream || facts->is_listening)
    return failure{std::errc::invalid_argument, "from_native", "not a connected TCP socket"};
  if (auto set = apply(fd.get(), options); !set) return failure{set.error()};
  return tcp_stream{stream_socket{std::move(fd)}};
}

result<tcp_stream> tcp_stream::duplicate() const {
  auto copy = socket_.duplicate();
  if (!copy) return failure{copy.error()};
  return tcp_stream{std::move(*copy)};
}

result<inet_address> tcp_stream::local_address() const {
  return inet_only(syscall::local_address(native_handle()));
}
result<inet_address> tcp_stream::peer_address() const {
  return inet_only(syscall::peer_address(native_handle()));
}

}  // namespace sluice
