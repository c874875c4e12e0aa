#pragma once
// What a mechanism must offer to take part in the tour. A link is made by the coordinator before it
// forks; afterwards each process turns its copy into the end that it works with, and drops the rest
// of it: an end that stays open somewhere would hide the end of the stream.

#include <concepts>
#include <cstddef>
#include <sluice/base/bytes.hpp>
#include <sluice/base/result.hpp>
#include <utility>

#include "tools/tour/crew.hpp"

namespace sluice::tour {

struct link_options {
  std::size_t max_message_bytes = 0;  ///< The largest message of the pass.
};

/// Sends whole messages, waiting for room. Every message sender of the library does.
template <class S>
concept tour_sender = requires(S& sender, const_bytes message) {
  { sender.send(message) } -> std::same_as<result<void>>;
};
/// Receives whole messages, waiting for them; `errc::closed` after the last.
template <class R>
concept tour_receiver = requires(R& receiver, mutable_bytes buffer) {
  { receiver.receive(buffer) } -> std::same_as<result<std::size_t>>;
};

/// Either kind of link: made before the fork; `leave_to` gives up the coordinator's ends, and lets
/// the crew watch programs that belong to the link. Names stay until the link goes.
template <class L>
concept any_link = requires(L& made, crew& people, const link_options& options) {
  { L::create(options) } -> std::same_as<result<L>>;
  { made.leave_to(people) } -> std::same_as<void>;
};

/// One direction.
template <class L>
concept one_way_link = any_link<L> && requires(L&& mine) {
  { *std::move(mine).sender() } -> tour_sender;
  { *std::move(mine).receiver() } -> tour_receiver;
};

/// What one side of a conversation holds.
template <tour_sender Sender, tour_receiver Receiver>
struct conversation {
  Sender sender;
  Receiver receiver;
};

/// Both directions: the side that asks and the side that answers.
template <class L>
concept two_way_link = any_link<L> && requires(L&& mine) {
  { std::move(mine).asker()->sender } -> tour_sender;
  { std::move(mine).asker()->receiver } -> tour_receiver;
  { std::move(mine).answerer()->sender } -> tour_sender;
  { std::move(mine).answerer()->receiver } -> tour_receiver;
};

/// Two links of one kind, crossed: how a mechanism of one direction holds a conversation.
template <one_way_link Link>
class crossed {
 public:
  [[nodiscard]] static result<crossed> create(const link_options& options) {
    auto there = Link::create(options);
    if (!there) return failure{there.error()};
    auto back = Link::create(options);
    if (!back) return failure{back.error()};
    return crossed{std::move(*there), std::move(*back)};
  }
  [[nodiscard]] auto asker() && { return open(back_, there_); }
  [[nodiscard]] auto answerer() && { return open(there_, back_); }
  void leave_to(crew& people) {
    there_.leave_to(people);
    back_.leave_to(people);
  }

 private:
  using side = conversation<typename decltype(std::declval<Link>().sender())::value_type,
                            typename decltype(std::declval<Link>().receiver())::value_type>;

  crossed(Link there, Link back) : there_(std::move(there)), back_(std::move(back)) {}

  // The receiver first on both sides: a named one opens at once, while a sender may wait for it.
  static result<side> open(Link& from, Link& to) {
    auto receiver = std::move(from).receiver();
    if (!receiver) return failure{receiver.error()};
    auto sender = std::move(to).sender();
    if (!sender) return failure{sender.error()};
    return side{std::move(*sender), std::move(*receiver)};
  }

  Link there_;
  Link back_;
};

}  // namespace sluice::tour
