#include <concepts>
#include <sluice/compose/any_sender.hpp>

namespace sluice {

any_sender::any_sender(ring_connection_sender sender) noexcept
    : held_(with_held(sender.carriers(), [](auto& end) -> held_type { return std::move(end); })) {}

namespace {

// Calls a sender with what its address says of each message, if it can be said there.
template <class Sender, class Send>
auto with_each(long each, Send&& send) {
  if constexpr (std::same_as<Sender, system_v_queue_sender>) {
    return send(each < 0 ? Sender::usual_type : each);
  } else if constexpr (std::same_as<Sender, posix_queue_sender>) {
    return send(each < 0 ? 0U : static_cast<unsigned>(each));
  } else {
    return send();
  }
}

}  // namespace

result<void> any_sender::try_send(const_bytes message) {
  return with_held(held_, [&]<class Sender>(Sender& sender) {
    return with_each<Sender>(each_,
                             [&](auto... each) { return sender.try_send(message, each...); });
  });
}

result<void> any_sender::send_waiting(const_bytes message) {
  return with_held(held_, [&]<class Sender>(Sender& sender) {
    if constexpr (waiting_sender<Sender>) {
      return with_each<Sender>(each_,
                               [&](auto... each) { return sender.send_waiting(message, each...); });
    } else {
      return sender.try_send(message);  // the loop around this waits
    }
  });
}

result<void> any_sender::wait_writable(deadline until) {
  return with_held(held_, [&](auto& sender) { return sender.wait_writable(until); });
}

// The channel's own, which knows how to finish a message that has begun.
result<void> any_sender::send(const_bytes message, deadline until) {
  return with_held(held_, [&]<class Sender>(Sender& sender) {
    return with_each<Sender>(each_,
                             [&](auto... each) { return sender.send(message, each..., until); });
  });
}

result<void> any_sender::flush(deadline until) {
  return with_held(held_, [&](auto& sender) -> result<void> {
    if constexpr (requires { sender.flush(until); }) {
      return sender.flush(until);
    } else {
      return {};
    }
  });
}

result<void> any_sender::attach() {
  return with_held(held_, [](auto& sender) -> result<void> {
    if constexpr (requires { sender.attach(); }) {
      return sender.attach();
    } else {
      return {};
    }
  });
}

result<void> any_sender::detach(deadline until) {
  return with_held(held_, [&](auto& sender) -> result<void> {
    if constexpr (requires { sender.detach(until); }) {
      return sender.detach(until);
    } else {
      return {};
    }
  });
}

result<any_sender::window> any_sender::try_claim(std::size_t bytes) {
  return with_held(held_, [&](auto& sender) -> result<window> {
    if constexpr (requires { sender.try_claim(bytes); }) {
      auto claimed = sender.try_claim(bytes);
      if (!claimed) return failure{claimed.error()};
      return window{*this, claimed->bytes()};  // theirs leaves no trace when it goes
    } else {
      return failure{std::errc::operation_not_supported, "any_sender::try_claim",
                     "this kind of channel copies: only rings are written in place"};
    }
  });
}

void any_sender::commit(std::size_t bytes) noexcept {
  with_held(held_, [&](auto& sender) {
    if constexpr (requires { sender.commit(bytes); }) sender.commit(bytes);
  });
}

std::size_t any_sender::max_message_bytes() const noexcept {
  return with_held(held_, [](const auto& sender) { return sender.max_message_bytes(); });
}

const channel_capabilities& any_sender::capabilities() const noexcept {
  return with_held(held_, []<class Sender>(const Sender&) -> const channel_capabilities& {
    return channel_traits<Sender>;
  });
}

result<poll_interest> any_sender::poll_handle() {
  return with_held(held_, [](auto& sender) -> result<poll_interest> {
    if constexpr (requires { sender.poll_handle(); }) {
      return sender.poll_handle().transform([](int fd) { return poll_interest{fd, false}; });
    } else if constexpr (channel_traits<std::remove_cvref_t<decltype(sender)>>.pollable &&
                         requires { sender.native_handle(); }) {
      return poll_interest{sender.native_handle(), true};
    } else {
      return failure{std::errc::operation_not_supported, "any_sender::poll_handle",
                     "this kind of sender has no descriptor to poll: wait_writable waits"};
    }
  });
}

result<readiness> any_sender::send_readiness() {
  return held_send_readiness(held_, "any_sender::send_readiness");
}

result<ring_presence> any_sender::peer() {
  return with_held(held_, [](auto& sender) -> result<ring_presence> {
    if constexpr (requires { sender.peer(); }) {
      return sender.peer();
    } else {
      return failure{std::errc::operation_not_supported, "any_sender::peer",
                     "this kind of channel proves nobody's life"};
    }
  });
}

std::optional<ring_participant> any_sender::participant() const noexcept {
  return with_held(held_, [](const auto& sender) -> std::optional<ring_participant> {
    if constexpr (requires { sender.participant(); }) {
      return sender.participant();
    } else {
      return std::nullopt;
    }
  });
}

}  // namespace sluice
