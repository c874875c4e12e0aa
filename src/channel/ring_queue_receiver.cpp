#include <algorithm>
#include <sluice/channel/ring_queue.hpp>
#include <utility>

#include "channel/ring_options.hpp"
#include "channel/ring_queue_words.hpp"
#include "channel/ring_wait.hpp"

namespace sluice {

namespace {

constexpr const char* operation = "ring_queue_receiver";

std::uint32_t number(ring::slot_state state) noexcept { return static_cast<std::uint32_t>(state); }

}  // namespace

ring_queue_receiver::ring_queue_receiver(ring_attachment attachment,
                                         std::uint32_t take_at_most) noexcept
    : attachment_(std::move(attachment)),
      shared_(ring_queue_words::shared_by(attachment_.memory())),
      me_(attachment_.index() - attachment_.memory().shape().senders),
      holder_(me_),
      take_at_most_(take_at_most),
      reports_departure_(ring_options::reports_departure(attachment_.memory().shape().options)),
      redelivers_(ring_options::redelivers(attachment_.memory().shape().options)) {
  attachment_.show_sleep_in(shared_.words->sleepers, me_);
}

result<ring_queue_receiver> ring_queue_receiver::over(result<ring_attachment> attachment,
                                                      std::uint32_t take_at_most) {
  if (!attachment) return failure{attachment.error()};
  ring_queue_receiver made{std::move(*attachment), take_at_most};
  made.shared_.announce(made.me_);
  // First of all what was left in this slot; nothing of ours may be written there before.
  made.see_to(made.me_);
  if (made.range_.is_empty()) {
    auto seen = made.see_to_others();
    if (!seen) return failure{seen.error()};
  }
  return made;
}

result<ring_queue_receiver> ring_queue_receiver::open(std::string_view name,
                                                      const ring_queue_end_options& options) {
  auto queue = ring_queue::open(name, options.name);
  if (!queue) return failure{queue.error()};
  return attach(std::move(queue->memory()), options);
}

result<ring_queue_receiver> ring_queue_receiver::attach(const ring_queue& queue,
                                                        const ring_queue_end_options& options) {
  auto memory = queue.memory().duplicate();
  if (!memory) return failure{memory.error()};
  return attach(std::move(*memory), options);
}

result<ring_queue_receiver> ring_queue_receiver::attach(ring_memory memory,
                                                        const ring_queue_end_options& options) {
  if (options.take_at_most < 1 || options.take_at_most > ring::max_range_messages)
    return failure{std::errc::invalid_argument, operation, "take_at_most is 1 to 64"};
  return over(
      ring_attachment::attach(std::move(memory), ring_attachment::role::receiver, options.wait),
      options.take_at_most);
}

result<void> ring_queue_receiver::attach() {
  auto made = over(attachment_.attach_anew(), take_at_most_);
  if (!made) return failure{made.error()};
  *this = std::move(*made);
  return {};
}

ring_queue_receiver& ring_queue_receiver::operator=(ring_queue_receiver&& other) noexcept {
  if (this == &other) return *this;
  leave();
  attachment_ = std::move(other.attachment_);
  shared_ = other.shared_;
  range_ = other.range_;
  lane_ = other.lane_;
  me_ = other.me_;
  holder_ = other.holder_;
  take_at_most_ = other.take_at_most_;
  reports_departure_ = other.reports_departure_;
  redelivers_ = other.redelivers_;
  is_corrupt_ = other.is_corrupt_;
  told_of_death_ = other.told_of_death_;
  return *this;
}

// What it did not deal with stays in the slots where it stands, and goes to whoever holds them
// next.
void ring_queue_receiver::leave() noexcept {
  if (!attachment_.is_attached() || attachment_.is_inherited()) return;
  if (holder_ != me_) {
    shared_.receivers[holder_].state.store(number(ring::slot_state::left),
                                           std::memory_order_release);
    attachment_.let_go_of(attachment_.memory().shape().senders + holder_);
  }
  attachment_.leave();
  // After that: of two who leave at once, one at least sees that nobody is left.
  ring::full_fence();
  const ring::geometry& shape = attachment_.memory().shape();
  if (reports_departure_ &&
      ring_queue_words::presence_of_any(attachment_.memory(), shape.senders, shape.receivers) !=
          ring_presence::alive)
    shared_.words->deserted.store(1, std::memory_order_seq_cst);
}

result<ring_queue_receiver::view> ring_queue_receiver::try_peek() {
  const_bytes message;
  auto size = look(message);
  if (!size) return failure{size.error()};
  return view{*this, message};
}

// There is no message in hand.
result<std::size_t> ring_queue_receiver::look_further(ring::found seen, const_bytes& message) {
  if (seen == ring::found::nothing && !is_corrupt_) {
    // What was published before the last sender went can be seen after that is known.
    const bool over = is_over();
    const ring::take_outcome outcome = take();
    if (outcome == ring::take_outcome::taken) {
      seen = range_.try_peek(message);
      if (seen == ring::found::message) return message.size();
    }
    if (outcome == ring::take_outcome::nothing) {
      const ring_presence senders = ring_queue_words::presence_of_any(
          attachment_.memory(), 0, attachment_.memory().shape().senders);
      if (senders == ring_presence::alive) told_of_death_ = false;  // of those before
      if (!over) return would_block();
      if (senders != ring_presence::died || told_of_death_) return failure{errc::closed, operation};
      told_of_death_ = true;
      return failure{std::errc::connection_reset, operation, "a sender died"};
    }
  }
  is_corrupt_ = true;
  return failure{errc::corrupt, operation, "no library of ours can have written what is here"};
}

failure ring_queue_receiver::would_block() {
  if (auto armed = arm(); !armed) return failure{armed.error()};
  return {std::errc::resource_unavailable_try_again, operation};
}

result<std::size_t> ring_queue_receiver::too_small() {
  return failure{std::errc::no_buffer_space, operation, "next_size() tells what is needed"};
}

ring::take_outcome ring_queue_receiver::take() {
  // Slots are filled from the first on, so this is how many there were at once.
  const auto others = static_cast<std::uint32_t>(shared_.used().size()) - 1;
  const auto lanes = static_cast<std::uint32_t>(shared_.lanes.size());
  for (std::uint32_t step = 1; step <= lanes; ++step) {
    const std::uint32_t lane = (lane_ + step) % lanes;
    const ring::log log = attachment_.memory().lane(lane);
    if (!ring::has_message(shared_.lanes[lane], log)) continue;
    const ring::take_outcome outcome = ring::take(
        shared_, lane, log, me_,
        {.messages = take_at_most_, .bytes = log.capacity_bytes() / 8, .others = others});
    if (outcome == ring::take_outcome::nothing) continue;
    if (outcome == ring::take_outcome::damage) return outcome;
    holder_ = me_;
    lane_ = lane;
    range_ = ring::range_reader{shared_.receivers[me_], log};
    // A wake-up may have been spent on us, or the others found the lane leased.
    if (attachment_.is_any_of_ours_resting(shared_.words->sleepers) && is_any_there())
      attachment_.wake_one_resting(shared_.words->sleepers, attachment_.memory().shape().senders);
    return outcome;
  }
  return ring::take_outcome::nothing;
}

bool ring_queue_receiver::is_any_there() const noexcept {
  for (std::uint32_t lane = 0; lane < shared_.lanes.size(); ++lane) {
    if (ring::has_message(shared_.lanes[lane], attachment_.memory().lane(lane))) return true;
  }
  return false;
}

// Everybody who sent is gone, and every message was dealt with: what others hold may come to us.
bool ring_queue_receiver::is_over() const noexcept {
  if (!reports_departure_) return false;
  const ring_memory& memory = attachment_.memory();
  const ring_presence senders =
      ring_queue_words::presence_of_any(memory, 0, memory.shape().senders);
  if (senders == ring_presence::alive || senders == ring_presence::nobody) return false;
  for (std::uint32_t lane = 0; lane < shared_.lanes.size(); ++lane) {
    if (ring::is_anything_left(shared_.lanes[lane], memory.lane(lane))) return false;
  }
  const auto used = shared_.used();
  return std::none_of(used.begin(), used.end(), ring::holds_range);
}

void ring_queue_receiver::end_range() noexcept {
  const std::uint32_t senders = attachment_.memory().shape().senders;
  if (holder_ != me_) attachment_.bury(senders + std::exchange(holder_, me_));
  // Whoever sleeps may be waiting for the end alone.
  if (!reports_departure_ || !attachment_.is_any_of_ours_resting(shared_.words->sleepers) ||
      !is_over())
    return;
  for (ring::participant_slot& other : shared_.used()) attachment_.wake_any(other);
}

// Sees to what the last one of a slot left there, whose lock is ours. Whether a range stands there
// now that is to be handed out: then it is in hand.
bool ring_queue_receiver::see_to(std::uint32_t receiver) {
  ring::roll_forward(shared_, receiver);
  ring::participant_slot& slot = shared_.receivers[receiver];
  if (!ring::holds_range(slot)) return false;
  const std::uint64_t lane = slot.range_lane.load(std::memory_order_relaxed);
  if (lane >= shared_.lanes.size()) {
    is_corrupt_ = true;
    return false;
  }
  const auto index = static_cast<std::uint32_t>(lane);
  auto range = ring::range_reader::go_on(slot, attachment_.memory().lane(index));
  const bool has_left = receiver == me_ ? attachment_.predecessor() == ring_presence::left
                                        : slot.state.load(std::memory_order_relaxed) ==
                                              number(ring::slot_state::left);
  if (!range.is_empty() && !redelivers_ && !has_left) range.give_up();
  if (range.is_empty()) {
    attachment_.wake(attachment_.memory().slot(index));  // the lane's sender may want the room
    return false;
  }
  // Not as left from now on: if we die over it, it was handed out.
  if (receiver != me_) slot.state.store(number(ring::slot_state::dead), std::memory_order_release);
  range_ = range;
  holder_ = receiver;
  lane_ = index;
  return true;
}

// Of others who are gone. Asks the kernel only about those that hold something.
result<bool> ring_queue_receiver::see_to_others() {
  const std::uint32_t senders = attachment_.memory().shape().senders;
  const auto used = static_cast<std::uint32_t>(shared_.used().size());
  for (std::uint32_t other = 0; other < used; ++other) {
    if (other == me_ || !ring::holds_anything(shared_, other)) continue;
    auto held = attachment_.hold_abandoned(senders + other);
    if (!held) return failure{held.error()};
    if (!*held) continue;
    if (see_to(other)) return true;
    if (attachment_.presence_of(senders + other) == ring_presence::alive) {
      attachment_.bury(senders + other);
    } else {
      attachment_.let_go_of(senders + other);
    }
  }
  return false;
}

bool ring_queue_receiver::is_worth_looking() const noexcept {
  return !range_.is_empty() || is_corrupt_ || is_any_there() || is_over();
}

result<bool> ring_queue_receiver::notice() {
  auto seen = see_to_others();
  if (!seen || *seen || !reports_departure_) return seen;
  auto senders = peer();
  if (!senders) return failure{senders.error()};
  return is_over();
}

result<void> ring_queue_receiver::wait_readable(deadline until) {
  return attachment_.wait(
      until, "ring_queue_receiver::wait_readable", [this] { return is_worth_looking(); },
      [this] { return notice(); });
}

bool ring_queue_receiver::linger() {
  return attachment_.linger([this] { return is_worth_looking(); });
}

result<void> ring_queue_receiver::arm() {
  return attachment_.arm([this] { return is_worth_looking(); }, [this] { return notice(); });
}

result<int> ring_queue_receiver::poll_handle() {
  auto handle = attachment_.poll_handle();
  if (!handle) return handle;
  if (auto armed = arm(); !armed) return failure{armed.error()};
  return handle;
}

result<void> ring_queue_receiver::wait_for_peer(deadline until) {
  auto seen = peer();  // deaths that nobody noticed yet
  if (!seen) return failure{seen.error()};
  return attachment_.wait(
      until, "ring_queue_receiver::wait_for_peer",
      [this] {
        return ring_queue_words::presence_of_any(attachment_.memory(), 0,
                                                 attachment_.memory().shape().senders) ==
               ring_presence::alive;
      },
      []() -> result<bool> { return false; });
}

result<ring_presence> ring_queue_receiver::peer() {
  return ring_queue_words::look_at_any(attachment_, 0, attachment_.memory().shape().senders);
}

ring_queue_counters ring_queue_receiver::counters() const noexcept {
  return ring_queue_words::counters_of(attachment_.memory());
}

}  // namespace sluice
