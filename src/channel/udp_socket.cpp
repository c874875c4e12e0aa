#include <cerrno>
#include <sluice/base/retry.hpp>
#include <sluice/channel/udp_socket.hpp>

#include "os/syscall.hpp"
#include "os/syscall_inet.hpp"
#include "os/syscall_messages.hpp"

namespace sluice {

namespace {

constexpr auto never = syscall::waits::never;

failure no_room() noexcept {
  return failure{std::errc::no_buffer_space, "udp_socket::receive",
                 "next_size() tells how large the buffer must be"};
}

failure cut() noexcept {
  return failure{std::errc::message_size, "recvfrom",
                 "a message longer than 65,507 bytes, as version 6 has them, was cut and is gone"};
}

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

result<void> udp_socket::send_once(const_bytes message, const inet_address* address,
                                   bool may_wait) {
  constexpr const char* operation = "sendto";
  if (message.size() > max_message_bytes())
    return failure{std::errc::message_size, operation, "UDP carries at most 65,507 bytes"};
  const auto waits = syscall::waits_of(may_wait);
  const long outcome =
      address == nullptr
          ? syscall::send_outcome(fd_.get(), message, waits)
          : syscall::send_to_outcome(fd_.get(), message, syscall::address_of(*address), waits);
  if (outcome >= 0) [[likely]]
    return {};
  if (outcome == -EDESTADDRREQ)
    return failure{error::from_errno(EDESTADDRREQ, operation, "connect it, or use send_to")};
  return syscall::failed(outcome, operation);
}

// Whether a message is kept that is ours to hand out.
bool udp_socket::has_kept() noexcept {
  if (!kept_) [[likely]]
    return false;
  if (kept_->owner != syscall::process_id()) kept_.reset();
  return kept_.has_value();
}

// A look that found nothing: nor is anything kept by then.
failure udp_socket::nothing(long outcome, const char* operation) noexcept {
  if (outcome == -EAGAIN) ahead_.set(false);
  return syscall::failed(outcome, operation);
}

// One call all the same, so that nothing has to be asked for first: a short message is copied once
// more, a long one is given two places by the kernel, which costs it as much as to copy 8 KiB.
inline result<std::size_t> udp_socket::receive_into_less(mutable_bytes buffer, bool may_wait) {
  constexpr std::size_t worth_a_copy = std::size_t{8} << 10;
  if (!room_) room_.reset(static_cast<std::byte*>(::operator new(max_message_bytes(), page)));
  const mutable_bytes room{room_.get(), max_message_bytes()};
  const bool by_room = buffer.size() <= worth_a_copy;
  syscall::socket_address from;
  const long outcome =
      by_room ? syscall::receive_from_outcome(fd_.get(), room, from, syscall::waits_of(may_wait))
              : syscall::receive_from_outcome(fd_.get(), buffer, room.subspan(buffer.size()), from,
                                              syscall::waits_of(may_wait));
  if (outcome < 0) return nothing(outcome, by_room ? "recvfrom" : "recvmsg");
  const auto size = static_cast<std::size_t>(outcome);
  if (size > room.size()) return cut();
  if (size <= buffer.size()) [[likely]] {
    last_sender_ = syscall::inet_of(from);
    return by_room ? copy_bytes(room.first(size), buffer) : size;
  }
  if (!by_room) copy_bytes(buffer, room);
  kept_ = {.size = size, .from = syscall::inet_of(from), .owner = syscall::process_id()};
  ahead_.set(true);
  return no_room();
}

result<std::size_t> udp_socket::receive_once(mutable_bytes buffer, bool may_wait) {
  if (has_kept()) [[unlikely]]
    return receive_kept(buffer);
  if (buffer.size() < max_message_bytes()) return receive_into_less(buffer, may_wait);
  syscall::socket_address from;
  const long outcome =
      syscall::receive_from_outcome(fd_.get(), buffer, from, syscall::waits_of(may_wait));
  if (outcome < 0) return nothing(outcome, "recvfrom");
  last_sender_ = syscall::inet_of(from);
  if (static_cast<std::size_t>(outcome) > buffer.size()) return cut();
  return static_cast<std::size_t>(outcome);
}

result<std::size_t> udp_socket::receive_kept(mutable_bytes buffer) {
  const std::size_t size = kept_->size;
  if (size > buffer.size()) return no_room();
  last_sender_ = kept_->from;
  kept_.reset();
  return copy_bytes(const_bytes{room_.get(), size}, buffer);
}

result<std::size_t> udp_socket::next_size() {
  if (has_kept()) return kept_->size;
  const long outcome = syscall::next_size_outcome(fd_.get(), never);
  if (outcome < 0) return nothing(outcome, "recvfrom");
  return static_cast<std::size_t>(outcome);
}

result<void> udp_socket::wait_writable(deadline until) {
  return syscall::wait_writable(fd_.get(), until);
}
result<void> udp_socket::wait_readable(deadline until) {
  if (has_kept()) return {};
  return syscall::wait_readable(fd_.get(), until);
}

result<void> udp_socket::send_to(const_bytes message, const inet_address& address, deadline until) {
  return retry_until(
      until, [&] { return send_once(message, &address, until.is_never()); },
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
