#pragma once
// What the operations of `asio_end` try: each calls one verb that never blocks, and gives
// would_block where a wait is due.

#include <cstddef>
#include <sluice/base/bytes.hpp>
#include <sluice/base/concepts.hpp>
#include <sluice/base/deadline.hpp>
#include <sluice/base/error.hpp>
#include <sluice/base/readiness.hpp>
#include <sluice/base/result.hpp>
#include <utility>
#include <vector>

namespace sluice::asio_attempts {

/// Whoever states capabilities states this one, too.
template <class End>
inline constexpr bool is_pollable = true;
template <class End>
  requires requires { End::capabilities.pollable; }
inline constexpr bool is_pollable<End> = End::capabilities.pollable;

/// A connection: one descriptor for both directions, and a wait for either is none for the other.
/// One that is made for being polled tells of both by itself.
template <class End>
concept duplex_end = !requires(End& end) {
  end.poll_handle();
} && (message_receiver<End> || byte_reader<End>)&&(message_sender<End> || byte_writer<End>);

/// What tells that a try is worth it. An end that has a descriptor of its own is asked for that one
/// first: a try comes before each wait, so what was read ahead need not show.
template <class End>
result<readiness> readiness_of(End& end) {
  if constexpr (polled_specially<End>) {
    return end.poll_handle().transform([](int made) { return readiness{.descriptor = made}; });
  } else if constexpr (requires { end.native_handle(); }) {
    constexpr bool is_written = !duplex_end<End> && (message_sender<End> || byte_writer<End>);
    return readiness{.descriptor = end.native_handle(),
                     .when = is_written ? direction::writable : direction::readable};
  } else if constexpr (says_readiness_to_send<End>) {
    return end.send_readiness();
  } else {
    return end.receive_readiness();
  }
}

inline failure not_yet() { return failure{std::errc::resource_unavailable_try_again, "asio_end"}; }

struct receive {
  mutable_bytes buffer;
  template <message_receiver End>
  result<std::size_t> operator()(End& end) const {
    return end.try_receive(buffer);
  }
};

struct receive_message {
  template <message_receiver End>
  result<std::vector<std::byte>> operator()(End& end) const {
    for (;;) {
      auto size = end.next_size();
      if (!size) return failure{size.error()};
      std::vector<std::byte> message(*size);
      auto received = end.try_receive(message);
      if (received) {
        message.resize(*received);
        return message;
      }
      // Another receiver was faster, and the message now in front is longer.
      if (received.error() == std::errc::no_buffer_space) continue;
      return failure{received.error()};
    }
  }
};

/// Where a message that was accepted may be kept, it is also flushed.
struct send {
  static constexpr bool waits_for_room = true;
  const_bytes message;
  bool is_accepted = false;

  template <message_sender End>
  result<void> operator()(End& end) {
    if (!is_accepted) {
      auto sent = end.try_send(message);
      if (!sent) return sent;
      is_accepted = true;
    }
    if constexpr (requires { end.flush(deadline::now()); }) {
      auto flushed = end.flush(deadline::now());
      if (!flushed && flushed.error() == std::errc::timed_out) return not_yet();
      return flushed;
    } else {
      return {};
    }
  }
  [[nodiscard]] result<void> given_up() const {
    if (is_accepted) return {};
    return failure{std::errc::operation_canceled, "asio_end"};
  }
};

struct read_some {
  mutable_bytes buffer;
  template <byte_reader End>
  result<std::size_t> operator()(End& end) const {
    return end.try_read(buffer);
  }
};

struct write_some {
  static constexpr bool waits_for_room = true;
  const_bytes bytes;
  template <byte_writer End>
  result<std::size_t> operator()(End& end) const {
    return end.try_write(byte_parts{&bytes, 1});
  }
};

/// What is moved piece by piece. Whatever ends it, the bytes that were moved are told; why it ended
/// before all were, the next operation tells.
struct move_all {
  /// Of one turn: then others have theirs.
  static constexpr std::size_t most_in_a_turn = std::size_t{1} << 20;
  std::size_t moved = 0;

  /// `move(at)` moves some bytes from there on.
  template <class Move>
  result<std::size_t> take_turn(std::size_t all, Move move) {
    const std::size_t before = moved;
    while (moved < all) {
      if (moved - before >= most_in_a_turn) return not_yet();
      auto some = move(moved);
      if (!some && (moved == 0 || would_block(some.error()))) return some;
      if (!some) break;
      moved += *some;
    }
    return moved;
  }
  [[nodiscard]] result<std::size_t> given_up() const {
    if (moved != 0) return moved;
    return failure{std::errc::operation_canceled, "asio_end"};
  }
};

struct read_exactly : move_all {
  explicit read_exactly(mutable_bytes into) : buffer(into) {}
  mutable_bytes buffer;
  template <byte_reader End>
  result<std::size_t> operator()(End& end) {
    return take_turn(buffer.size(),
                     [&](std::size_t at) { return end.try_read(buffer.subspan(at)); });
  }
};

struct write_all : move_all {
  static constexpr bool waits_for_room = true;
  explicit write_all(const_bytes from) : bytes(from) {}
  const_bytes bytes;
  template <byte_writer End>
  result<std::size_t> operator()(End& end) {
    return take_turn(bytes.size(), [&](std::size_t at) {
      const const_bytes rest = bytes.subspan(at);
      return end.try_write(byte_parts{&rest, 1});
    });
  }
};

/// Connections come to it.
template <class End>
concept listener = requires(End& end) { end.try_accept(); };

struct accept {
  template <listener End>
  auto operator()(End& end) const {
    return end.try_accept();
  }
};

struct wait {
  bool has_waited = false;
  template <class End>
  result<void> operator()(End& end) {
    if constexpr (event_source<End>) {
      return end.try_wait();
    } else if constexpr (message_receiver<End>) {
      auto size = end.next_size();
      if (!size && would_block(size.error())) return failure{size.error()};
      return {};
    } else {
      if (std::exchange(has_waited, true)) return {};
      return not_yet();
    }
  }
};

}  // namespace sluice::asio_attempts
