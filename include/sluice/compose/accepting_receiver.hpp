#pragma once
// Listens at an address, and is the receiver of the first connection that comes: what an address of
// a socket leads to (endpoint.hpp), and the shortest server of one client.

#include <concepts>
#include <cstddef>
#include <optional>
#include <sluice/base/channel_traits.hpp>
#include <sluice/base/concepts.hpp>
#include <sluice/base/readiness.hpp>
#include <sluice/base/retry.hpp>
#include <sluice/channel/blocking.hpp>
#include <sluice/channel/tcp_listener.hpp>
#include <sluice/channel/unix_listener.hpp>
#include <sluice/compose/frame_header.hpp>
#include <sluice/compose/framed_receiver.hpp>
#include <sluice/os/poll_watch.hpp>
#include <type_traits>
#include <utility>
#include <variant>

namespace sluice {

/// What receives messages of a connection: itself, or frames over it.
template <class Connection>
struct receiver_over {
  using type = Connection;
};
template <byte_reader Connection>
struct receiver_over<Connection> {
  using type = framed_receiver<Connection>;
};

/// Waits for a sender at an address, and receives its messages.
///
/// *Semantics*: the first look that finds a connection takes it; from then on this is its receiver
/// (frames, where it carries bytes), and nobody else gets in: the listener closes, and its name is
/// free for whoever listens next. Until then nothing is there, and who waits, waits for the
/// connection. With a backlog of 1 a second sender waits in its `connect`, but for one that comes
/// in the very moment of that look: it is told `broken_pipe`. Whoever comes first is the peer, also
/// a stranger who stays silent; what then helps is a deadline, and a new one. *Threads*: one at a
/// time. *Errors*: those of the listener until somebody came, and then those of the receiver:
/// `errc::closed` when the sender has left, also one that never sent anything. *Lifetime*: the name
/// of the listener goes with the first connection, or with the object. *Crash*: that of the
/// listener, then that of the receiver.
template <class Listener>
class accepting_receiver {
 public:
  using connection_type = typename decltype(std::declval<Listener&>().try_accept())::value_type;
  using receiver_type = typename receiver_over<connection_type>::type;
  static constexpr const channel_capabilities& capabilities = channel_traits<receiver_type>;

  /// The largest message is that of the sender: without a value as its class has it.
  [[nodiscard]] static result<accepting_receiver> over(
      Listener listener, std::optional<std::size_t> max_message_bytes = {}) {
    if (max_message_bytes && is_framed && *max_message_bytes > frame_header::max_payload_bytes)
      return failure{std::errc::invalid_argument, "accepting_receiver::over",
                     "max_message_bytes is at most 2^31-1"};
    return accepting_receiver{std::move(listener), max_message_bytes};
  }

  [[nodiscard]] result<std::size_t> try_receive(mutable_bytes buffer) {
    return look([&](receiver_type& from) { return from.try_receive(buffer); });
  }
  [[nodiscard]] result<std::size_t> receive_waiting(mutable_bytes buffer) {
    if (auto met = wait_for_peer(deadline::never()); !met) return failure{met.error()};
    return look([&](receiver_type& from) { return from.receive_waiting(buffer); });
  }
  [[nodiscard]] result<std::size_t> next_size() {
    return look([](receiver_type& from) { return from.next_size(); });
  }
  [[nodiscard]] result<void> wait_readable(deadline until) {
    if (auto met = wait_for_peer(until); !met) return met;
    return receiver()->wait_readable(until);
  }
  /// Waits until a sender came, and takes its connection.
  [[nodiscard]] result<void> wait_for_peer(deadline until) {
    return retry_until(
        until, [&] { return meet(); }, [&](deadline d) { return listener()->wait_for_peer(d); });
  }

  [[nodiscard]] result<std::size_t> receive(mutable_bytes buffer,
                                            deadline until = deadline::never()) {
    return sluice::receive(*this, buffer, until);
  }

  /// As framed_receiver has it.
  [[nodiscard]] result<const_bytes> try_peek()
    requires requires(receiver_type& from) { from.try_peek(); }
  {
    return look([](receiver_type& from) { return from.try_peek(); });
  }
  void release() noexcept
    requires requires(receiver_type& from) { from.release(); }
  {
    if (receiver_type* from = receiver()) from->release();
  }

  /// Null once the sender has come.
  [[nodiscard]] Listener* listener() noexcept { return std::get_if<Listener>(&held_); }
  /// Null until the sender has come.
  [[nodiscard]] receiver_type* receiver() noexcept { return std::get_if<receiver_type>(&held_); }

  /// Readable while a look is worth it, before and after the sender came: one descriptor for both.
  [[nodiscard]] result<int> poll_handle() {
    if (!watch_) {
      const int now =
          listener() != nullptr ? listener()->native_handle() : receiver()->native_handle();
      auto made = poll_watch::create(now, direction::readable);
      if (!made) return failure{made.error()};
      watch_ = std::move(*made);
    }
    return watch_->native_handle();
  }
  [[nodiscard]] result<readiness> receive_readiness() {
    return poll_handle().transform([&](int watch) {
      return readiness{.descriptor = watch, .ahead = ahead_.share(receiver() != nullptr)};
    });
  }

 private:
  static constexpr bool is_framed = byte_reader<connection_type>;

  accepting_receiver(Listener listener, std::optional<std::size_t> max_message_bytes) noexcept
      : held_(std::move(listener)), max_message_bytes_(max_message_bytes) {}

  template <class Look>
  auto look(Look at) -> decltype(at(std::declval<receiver_type&>())) {
    if (auto met = meet(); !met) {
      ahead_.note(met);
      return failure{met.error()};
    }
    auto seen = at(*receiver());
    ahead_.note(seen);
    return seen;
  }

  // Success: there is a receiver.
  result<void> meet() {
    Listener* door = listener();
    if (door == nullptr) [[likely]]
      return {};
    auto connection = door->try_accept();
    if (!connection) return failure{connection.error()};
    auto made = receiver_of(std::move(*connection));
    if (!made) return failure{made.error()};
    if (watch_) {
      // The new one first: should that fail, the listener is still waited for.
      auto added = watch_->add(made->native_handle(), direction::readable);
      if (!added) return added;
      watch_->remove(door->native_handle());
    }
    held_.template emplace<receiver_type>(std::move(*made));
    return {};
  }

  result<receiver_type> receiver_of(connection_type connection) {
    if constexpr (is_framed) {
      frame_options options;
      if (max_message_bytes_) options.max_message_bytes = *max_message_bytes_;
      return receiver_type::create(std::move(connection), options);
    } else {
      if (!max_message_bytes_) return connection;
      return receiver_type::from_native(std::move(connection).release_handle(),
                                        *max_message_bytes_);
    }
  }

  std::variant<Listener, receiver_type> held_;
  std::optional<std::size_t> max_message_bytes_;
  std::optional<poll_watch> watch_ = {};  // goes before what it watches
  read_ahead_mark ahead_;
};

static_assert(waiting_receiver<accepting_receiver<unix_stream_listener>> &&
              waiting_receiver<accepting_receiver<unix_seqpacket_listener>> &&
              waiting_receiver<accepting_receiver<tcp_listener>>);

}  // namespace sluice
