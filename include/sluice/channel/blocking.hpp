#pragma once
// Blocking and timed use of channels. They implement verbs that never block and a wait; everything
// that waits is written here, once, for all of them, over the loop of base/retry.hpp.
//
// A deadline never cuts a try short: the verb is tried at least once, also with a deadline that has
// passed, so `deadline::now()` means "if it can be done at once" (and reports `timed_out`).

#include <cstddef>
#include <sluice/base/bytes.hpp>
#include <sluice/base/concepts.hpp>
#include <sluice/base/deadline.hpp>
#include <sluice/base/result.hpp>
#include <sluice/base/retry.hpp>
#include <vector>

namespace sluice {

/// Reads at least one byte (0 for an empty buffer), at most a buffer full.
template <byte_reader R>
result<std::size_t> read_some(R& reader, mutable_bytes buffer, deadline until = deadline::never()) {
  return retry_until(
      until,
      [&] {
        if constexpr (waiting_reader<R>) {
          if (until.is_never()) return reader.read_waiting(buffer);
        }
        return reader.try_read(buffer);
      },
      [&](deadline d) { return reader.wait_readable(d); });
}

/// Fills the buffer. `errc::closed` if the stream ends before the first byte, `errc::corrupt` if it
/// ends inside. After a time-out the buffer holds what had come, but not how much that was: use
/// `read_some` where that matters.
template <byte_reader R>
result<void> read_exactly(R& reader, mutable_bytes buffer, deadline until = deadline::never()) {
  std::size_t done = 0;
  while (done < buffer.size()) {
    auto got = read_some(reader, buffer.subspan(done), until);
    if (!got && done != 0 && got.error() == errc::closed)
      return failure{errc::corrupt, "read_exactly", "the stream ended inside the data"};
    if (!got) return failure{got.error()};
    done += *got;
  }
  return {};
}

/// Takes at least one byte of the parts (0 when they are empty).
template <byte_writer W>
result<std::size_t> write_some(W& writer, byte_parts parts, deadline until = deadline::never()) {
  return retry_until(
      until,
      [&] {
        if constexpr (waiting_writer<W>) {
          if (until.is_never()) return writer.write_waiting(parts);
        }
        return writer.try_write(parts);
      },
      [&](deadline d) { return writer.wait_writable(d); });
}

/// Writes everything. After a failure an unknown part has been written: the stream is best closed.
template <byte_writer W>
result<void> write_all(W& writer, const_bytes bytes, deadline until = deadline::never()) {
  while (!bytes.empty()) {
    auto taken = write_some(writer, byte_parts{&bytes, 1}, until);
    if (!taken) return failure{taken.error()};
    bytes = bytes.subspan(*taken);
  }
  return {};
}

/// Sends one message, waiting for room. After `timed_out` nothing of it was sent.
template <message_sender S>
result<void> send(S& sender, const_bytes message, deadline until = deadline::never()) {
  return retry_until(
      until,
      [&] {
        if constexpr (waiting_sender<S>) {
          if (until.is_never()) return sender.send_waiting(message);
        }
        return sender.try_send(message);
      },
      [&](deadline d) { return sender.wait_writable(d); });
}

/// Receives one message, waiting for it; returns its size.
template <message_receiver R>
result<std::size_t> receive(R& receiver, mutable_bytes buffer, deadline until = deadline::never()) {
  return retry_until(
      until,
      [&] {
        if constexpr (waiting_receiver<R>) {
          if (until.is_never()) return receiver.receive_waiting(buffer);
        }
        return receiver.try_receive(buffer);
      },
      [&](deadline d) { return receiver.wait_readable(d); });
}

/// Receives one message of any size into memory of its own (the convenience that allocates).
template <message_receiver R>
result<std::vector<std::byte>> receive_message(R& receiver, deadline until = deadline::never()) {
  for (;;) {
    auto size = retry_until(
        until, [&] { return receiver.next_size(); },
        [&](deadline d) { return receiver.wait_readable(d); });
    if (!size) return failure{size.error()};
    std::vector<std::byte> message(*size);
    auto received = receiver.try_receive(message);
    if (received) {
      message.resize(*received);
      return message;
    }
    // Another receiver may have been faster, and its message smaller than the one now in front.
    const bool overtaken =
        would_block(received.error()) || received.error() == std::errc::no_buffer_space;
    if (!overtaken) return failure{received.error()};
  }
}

}  // namespace sluice
