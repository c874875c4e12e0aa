#include <cerrno>
#include <sluice/base/retry.hpp>
#include <sluice/channel/udp_socket.hpp>

#include "os/syscall.hpp"
#include "os/syscall_inet.hpp"
#include "os/syscall_messages.hpp"

namespace sluice {

namespace {

constexpr auto never = syscall::waits::never;

}  // namespace

result<udp_socket> udp_socket::create(const udp_options& options) {
  auto fd = syscall::socket(syscall::family_of(options.address), socket_type::datagram);
  if (!fd) return failure{fd.error()};
  if (options.share_address)
    if (auto set = syscall::reuse_address(fd->get()); !set) return failure{set.error()};
  if (options.address.is_v6())
    if (auto set = syscall::only_v6(fd->get()); !set) return failure{set.error()};
  if (auto set = syscall::only_joined_groups(fd->get(), options.address.is_v6()); !set)
    return failure{set.error()};
  if (options.receive_buffer_bytes != 0) {
    auto set = syscall::set_buffer_bytes(fd->get(), syscall::buffer::receiving,
                                         options.receive_buffer_bytes);
    if (!set) return failure{set.error()};
  }
  if (auto bound = syscall::bind(fd->get(), syscall::address_of(options.address)); !bound)
    return failure{bound.error()};
  auto named = syscall::local_address(fd->get());
  if (!named) return failure{named.error()};
  return udp_socket{std::move(*fd), syscall::inet_of(*named).value_or(options.address)};
}

result<void> udp_socket::connect(const inet_address& address) {
  auto done = syscall::connect(fd_.get(), syscall::address_of(address));
  if (!done) return failure{done.error()};
  return {};
}

result<void> udp_socket::send_once(const_bytes message, const inet_address* address) {
  constexpr const char* operation = "sendto";
  if (message.size() > max_message_bytes())
    return failure{std::errc::message_size, operation, "UDP carries at most 65,507 bytes"};
  const long outcome =
      address == nullptr
          ? syscall::send_outcome(fd_.get(), message, never)
          : syscall::send_to_outcome(fd_.get(), message, syscall::address_of(*address), never);
  if (outcome >= 0) [[likely]]
    return {};
  if (outcome == -EDESTADDRREQ)
    return failure{error::from_errno(EDESTADDRREQ, operation, "connect it, or use send_to")};
  return syscall::failed(outcome, operation);
}

result<std::size_t> udp_socket::try_receive(mutable_bytes buffer) {
  if (buffer.size() < max_message_bytes()) {
    auto size = next_size();
    if (!size) return size;
    if (*size > buffer.size())
      return failure{std::errc::no_buffer_space, "udp_socket::receive",
                     "next_size() tells how large the buffer must be"};
  }
  syscall::socket_address from;
  const long outcome = syscall::receive_from_outcome(fd_.get(), buffer, from, never);
  if (outcome < 0) return syscall::failed(outcome, "recvfrom");
  last_sender_ = syscall::inet_of(from);
  if (static_cast<std::size_t>(outcome) > buffer.size())
    return failure{std::errc::message_size, "recvfrom",
                   "somebody else took the message that was looked at, and a longer one was cut"};
  return static_cast<std::size_t>(outcome);
}

result<std::size_t> udp_socket::next_size() {
  return syscall::byte_count(syscall::next_size_outcome(fd_.get(), never), "recvfrom");
}

result<void> udp_socket::wait_writable(deadline until) {
  return syscall::wait_writable(fd_.get(), until);
}
result<void> udp_socket::wait_readable(deadline until) {
  return syscall::wait_readable(fd_.get(), until);
}

result<void> udp_socket::send_to(const_bytes message, const inet_address& address, deadline until) {
  return retry_until(
      until, [&] { return send_once(message, &address); },
      [&](deadline d) { return wait_writable(d); });
}

result<void> udp_socket::join(const inet_address& group, unsigned interface) {
  return syscall::join_group(fd_.get(), group, interface);
}
result<void> udp_socket::leave(const inet_address& group, unsigned interface) {
  return syscall::leave_group(fd_.get(), group, interface);
}
result<void> udp_socket::set_group_sending(const udp_group_options& options) {
  return syscall::set_group_sending(
      fd_.get(), address_.is_v6(),
      {.interface = options.interface, .hops = options.hops, .loops_back = options.loops_back});
}

result<udp_socket> udp_socket::duplicate() const {
  auto copy = syscall::duplicate(fd_.get());
  if (!copy) return failure{copy.error()};
  return udp_socket{std::move(*copy), address_};
}

}  // namespace sluice
