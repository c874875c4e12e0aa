#pragma once
// Ends of the library's channels as the benchmarks use them: waiting as the library does, or polled
// with its verbs that never block.

#include <cstddef>
#include <optional>
#include <sluice/base/bytes.hpp>
#include <sluice/base/concepts.hpp>
#include <sluice/base/deadline.hpp>
#include <sluice/base/error.hpp>
#include <stdexcept>
#include <utility>
#include <vector>

#include "polling_ends.hpp"

namespace bench {

/// Whether something was done, or could not be done yet. Anything else is a broken channel, and
/// thrown.
template <class Outcome>
bool went_well(const Outcome& outcome) {
  if (outcome) [[likely]]
    return true;
  if (!sluice::would_block(outcome.error())) throw std::runtime_error{outcome.error().message()};
  return false;
}

template <sluice::message_sender Sender>
struct waiting_sender_end {
  Sender sender;
  void send(sluice::const_bytes message) { sender.send(message).value(); }
};

template <sluice::message_receiver Receiver>
struct waiting_receiver_end {
  Receiver receiver;
  std::size_t receive(sluice::mutable_bytes into) { return receiver.receive(into).value(); }
};

template <sluice::message_sender Sender>
struct polled_producer {
  Sender sender;
  bool has_begun = false;  // what a stream has not taken yet is kept by the sender

  bool try_push(sluice::const_bytes message) {
    if constexpr (requires { sender.flush(sluice::deadline::now()); }) {
      if (!has_begun && !went_well(sender.try_send(message))) return false;
      const auto taken = sender.flush(sluice::deadline::now());
      has_begun = !taken;
      if (has_begun && !(taken.error() == std::errc::timed_out)) went_well(taken);
      return !has_begun;
    } else {
      return went_well(sender.try_send(message));
    }
  }
};

template <sluice::message_receiver Receiver>
struct polled_consumer {
  Receiver receiver;
  // No message is empty here.
  std::size_t try_pop(sluice::mutable_bytes into) {
    const auto size = receiver.try_receive(into);
    return went_well(size) ? *size : 0;
  }
};

/// One of the two, as `Polls` says.
template <bool Polls, class Sender>
auto sender_end(Sender sender, wait_loop wait) {
  if constexpr (Polls) {
    return polling_sender{polled_producer<Sender>{std::move(sender)}, wait};
  } else {
    return waiting_sender_end<Sender>{std::move(sender)};
  }
}
template <bool Polls, class Receiver>
auto receiver_end(Receiver receiver, wait_loop wait) {
  if constexpr (Polls) {
    return polling_receiver{polled_consumer<Receiver>{std::move(receiver)}, wait};
  } else {
    return waiting_receiver_end<Receiver>{std::move(receiver)};
  }
}

/// Both ends of a channel that a process can inherit. Each process keeps one of them, so that a
/// death ends a stream.
template <class Sender, class Receiver>
class inherited_ends {
 public:
  inherited_ends(Sender sender, Receiver receiver, bool one_process)
      : sender_(std::move(sender)), receiver_(std::move(receiver)), one_process_(one_process) {}

  Sender take_sender() {
    if (!one_process_) receiver_.reset();
    Sender taken = std::move(*sender_);
    sender_.reset();
    return taken;
  }
  Receiver take_receiver() {
    if (!one_process_) sender_.reset();
    Receiver taken = std::move(*receiver_);
    receiver_.reset();
    return taken;
  }

 private:
  std::optional<Sender> sender_;
  std::optional<Receiver> receiver_;
  bool one_process_;
};

}  // namespace bench
