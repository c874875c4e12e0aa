#include <concepts>
#include <sluice/compose/any_receiver.hpp>

namespace sluice {

any_receiver::any_receiver(ring_connection_receiver receiver) noexcept
    : held_(with_held(receiver.carriers(), [](auto& end) -> held_type { return std::move(end); })) {
}

result<std::size_t> any_receiver::try_receive(mutable_bytes buffer) {
  return with_held(held_, [&](auto& receiver) { return receiver.try_receive(buffer); });
}

result<std::size_t> any_receiver::receive_waiting(mutable_bytes buffer) {
  return with_held(held_, [&]<class Receiver>(Receiver& receiver) {
    if constexpr (waiting_receiver<Receiver>) {
      return receiver.receive_waiting(buffer);
    } else {
      return receiver.try_receive(buffer);  // the loop around this waits
    }
  });
}

result<std::size_t> any_receiver::next_size() {
  return with_held(held_, [](auto& receiver) { return receiver.next_size(); });
}

result<void> any_receiver::wait_readable(deadline until) {
  return with_held(held_, [&](auto& receiver) { return receiver.wait_readable(until); });
}

result<void> any_receiver::attach() {
  return with_held(held_, [](auto& receiver) -> result<void> {
    if constexpr (requires { receiver.attach(); }) {
      return receiver.attach();
    } else {
      return {};
    }
  });
}

result<any_receiver::view> any_receiver::try_peek() {
  return with_held(held_, [&](auto& receiver) -> result<view> {
    if constexpr (requires { receiver.try_peek(); }) {
      auto seen = receiver.try_peek();
      if (!seen) return failure{seen.error()};
      if constexpr (requires { seen->put_back(); }) {
        const const_bytes message = seen->bytes();
        seen->put_back();  // from here on it is our view that releases it
        return view{*this, message};
      } else {
        return view{*this, *seen};
      }
    } else {
      return failure{std::errc::operation_not_supported, "any_receiver::try_peek",
                     "this kind of channel hands out copies: try_receive"};
    }
  });
}

void any_receiver::release() noexcept {
  with_held(held_, [](auto& receiver) {
    if constexpr (requires { receiver.try_peek(); }) receiver.release();
  });
}

const channel_capabilities& any_receiver::capabilities() const noexcept {
  return with_held(held_, []<class Receiver>(const Receiver&) -> const channel_capabilities& {
    return channel_traits<Receiver>;
  });
}

result<poll_interest> any_receiver::poll_handle() {
  return with_held(held_, []<class Receiver>(Receiver& receiver) -> result<poll_interest> {
    if constexpr (requires { receiver.poll_handle(); }) {
      return receiver.poll_handle().transform([](int fd) { return poll_interest{fd, false}; });
    } else if constexpr (channel_traits<Receiver>.pollable &&
                         requires { receiver.native_handle(); }) {
      return poll_interest{receiver.native_handle(), false};
    } else {
      return failure{std::errc::operation_not_supported, "any_receiver::poll_handle",
                     "this kind of receiver has no descriptor to poll: wait_readable waits"};
    }
  });
}

result<readiness> any_receiver::receive_readiness() {
  return held_receive_readiness(held_, "any_receiver::receive_readiness");
}

result<ring_presence> any_receiver::presence_of(ring_participant sender) {
  return with_held(held_, [&](auto& receiver) -> result<ring_presence> {
    if constexpr (requires { receiver.presence_of(sender); }) {
      return receiver.presence_of(sender);
    } else {
      return failure{std::errc::operation_not_supported, "any_receiver::presence_of",
                     "this kind of channel proves nobody's life"};
    }
  });
}

}  // namespace sluice
