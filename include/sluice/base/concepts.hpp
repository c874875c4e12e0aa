#pragma once
// The narrow waist. A class that moves data implements two verbs that never block and two waits;
// blocking and timed use, framing, typing and relaying are written once on top of these concepts
// (channel/blocking.hpp and compose/). There is no base class.
//
// Outcomes that every implementation shares:
//  - nothing there, or no room: `std::errc::resource_unavailable_try_again` (see would_block());
//  - the other side ended in order: `errc::closed`, after everything sent before was received
//    (a writer of a pipe whose readers are gone gets `std::errc::broken_pipe`);
//  - the deadline of a wait passed: `std::errc::timed_out`;
//  - a message too large to send: `std::errc::message_size`; a buffer too small to receive:
//    `std::errc::no_buffer_space`, and the message stays; `next_size()` tells the size needed.
// A wait returns success when the verb is worth calling again, also when it would report an end or
// an error; it may return early, so the verb may still say that it would block.

#include <concepts>
#include <cstddef>
#include <sluice/base/bytes.hpp>
#include <sluice/base/deadline.hpp>
#include <sluice/base/result.hpp>

namespace sluice {

/// Bytes without boundaries, receiving end. An empty buffer reads 0; otherwise at least 1.
template <class R>
concept byte_reader = requires(R& reader, mutable_bytes buffer, deadline until) {
  { reader.try_read(buffer) } -> std::same_as<result<std::size_t>>;
  { reader.wait_readable(until) } -> std::same_as<result<void>>;
};

/// Bytes without boundaries, sending end. Takes a prefix of the parts and says how much.
template <class W>
concept byte_writer = requires(W& writer, byte_parts parts, deadline until) {
  { writer.try_write(parts) } -> std::same_as<result<std::size_t>>;
  { writer.wait_writable(until) } -> std::same_as<result<void>>;
};

/// Either end of a stream of bytes.
template <class S>
concept byte_stream = byte_reader<S> || byte_writer<S>;

/// Whole messages, sending end: all of the message is accepted, or nothing of it.
template <class S>
concept message_sender = requires(S& sender, const S& seen, const_bytes message, deadline until) {
  { sender.try_send(message) } -> std::same_as<result<void>>;
  { sender.wait_writable(until) } -> std::same_as<result<void>>;
  { seen.max_message_bytes() } -> std::same_as<std::size_t>;
};

/// Whole messages, receiving end: returns the size of the message that now starts the buffer.
template <class R>
concept message_receiver = requires(R& receiver, mutable_bytes buffer, deadline until) {
  { receiver.try_receive(buffer) } -> std::same_as<result<std::size_t>>;
  { receiver.next_size() } -> std::same_as<result<std::size_t>>;
  { receiver.wait_readable(until) } -> std::same_as<result<void>>;
};

/// Either end of a message channel.
template <class C>
concept message_channel = message_sender<C> || message_receiver<C>;

/// Something that happened, without a payload. `try_wait` takes what was notified.
template <class E>
concept event_source = requires(E& event, deadline until) {
  { event.notify() } -> std::same_as<result<void>>;
  { event.try_wait() } -> std::same_as<result<void>>;
  { event.wait(until) } -> std::same_as<result<void>>;
};

// Where the kernel can wait inside the call itself, a wait without deadline costs one system call
// instead of three. A class offers that with these optional verbs, which behave like the `try_`
// ones but wait for ever instead of reporting that they would block (they may still report it when
// somebody made the descriptor non-blocking; the generic loop then waits and tries again).
template <class R>
concept waiting_reader = byte_reader<R> && requires(R& reader, mutable_bytes buffer) {
  { reader.read_waiting(buffer) } -> std::same_as<result<std::size_t>>;
};
template <class W>
concept waiting_writer = byte_writer<W> && requires(W& writer, byte_parts parts) {
  { writer.write_waiting(parts) } -> std::same_as<result<std::size_t>>;
};
template <class S>
concept waiting_sender = message_sender<S> && requires(S& sender, const_bytes message) {
  { sender.send_waiting(message) } -> std::same_as<result<void>>;
};
template <class R>
concept waiting_receiver = message_receiver<R> && requires(R& receiver, mutable_bytes buffer) {
  { receiver.receive_waiting(buffer) } -> std::same_as<result<std::size_t>>;
};

}  // namespace sluice
