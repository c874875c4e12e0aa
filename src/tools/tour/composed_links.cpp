#include "tools/tour/composed_links.hpp"

#include <fmt/format.h>

#include <sluice/compose/relay.hpp>

#include "tools/tour/queue_links.hpp"
#include "tools/tour/ring_links.hpp"

namespace sluice::tour {

namespace {

frame_options frames(const link_options& options) {
  return {.max_message_bytes = options.max_message_bytes};
}

}  // namespace

result<address_link> address_link::create(const link_options& options) {
  return address_link{
      fmt::format("ring:{}?capacity={}&departure=report", fresh_name(), ring_capacity(options))};
}

// In a process of its own, which keeps no end that is not its own.
int relay_link::pass_on(pipe ends, const ring_channel& ring, const link_options& options) {
  { auto of_the_sender = std::move(ends.writer); }
  auto from = framed_receiver<pipe_reader>::create(std::move(ends.reader), frames(options));
  auto to = ring_sender::attach(ring);
  if (!from || !to) return 1;
  auto between = make_relay(std::move(*from), std::move(*to));
  return between && between->run().end == relay_end::passed_on ? 0 : 1;
}

result<relay_link> relay_link::create(const link_options& options) {
  auto ends = pipe::create();
  if (!ends) return failure{ends.error()};
  auto ring = ring_channel::create_anonymous({.capacity_bytes = ring_capacity(options)});
  if (!ring) return failure{ring.error()};
  auto between = process::fork([&] { return pass_on(std::move(*ends), *ring, options); });
  if (!between) return failure{between.error()};
  return relay_link{parts{.into = std::move(ends->writer),
                          .out_of = std::move(*ring),
                          .between = std::move(*between)},
                    options};
}

result<framed_sender<pipe_writer>> relay_link::sender() && {
  auto made = std::exchange(parts_, std::nullopt);
  return framed_sender<pipe_writer>::create(std::move(made->into), frames(options_));
}

result<ring_receiver> relay_link::receiver() && {
  auto made = std::exchange(parts_, std::nullopt);
  return ring_receiver::attach(made->out_of);
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

result<std::size_t> accepting_receiver::receive(mutable_bytes buffer) {
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

result<accepting_receiver> listener_link::receiver() && {
  // Nothing comes back.
  return ring_listener::create(address_,
                               {.to_client = {.capacity_bytes = 4096},
                                .from_client = {.capacity_bytes = ring_capacity(options_)}})
      .transform([](ring_listener&& door) { return accepting_receiver{std::move(door)}; });
}

}  // namespace sluice::tour
