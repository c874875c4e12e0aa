#pragma once
// Pumps messages out of any receiver into any sender, in the caller's thread:
//
//     auto pump = make_relay(std::move(fifo_end), std::move(ring_end), is_wanted).value();
//     relay_outcome outcome = pump.run(stop.token());

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <sluice/base/bytes.hpp>
#include <sluice/base/concepts.hpp>
#include <sluice/base/deadline.hpp>
#include <sluice/base/readiness.hpp>
#include <sluice/base/result.hpp>
#include <sluice/compose/relay_options.hpp>
#include <sluice/compose/selector.hpp>
#include <sluice/primitive/event.hpp>
#include <stop_token>
#include <utility>
#include <vector>

namespace sluice {

/// A receiver that shows its next message before it is taken.
template <class R>
concept showing_receiver = message_receiver<R> && requires(R& receiver) {
  receiver.try_peek();
  receiver.release();
};

/// Passes messages on, with the ends that it owns.
///
/// *Semantics*: one message at a time: taken, filtered or changed, sent, and only then released.
/// While there is no room nothing more is taken, so back-pressure reaches the source. When the
/// receiving end is `closed`, the sending end leaves: the end is passed on. `run` may be called
/// again after any return and goes on with the message in hand, also with another end in the place
/// of one that failed. *Threads*: one at a time; `statistics` from any, and stopping. *Errors*:
/// those of the ends, with the side that failed. *Lifetime*: that of its ends. A message that was
/// accepted is the target's: it keeps or loses it as its card says. *Crash*: the message in hand
/// was not taken yet from a ring channel, nor from a ring queue that delivers at least once:
/// whoever comes next gets it, a second time if it was just sent. Elsewhere, out of a topic or a
/// hardened ring too, it goes with the process.
template <message_receiver Receiver, message_sender Sender, relay_change Change = pass_everything>
class relay {
 public:
  [[nodiscard]] static result<relay> create(Receiver from, Sender to, Change change = {},
                                            const relay_options& options = {}) {
    auto woken = event::create();
    if (!woken) return failure{woken.error()};
    return relay{std::move(from), std::move(to), std::move(change), options, std::move(*woken)};
  }

  /// Passes on until the end comes, somebody asks to stop, the deadline passes or an end fails.
  /// With `deadline::now()` it passes on what can go without waiting.
  [[nodiscard]] relay_outcome run(const std::stop_token& stop = {},
                                  deadline until = deadline::never()) {
    static_cast<void>(woken_.try_wait());  // of a request to an earlier run
    const std::stop_callback wake{stop, [this] { static_cast<void>(woken_.notify()); }};
    constexpr std::uint64_t turns_between_looks = 64;  // at the clock
    const bool has_end = !(until == deadline::now());  // also while it need not wait
    for (std::uint64_t turn = 1;; ++turn) {
      if (stop.stop_requested()) return {.end = relay_end::stopped};
      if (has_end && turn % turns_between_looks == 0 && until.has_passed())
        return {.end = relay_end::timed_out};
      const bool sends = has_message_;
      auto step = sends ? pass_on() : take();
      if (step) continue;
      if (!sends && step.error() == errc::closed) return leave(stop, until);
      if (would_block(step.error())) {
        relay_counters::add(sends ? counts_->sender_waits : counts_->receiver_waits);
        step = sends ? wait_for_room(until) : wait_for_message(until);
        if (step) continue;
        if (step.error() == std::errc::timed_out) return {.end = relay_end::timed_out};
      }
      return {.end = sends ? relay_end::sender_failed : relay_end::receiver_failed,
              .reason = step.error()};
    }
  }

  /// Readable while it runs.
  [[nodiscard]] relay_statistics statistics() const noexcept { return counts_->now(); }

  /// The message that was taken and not sent, as it would be sent; valid until the next call.
  [[nodiscard]] std::optional<const_bytes> in_hand() const noexcept {
    if (!has_message_ || is_accepted_) return std::nullopt;
    return message_;
  }
  /// Forgets it: the next run goes on behind it.
  void discard_in_hand() noexcept {
    if (has_message_) release();
  }

  /// Another source. A message in hand is kept: it was taken from the one before.
  void replace_receiver(Receiver from) {
    if (has_message_ && !is_own_) {
      const std::vector<std::byte> kept{message_.begin(), message_.end()};
      const bool is_accepted = is_accepted_;
      const bool is_changed = is_changed_;
      release();
      room_ = kept;
      keep(room_, true);
      is_accepted_ = is_accepted;
      is_changed_ = is_changed;
    }
    message_wait_.reset();
    receiver_ = std::move(from);
  }
  /// Another target: a message in hand is the first that it gets, unless the one before had
  /// accepted it.
  void replace_sender(Sender to) {
    room_wait_.reset();
    if (has_message_ && is_accepted_) release();
    sender_.emplace(std::move(to));
  }

  [[nodiscard]] Receiver& receiver() noexcept { return receiver_; }
  /// Null once the end was passed on.
  [[nodiscard]] Sender* sender() noexcept { return sender_ ? &*sender_ : nullptr; }

 private:
  relay(Receiver from, Sender to, Change change, const relay_options& options, event woken)
      : receiver_(std::move(from)),
        sender_(std::move(to)),
        change_(std::move(change)),
        options_(options),
        woken_(std::move(woken)) {}

  void keep(const_bytes message, bool is_own) noexcept {
    message_ = message;
    is_own_ = is_own;
    has_message_ = true;
  }
  // It is dealt with: the source may forget it.
  void release() noexcept {
    if constexpr (showing_receiver<Receiver>) {
      if (!is_own_) receiver_.release();
    }
    has_message_ = is_changed_ = is_accepted_ = false;
  }

  result<void> take() {
    if constexpr (showing_receiver<Receiver>) {
      if (!must_copy_) {
        auto shown = receiver_.try_peek();
        if (shown) {
          keep_shown(*shown);
          return {};
        }
        // A topic that overwrites shows nothing in place.
        if (!(shown.error() == std::errc::operation_not_supported)) return failure{shown.error()};
        must_copy_ = true;
      }
    }
    for (;;) {
      auto size = receiver_.try_receive(room_);
      if (size) {
        keep(const_bytes{room_}.first(*size), true);
        return {};
      }
      if (!(size.error() == std::errc::no_buffer_space)) return failure{size.error()};
      auto needed = receiver_.next_size();
      if (!needed) return failure{needed.error()};
      room_.resize(*needed);
    }
  }
  template <class View>
  void keep_shown(View& shown) noexcept {
    if constexpr (std::same_as<View, const_bytes>) {
      keep(shown, false);
    } else {
      keep(shown.bytes(), false);
      shown.put_back();  // until it was sent
    }
  }

  result<void> pass_on() {
    if (!is_changed_ && !is_wanted()) {
      relay_counters::add(counts_->dropped);
      release();
      return {};
    }
    if (!sender_) return failure{errc::closed, "relay::run", "its sending end has left"};
    if (!is_accepted_) {
      if (auto sent = sender_->try_send(message_); !sent) return sent;
      is_accepted_ = true;
      relay_counters::add(counts_->messages);
      relay_counters::add(counts_->bytes, message_.size());
    }
    // Some keep a part of what they accepted: that is to go before the source forgets it.
    if constexpr (requires { sender_->flush(deadline::now()); }) {
      auto flushed = sender_->flush(deadline::now());
      if (!flushed && flushed.error() == std::errc::timed_out)
        return failure{std::errc::resource_unavailable_try_again, "relay::run"};
      if (!flushed) return flushed;
    }
    release();
    return {};
  }
  bool is_wanted() {
    if constexpr (relay_filter<Change>) {
      is_changed_ = change_(message_);
    } else {
      const std::optional<const_bytes> wanted = change_(message_);
      is_changed_ = wanted.has_value();
      if (wanted) message_ = *wanted;
    }
    return is_changed_;
  }

  result<void> wait_for_message(deadline until) {
    if constexpr (pollable_to_receive<Receiver>) {
      if (message_wait_ || can_be_polled<Receiver>([&] { return readiness_to_receive(receiver_); }))
        return wait_in(message_wait_, until,
                       [&](selector& all) { return all.add_readable(receiver_); });
    }
    return wait_a_little(until, [&](deadline cap) { return receiver_.wait_readable(cap); });
  }
  result<void> wait_for_room(deadline until) {
    if constexpr (pollable_to_send<Sender>) {
      if (room_wait_ || can_be_polled<Sender>([&] { return readiness_to_send(*sender_); }))
        return wait_in(room_wait_, until,
                       [&](selector& all) { return all.add_writable(*sender_); });
    }
    return wait_a_little(until, [&](deadline cap) { return sender_->wait_writable(cap); });
  }
  // Some know only when the program runs.
  template <class End>
  static bool can_be_polled(auto ask) {
    if (!may_have_no_descriptor<End>) return true;
    const auto how = ask();
    return how || !(how.error() == std::errc::operation_not_supported);
  }
  // For the end, or for a request to stop: whatever it was, the loop looks.
  template <class Add>
  result<void> wait_in(std::optional<selector>& all, deadline until, Add add) {
    if (!all) {
      auto made = selector::create();
      if (!made) return failure{made.error()};
      if (auto end = add(*made); !end) return failure{end.error()};
      if (auto stop = made->add_readable(woken_); !stop) return failure{stop.error()};
      all.emplace(std::move(*made));
    }
    auto found = all->wait(until);
    if (!found) return failure{found.error()};
    return {};
  }
  template <class Wait>
  result<void> wait_a_little(deadline until, Wait wait) {
    auto ready = wait(earlier(until, deadline{options_.look_every}));
    const bool is_cut = !ready && ready.error() == std::errc::timed_out && !until.has_passed();
    return is_cut ? result<void>{} : ready;
  }

  relay_outcome leave(const std::stop_token& stop, deadline until) {
    // Some wait for room to say that they leave.
    if constexpr (requires { sender_->detach(until); }) {
      while (sender_) {
        auto left = sender_->detach(earlier(until, deadline{options_.look_every}));
        if (left) break;
        if (!(left.error() == std::errc::timed_out))
          return {.end = relay_end::sender_failed, .reason = left.error()};
        if (stop.stop_requested()) return {.end = relay_end::stopped};
        if (until.has_passed()) return {.end = relay_end::timed_out};
      }
    }
    room_wait_.reset();
    sender_.reset();
    return {.end = relay_end::passed_on};
  }

  Receiver receiver_;
  std::optional<Sender> sender_;
  Change change_;
  relay_options options_;
  event woken_;  // by who asks to stop
  std::optional<selector> message_wait_ = {};
  std::optional<selector> room_wait_ = {};
  std::unique_ptr<relay_counters> counts_ = std::make_unique<relay_counters>();

  const_bytes message_ = {};  // in hand: where the receiver shows it, or in `room_`
  bool has_message_ = false;
  bool is_own_ = false;       // the receiver has forgotten it
  bool is_changed_ = false;   // it is what is to be sent
  bool is_accepted_ = false;  // by a sender that has not let go of all of it
  bool must_copy_ = false;
  std::vector<std::byte> room_ = {};
};

/// A relay of the ends and the filter or transformation that are given.
template <message_receiver Receiver, message_sender Sender, relay_change Change = pass_everything>
[[nodiscard]] result<relay<Receiver, Sender, Change>> make_relay(
    Receiver from, Sender to, Change change = {}, const relay_options& options = {}) {
  return relay<Receiver, Sender, Change>::create(std::move(from), std::move(to), std::move(change),
                                                 options);
}

}  // namespace sluice
