#include "tools/tour/composed_links.hpp"

#include <fmt/format.h>

#include <sluice/compose/relay.hpp>

#include "tools/tour/queue_links.hpp"
#include "tools/tour/ring_links.hpp"

namespace sluice::tour {

result<address_link> address_link::create(const link_options& options) {
  return address_link{
      fmt::format("ring:{}?capacity={}&departure=report", fresh_name(), ring_capacity(options))};
}

int relay_link::pass_on(const ring_channel& from, const std::string& into,
                        const link_options& options) {
  auto receiver = ring_receiver::attach(from);
  auto sender =
      fifo_sender::open(into, deadline::never(), {.max_message_bytes = options.max_message_bytes});
  if (!receiver || !sender) return 1;
  auto between = make_relay(std::move(*receiver), std::move(*sender));
  return between && between->run().end == relay_end::passed_on ? 0 : 1;
}

result<relay_link> relay_link::create(const link_options& options) {
  auto into = ring_channel::create_anonymous({.capacity_bytes = ring_capacity(options)});
  if (!into) return failure{into.error()};
  auto out_of = named_fifo::create();
  if (!out_of) return failure{out_of.error()};
  auto between = process::fork([&] { return pass_on(*into, out_of->name, options); });
  if (!between) return failure{between.error()};
  return relay_link{parts{.into = std::move(*into), .between = std::move(*between)},
                    std::move(*out_of), options};
}

result<ring_sender> relay_link::sender() && {
  auto made = std::exchange(parts_, std::nullopt);
  return ring_sender::attach(made->into);
}

result<fifo_receiver> relay_link::receiver() && {
  parts_.reset();
  return fifo_receiver::open(out_of_.name, {.max_message_bytes = options_.max_message_bytes});
}

void relay_link::leave_to(crew& people) {
  auto made = std::exchange(parts_, std::nullopt);
  people.adopt("the relay", std::move(made->between));
}

result<void> connecting_sender::send(const_bytes message) {
  using namespace std::chrono_literals;
  if (!met_) {
    auto met = ring_connection::connect(address_, 10s);
    if (!met) return failure{met.error()};
    met_.emplace(std::move(*met));
  }
  return met_->sender().send(message);
}

result<std::size_t> listening_receiver::receive(mutable_bytes buffer) {
  if (!met_) {
    auto met = door_->accept();
    if (!met) return failure{met.error()};
    met_.emplace(std::move(*met));
    door_.reset();
  }
  return met_->receiver().receive(buffer);
}

result<listener_link> listener_link::create(const link_options& options) {
  return listener_link{fresh_name(), options};
}

result<listening_receiver> listener_link::receiver() && {
  // Nothing comes back.
  return ring_listener::create(address_,
                               {.to_client = {.capacity_bytes = 4096},
                                .from_client = {.capacity_bytes = ring_capacity(options_)}})
      .transform([](ring_listener&& door) { return listening_receiver{std::move(door)}; });
}

}  // namespace sluice::tour
