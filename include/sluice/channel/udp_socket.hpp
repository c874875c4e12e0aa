#pragma once
// UDP: messages without a connection, to one address or to a group, on one machine or between
// machines. What is sent may be lost, doubled or come in another order, and nobody is told: fit for
// what is sent again anyway.

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <sluice/base/channel_traits.hpp>
#include <sluice/base/concepts.hpp>
#include <sluice/base/readiness.hpp>
#include <sluice/channel/blocking.hpp>
#include <sluice/os/inet_address.hpp>
#include <sluice/os/unique_fd.hpp>

namespace sluice {

inline constexpr channel_capabilities udp_capabilities{
    .mechanism = "udp",
    .keeps_boundaries = true,
    .order = ordering::total,
    .many_senders = true,
    .many_receivers = true,
    .pollable = true,
    .may_lose = true,
    .reaches = reach::machines,
    .max_message_bytes = 65'507,
};

struct udp_options {
  /// Where messages are received. Port 0: one that is free, which `address()` tells. To receive
  /// those of a group, the group itself with its port.
  inet_address address = inet_address::loopback();
  /// Several sockets of this user may have the address: each gets what is sent to a group.
  bool share_address = false;
  /// What waits to be received, in bytes as the kernel counts them; the rest is lost. 0: as the
  /// kernel does, about 200 KiB. net.core.rmem_max limits it, in silence.
  std::size_t receive_buffer_bytes = 0;
};

/// How messages to a group are sent.
struct udp_group_options {
  unsigned interface = 0;  ///< Its number; 0: the kernel chooses.
  int hops = 1;            ///< Routers that pass it on, and one more: 1 stays in this network.
  bool loops_back = true;  ///< Members on this machine get it, too.
};

/// Sends and receives messages.
///
/// *Semantics*: each message whole, or not at all. `connect` chooses whom `try_send` sends to, and
/// lets nobody else's messages in. Who receives into a buffer below 65,507 bytes gives the object
/// 64 KiB, where a message for which it is too small is kept, and comes next. There is no end.
/// *Threads*: receiving from one thread at a time, sending from any; moving from one.
/// *Errors*: `message_size` above 65,507 bytes, and `destination_address_required` without
/// `connect`; `connection_refused` from either verb tells, late and not for certain, that nobody
/// receives what was sent before. *Lifetime*: what was not received goes with the object, what is
/// kept here even where another owner of the socket stays; a forked child has no right to it.
/// *Crash*: as *Lifetime*.
class udp_socket {
 public:
  static constexpr channel_capabilities capabilities = udp_capabilities;

  /// Receives at an address. `address_in_use` when somebody else does.
  [[nodiscard]] static result<udp_socket> create(const udp_options& options = {});

  /// Sends to this address from now on, and receives from nobody else.
  [[nodiscard]] result<void> connect(const inet_address& address);

  [[nodiscard]] result<void> try_send(const_bytes message) {
    return send_once(message, nullptr, false);
  }
  [[nodiscard]] result<void> send_waiting(const_bytes message) {
    return send_once(message, nullptr, true);
  }
  [[nodiscard]] result<void> wait_writable(deadline until);
  [[nodiscard]] result<std::size_t> try_receive(mutable_bytes buffer) {
    return receive_once(buffer, false);
  }
  [[nodiscard]] result<std::size_t> receive_waiting(mutable_bytes buffer) {
    return receive_once(buffer, true);
  }
  [[nodiscard]] result<std::size_t> next_size();
  [[nodiscard]] result<void> wait_readable(deadline until);

  [[nodiscard]] result<void> send(const_bytes message, deadline until = deadline::never()) {
    return sluice::send(*this, message, until);
  }
  [[nodiscard]] result<std::size_t> receive(mutable_bytes buffer,
                                            deadline until = deadline::never()) {
    return sluice::receive(*this, buffer, until);
  }

  /// To anybody, also without `connect`.
  [[nodiscard]] result<void> try_send_to(const_bytes message, const inet_address& address) {
    return send_once(message, &address, false);
  }
  [[nodiscard]] result<void> send_to(const_bytes message, const inet_address& address,
                                     deadline until = deadline::never());
  /// Who sent the message that was received at last; nothing before the first.
  [[nodiscard]] const std::optional<inet_address>& last_sender() const noexcept {
    return last_sender_;
  }

  /// Receives what is sent to a group, on one interface (its number; 0: the kernel chooses), until
  /// `leave` or the end of the object. Source: ip(7), ipv6(7).
  [[nodiscard]] result<void> join(const inet_address& group, unsigned interface = 0);
  [[nodiscard]] result<void> leave(const inet_address& group, unsigned interface = 0);
  [[nodiscard]] result<void> set_group_sending(const udp_group_options& options);

  [[nodiscard]] static constexpr std::size_t max_message_bytes() noexcept {
    return capabilities.max_message_bytes;
  }
  /// Where it receives, with the port that it got.
  [[nodiscard]] const inet_address& address() const noexcept { return address_; }
  /// A second owner of the same socket: each message goes to one.
  [[nodiscard]] result<udp_socket> duplicate() const;
  /// Readable while messages wait; one that is kept here does not show.
  [[nodiscard]] int native_handle() const noexcept { return fd_.get(); }
  /// The descriptor, and whether a message is kept here.
  [[nodiscard]] result<readiness> receive_readiness() {
    return readiness{.descriptor = fd_.get(), .ahead = ahead_.share(has_kept())};
  }

 private:
  struct kept_message {
    std::size_t size;
    std::optional<inet_address> from;
    pid_t owner;  // a forked child has a copy of it, and no right to it
  };
  udp_socket(unique_fd fd, const inet_address& address) noexcept
      : fd_(std::move(fd)), address_(address) {}
  [[nodiscard]] result<void> send_once(const_bytes message, const inet_address* address,
                                       bool may_wait);
  [[nodiscard]] result<std::size_t> receive_once(mutable_bytes buffer, bool may_wait);
  [[nodiscard]] result<std::size_t> receive_into_less(mutable_bytes buffer, bool may_wait);
  [[nodiscard]] result<std::size_t> receive_kept(mutable_bytes buffer);
  [[nodiscard]] bool has_kept() noexcept;
  [[nodiscard]] failure nothing(long outcome, const char* operation) noexcept;

  // On a page: the kernel copies some KiB at half its speed to where, within a page, they begin a
  // few bytes behind the place that they come from.
  static constexpr std::align_val_t page{4096};
  struct release_room {
    void operator()(std::byte* room) const noexcept { ::operator delete(room, page); }
  };

  unique_fd fd_;
  inet_address address_;
  std::optional<inet_address> last_sender_ = {};
  std::unique_ptr<std::byte, release_room> room_ = {};  // for any message, once that was needed
  std::optional<kept_message> kept_ = {};               // in room_
  read_ahead_mark ahead_ = {};
};

static_assert(waiting_sender<udp_socket> && waiting_receiver<udp_socket>);

}  // namespace sluice
