#include "tools/tour/gathering_link.hpp"

#include "tools/tour/ring_links.hpp"

namespace sluice::tour {

namespace {

constexpr int messages_in_turn = 64;

frame_options frames(const link_options& options) {
  return {.max_message_bytes = options.max_message_bytes};
}

template <class End>
result<one_of_three_sender> as_one_of_three(result<End> end) {
  return std::move(end).transform([](End&& made) { return one_of_three_sender{std::move(made)}; });
}

}  // namespace

result<gathering_receiver> gathering_receiver::create(three from) {
  auto all = selector::create();
  if (!all) return failure{all.error()};
  gathering_receiver made{std::move(from), std::move(*all)};
  const std::array added{made.all_.add_readable(made.from_.from_pipe, 0),
                         made.all_.add_readable(made.from_.from_socket, 1),
                         made.all_.add_readable(made.from_.from_ring, 2)};
  for (std::size_t i = 0; i < added.size(); ++i) {
    if (!added[i]) return failure{added[i].error()};
    made.keys_[i] = *added[i];
  }
  return made;
}

result<std::size_t> gathering_receiver::try_receive(std::size_t which, mutable_bytes buffer) {
  switch (which) {
    case 0:
      return from_.from_pipe.try_receive(buffer);
    case 1:
      return from_.from_socket.try_receive(buffer);
    default:
      return from_.from_ring.try_receive(buffer);
  }
}

result<std::size_t> gathering_receiver::receive(mutable_bytes buffer) {
  for (;;) {
    while (!ready_.empty()) {
      const std::size_t which = ready_.back();
      if (taken_in_turn_++ < messages_in_turn) {
        auto size = try_receive(which, buffer);
        if (size) return size;
        if (size.error() == errc::closed) {
          all_.remove(keys_[which]);
        } else if (!would_block(size.error())) {
          return size;
        }
      }
      ready_.pop_back();
      taken_in_turn_ = 0;
    }
    if (all_.size() == 0) return failure{errc::closed, "gathering_receiver"};
    auto found = all_.wait();
    if (!found) return failure{found.error()};
    for (const ready& one : *found) ready_.push_back(static_cast<std::size_t>(one.tag));
  }
}

result<gathering_link> gathering_link::create(const link_options& options) {
  auto first = pipe::create();
  if (!first) return failure{first.error()};
  auto second = unix_stream::create_pair();
  if (!second) return failure{second.error()};
  auto third = ring_channel::create_anonymous({.capacity_bytes = ring_capacity(options)});
  if (!third) return failure{third.error()};
  auto turns = pipe::create();
  if (!turns) return failure{turns.error()};
  constexpr std::array<std::byte, 3> all{std::byte{0}, std::byte{1}, std::byte{2}};
  if (auto written = turns->writer.write_all(all); !written) return failure{written.error()};
  return gathering_link{parts{.first = std::move(*first),
                              .second = std::move(*second),
                              .third = std::move(*third),
                              .turns = std::move(*turns)},
                        options};
}

result<one_of_three_sender> gathering_link::sender() && {
  auto mine = std::exchange(parts_, std::nullopt);
  std::array<std::byte, 1> turn{};
  if (auto read = mine->turns.reader.read_exactly(turn); !read) return failure{read.error()};
  switch (std::to_integer<int>(turn[0])) {
    case 0:
      return as_one_of_three(
          framed_sender<pipe_writer>::create(std::move(mine->first.writer), frames(options_)));
    case 1:
      return as_one_of_three(
          framed_sender<unix_stream>::create(std::move(mine->second.first), frames(options_)));
    default:
      return as_one_of_three(ring_sender::attach(mine->third));
  }
}

result<gathering_receiver> gathering_link::receiver() && {
  auto mine = std::exchange(parts_, std::nullopt);
  auto from_pipe =
      framed_receiver<pipe_reader>::create(std::move(mine->first.reader), frames(options_));
  if (!from_pipe) return failure{from_pipe.error()};
  auto from_socket =
      framed_receiver<unix_stream>::create(std::move(mine->second.second), frames(options_));
  if (!from_socket) return failure{from_socket.error()};
  auto from_ring = ring_receiver::attach(mine->third);
  if (!from_ring) return failure{from_ring.error()};
  return gathering_receiver::create({.from_pipe = std::move(*from_pipe),
                                     .from_socket = std::move(*from_socket),
                                     .from_ring = std::move(*from_ring)});
}

}  // namespace sluice::tour
