#pragma once
// One pass: a set of messages goes through one mechanism, between real processes, and is verified.
// The passes are written once for every link and are erased as a whole: a mechanism is a pair of
// pointers to them, so that nothing indirect stands between a process and its channel.

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <sluice/primitive/event.hpp>
#include <string>
#include <vector>

#include "tools/tour/board.hpp"
#include "tools/tour/crew.hpp"
#include "tools/tour/link.hpp"
#include "tools/tour/messages.hpp"

namespace sluice::tour {

struct pass_plan {
  const message_set& messages;
  /// Told some times a second how many messages have arrived.
  std::function<void(std::uint64_t)> progress = [](std::uint64_t) {};
};

struct pass_outcome {
  std::uint64_t messages = 0;  ///< That arrived.
  std::uint64_t bytes = 0;
  double seconds = 0;              ///< From before the first was sent until the last was verified.
  double cpu_seconds = 0;          ///< Of all processes of the pass.
  std::uint64_t system_calls = 0;  ///< Likewise.
  std::vector<std::chrono::nanoseconds> round_trips = {};  ///< `converse` only: one per message.
  std::vector<std::string> troubles = {};                  ///< Empty: everything arrived as sent.
};

/// The outcome of a pass that could not begin.
[[nodiscard]] pass_outcome not_begun(const error& why);
/// Puts together what the processes left on the board. The last side is the one that verified;
/// `began` is when the first message set out.
[[nodiscard]] pass_outcome gather(const board& shared, const message_set& sent,
                                  std::chrono::steady_clock::time_point began,
                                  std::vector<std::string> troubles);

/// More than this many messages beyond those that were sent are not waited for.
inline constexpr std::size_t most_unexpected = 1000;

template <tour_sender Sender>
result<void> send_all(Sender& sender, const message_set& set, side_report& report) {
  meter running{report};
  for (const const_bytes message : set.messages) {
    if (auto sent = sender.send(message); !sent) return sent;
    report.count(message.size());
  }
  running.stop();
  return {};
}

template <tour_receiver Receiver>
result<void> receive_all(Receiver& receiver, const std::vector<message_set>& dealt,
                         side_report& report) {
  std::size_t expected = 0;
  std::size_t largest = 1;
  for (const message_set& one : dealt) {
    expected += one.size();
    largest = std::max(largest, one.largest_bytes);
  }
  std::vector<std::byte> buffer(largest);
  std::vector<digest> received;
  received.reserve(expected + 1);
  meter running{report};
  result<void> outcome;
  while (received.size() <= expected + most_unexpected) {
    auto size = receiver.receive(buffer);
    if (!size && !(size.error() == errc::closed)) outcome = failure{size.error()};
    if (!size) break;
    received.push_back(digest_of(const_bytes{buffer}.first(*size)));
    report.count(*size);
  }
  running.stop();
  report.wrong = compare(dealt, received);
  return outcome;
}

/// From `Senders` processes to one. The messages are dealt out to the senders.
template <one_way_link Link, std::size_t Senders>
pass_outcome transfer(const pass_plan& plan) {
  const std::vector<message_set> dealt = deal(plan.messages, Senders);
  auto shared = board::create(Senders + 1, 0);
  if (!shared) return not_begun(shared.error());
  // Nobody sends before everybody has opened: with several senders the first might otherwise be
  // done before the second comes, and the receiver would see the end of the stream.
  auto opened = event::create({.counting = true});
  if (!opened) return not_begun(opened.error());
  auto ready = event::create({.counting = true});
  if (!ready) return not_begun(ready.error());
  auto link = Link::create({.max_message_bytes = plan.messages.largest_bytes});
  if (!link) return not_begun(link.error());

  crew people;
  const auto receiving = [&](side_report& report) -> result<void> {
    auto receiver = std::move(*link).receiver();
    if (!receiver) return failure{receiver.error()};
    for (std::size_t i = 0; i < Senders; ++i)
      if (auto came = opened->wait(); !came) return came;
    if (auto told = ready->notify(Senders); !told) return told;
    return receive_all(*receiver, dealt, report);
  };
  side_report& verifying = shared->side(Senders);
  if (auto started = people.start("the receiver", verifying, receiving); !started)
    return not_begun(started.error());
  for (std::size_t i = 0; i < Senders; ++i) {
    const auto sending = [&](side_report& report) -> result<void> {
      auto sender = std::move(*link).sender();
      if (!sender) return failure{sender.error()};
      if (auto told = opened->notify(); !told) return told;
      if (auto go = ready->wait(); !go) return go;
      return send_all(*sender, dealt[i], report);
    };
    auto role = Senders == 1 ? std::string{"the sender"} : fmt::format("sender {}", i + 1);
    if (auto started = people.start(std::move(role), shared->side(i), sending); !started)
      return not_begun(started.error());
  }
  link->leave_to(people);
  auto troubles =
      people.wait([&] { plan.progress(verifying.messages.load(std::memory_order_relaxed)); });
  const auto senders = shared->sides().first(Senders);
  const auto began = std::ranges::min_element(senders, {}, &side_report::began)->began;
  return gather(*shared, plan.messages, began, std::move(troubles));
}

template <tour_sender Sender, tour_receiver Receiver>
result<void> ask_all(conversation<Sender, Receiver>& side, const message_set& set,
                     std::span<std::chrono::nanoseconds> times, side_report& report) {
  using clock = std::chrono::steady_clock;
  std::vector<std::byte> buffer(std::max<std::size_t>(set.largest_bytes, 1));
  std::vector<digest> received;
  received.reserve(set.size());
  meter running{report};
  result<void> outcome;
  for (std::size_t i = 0; i < set.size(); ++i) {
    const auto asked = clock::now();
    outcome = side.sender.send(set.messages[i]);
    if (!outcome) break;
    auto size = side.receiver.receive(buffer);
    times[i] = clock::now() - asked;
    if (!size) outcome = failure{size.error()};
    if (!size) break;
    received.push_back(digest_of(const_bytes{buffer}.first(*size)));
    report.count(*size);
  }
  running.stop();
  report.wrong = compare(set.digests, received);
  return outcome;
}

template <tour_sender Sender, tour_receiver Receiver>
result<void> answer_all(conversation<Sender, Receiver>& side, std::size_t largest,
                        side_report& report) {
  std::vector<std::byte> buffer(std::max<std::size_t>(largest, 1));
  meter running{report};
  for (;;) {
    auto size = side.receiver.receive(buffer);
    if (!size && size.error() == errc::closed) break;
    if (!size) return failure{size.error()};
    if (auto sent = side.sender.send(const_bytes{buffer}.first(*size)); !sent) return sent;
    report.count(*size);
  }
  running.stop();
  return {};
}

/// One process asks, the other answers with the same bytes; one message at a time.
template <two_way_link Link>
pass_outcome converse(const pass_plan& plan) {
  auto shared = board::create(2, plan.messages.size());
  if (!shared) return not_begun(shared.error());
  auto ready = event::create();
  if (!ready) return not_begun(ready.error());
  auto link = Link::create({.max_message_bytes = plan.messages.largest_bytes});
  if (!link) return not_begun(link.error());

  crew people;
  const auto answering = [&](side_report& report) -> result<void> {
    auto side = std::move(*link).answerer();
    if (!side) return failure{side.error()};
    if (auto told = ready->notify(); !told) return told;
    return answer_all(*side, plan.messages.largest_bytes, report);
  };
  const auto asking = [&](side_report& report) -> result<void> {
    auto side = std::move(*link).asker();
    if (!side) return failure{side.error()};
    if (auto go = ready->wait(); !go) return go;
    return ask_all(*side, plan.messages, shared->times(), report);
  };
  side_report& verifying = shared->side(1);
  if (auto started = people.start("the answering process", shared->side(0), answering); !started)
    return not_begun(started.error());
  if (auto started = people.start("the asking process", verifying, asking); !started)
    return not_begun(started.error());
  link->leave_to(people);
  auto troubles =
      people.wait([&] { plan.progress(verifying.messages.load(std::memory_order_relaxed)); });
  auto outcome = gather(*shared, plan.messages, verifying.began, std::move(troubles));
  const auto times = shared->times().first(static_cast<std::size_t>(outcome.messages));
  outcome.round_trips.assign(times.begin(), times.end());
  return outcome;
}

}  // namespace sluice::tour
