#include <sluice/channel/ring_subscriber.hpp>
#include <utility>

#include "channel/ring_topic_parts.hpp"
#include "channel/ring_wait.hpp"

namespace sluice {

namespace {

constexpr const char* operation = "ring_subscriber";

}  // namespace

ring_subscriber::ring_subscriber(ring_attachment attachment, ring::joining join)
    : attachment_(std::move(attachment)),
      told_(attachment_.memory().shape().lanes),
      publishers_(&attachment_.memory().slot(0)),
      counters_(attachment_.slot().counters),
      join_(join),
      may_lose_(ring_topic_parts::retention_of(attachment_.memory()) ==
                ring::retention::overwritten),
      reports_departure_(ring_topic_parts::reports_departure(attachment_.memory())),
      received_(counters_[0].load(std::memory_order_relaxed)),
      lost_before_(counters_[1].load(std::memory_order_relaxed)) {
  const ring_memory& memory = attachment_.memory();
  const std::uint32_t number = attachment_.index() - memory.shape().senders;
  ring_topic_parts::forget(memory, number);  // what is left of one who died here
  attachment_.show_sleep_in(ring_topic_parts::sleepers(memory), number);
  lanes_.reserve(memory.shape().lanes);
  for (std::uint32_t lane = 0; lane < memory.shape().lanes; ++lane) {
    lanes_.emplace_back(memory.lane(lane), ring_topic_parts::marks(memory, lane),
                        ring_topic_parts::places(memory, lane).of(number),
                        ring_topic_parts::retention_of(memory));
  }
}

result<ring_subscriber> ring_subscriber::over(result<ring_attachment> attachment,
                                              ring::joining join) {
  if (!attachment) return failure{attachment.error()};
  ring_subscriber made{std::move(*attachment), join};
  for (ring::subscriber& lane : made.lanes_) {
    if (!lane.join(join))
      return failure{std::errc::timed_out, operation,
                     "the publishers are too fast to join, or what is there is no log"};
  }
  // Release: who sees that we have joined sees our places.
  ring::participant_slot& slot = made.attachment_.slot();
  slot.held.store(slot.generation.load(std::memory_order_relaxed), std::memory_order_release);
  ring::full_fence();
  for (std::uint32_t one = 0; one < made.lanes_.size(); ++one)
    made.attachment_.wake(made.publishers_[one]);
  return made;
}

result<ring_subscriber> ring_subscriber::open(std::string_view name,
                                              const ring_subscriber_options& options) {
  auto memory = ring_topic::open_memory(name, options.name);
  if (!memory) return failure{memory.error()};
  return over(
      ring_attachment::attach(std::move(*memory), ring_attachment::role::receiver, options.wait),
      options.join);
}

result<ring_subscriber> ring_subscriber::attach(const ring_topic& topic,
                                                const ring_subscriber_options& options) {
  auto memory = topic.memory().duplicate();
  if (!memory) return failure{memory.error()};
  return over(
      ring_attachment::attach(std::move(*memory), ring_attachment::role::receiver, options.wait),
      options.join);
}

result<void> ring_subscriber::attach() {
  auto made = over(attachment_.attach_anew(), join_);
  if (!made) return failure{made.error()};
  *this = std::move(*made);
  return {};
}

ring_subscriber& ring_subscriber::operator=(ring_subscriber&& other) noexcept {
  if (this == &other) return *this;
  leave();
  lanes_ = std::move(other.lanes_);
  attachment_ = std::move(other.attachment_);
  told_ = std::move(other.told_);
  publishers_ = other.publishers_;
  counters_ = other.counters_;
  join_ = other.join_;
  may_lose_ = other.may_lose_;
  reports_departure_ = other.reports_departure_;
  current_ = other.current_;
  turn_ = other.turn_;
  received_ = other.received_;
  lost_before_ = other.lost_before_;
  lost_written_ = other.lost_written_;
  return *this;
}

// Before the slot is left: who sees that must not find our places.
void ring_subscriber::leave() noexcept {
  if (lanes_.empty() || attachment_.is_inherited()) return;
  write_lost();
  const ring_memory& memory = attachment_.memory();
  ring_topic_parts::forget(memory, attachment_.index() - memory.shape().senders);
  lanes_.clear();
}

result<ring_subscriber::view> ring_subscriber::try_peek() {
  if (may_lose_)
    return failure{std::errc::operation_not_supported, operation,
                   "what this topic shows may be overwritten while it is looked at: try_receive"};
  auto size = next_size();
  if (!size) return failure{size.error()};
  return view{*this, lanes_[current_].message(*size)};
}

ring::found ring_subscriber::look_around(std::size_t& length) noexcept {
  for (std::size_t looks = 0; looks < lanes_.size(); ++looks) {
    current_ = current_ + 1 < lanes_.size() ? current_ + 1 : 0;
    const ring::found seen = lanes_[current_].look(length);
    if (seen == ring::found::nothing) continue;
    turn_ = messages_per_turn;
    if (may_lose_) write_lost();
    return seen;
  }
  return ring::found::nothing;
}

ring_subscriber::departure ring_subscriber::departed() const noexcept {
  departure seen;
  bool anybody_came = false;
  bool anybody_may_send = false;
  for (std::uint32_t one = 0; one < told_.size(); ++one) {
    const ring_presence presence = attachment_.presence_of(one);
    anybody_came |= presence != ring_presence::nobody;
    anybody_may_send |= presence == ring_presence::alive;
    const std::uint32_t generation = publishers_[one].generation.load(std::memory_order_relaxed);
    if (presence != ring_presence::died || told_[one] == generation) continue;
    seen.untold_death = true;
    seen.who = one;
  }
  seen.all_gone = anybody_came && !anybody_may_send;
  return seen;
}

bool ring_subscriber::is_news() const noexcept {
  if (!reports_departure_) return false;
  const departure seen = departed();
  return seen.all_gone || seen.untold_death;
}

// Nothing was there, or damage.
result<std::size_t> ring_subscriber::report(ring::found seen) {
  if (seen == ring::found::nothing) {
    const departure gone = reports_departure_ ? departed() : departure{};
    if (!gone.all_gone && !gone.untold_death) return would_block();
    // What they sent before they went can be seen now.
    std::size_t length = 0;
    seen = look_around(length);
    if (seen == ring::found::message) return length;
    if (seen == ring::found::nothing && gone.untold_death) {
      told_[gone.who] = publishers_[gone.who].generation.load(std::memory_order_relaxed);
      return failure{std::errc::connection_reset, operation, "a publisher died"};
    }
    if (seen == ring::found::nothing) return failure{errc::closed, operation};
  }
  return failure{errc::corrupt, operation, "no publisher of ours can have written what is here"};
}

failure ring_subscriber::would_block() {
  if (auto armed = arm(); !armed) return failure{armed.error()};
  return {std::errc::resource_unavailable_try_again, operation};
}

failure ring_subscriber::too_small() {
  return {std::errc::no_buffer_space, operation, "next_size() tells what is needed"};
}

void ring_subscriber::wake_publisher() noexcept {
  ring::participant_slot& publisher = publishers_[current_];
  // Acquire: with the release of its lying down, before which it said what it needs.
  if (publisher.resting.load(std::memory_order_acquire) == 0) return;
  const ring::position needed = publisher.needed.load(std::memory_order_relaxed);
  if (!ring::is_before(lanes_[current_].place().at, needed)) attachment_.wake(publisher);
}

bool ring_subscriber::is_worth_looking() {
  std::size_t length = 0;
  return look(length) != ring::found::nothing || is_news();
}

result<bool> ring_subscriber::notice() {
  for (std::uint32_t one = 0; one < told_.size(); ++one) {
    auto seen = attachment_.look_at(one);
    if (!seen) return failure{seen.error()};
  }
  return is_news();
}

result<void> ring_subscriber::wait_readable(deadline until) {
  return attachment_.wait(
      until, "ring_subscriber::wait_readable", [this] { return is_worth_looking(); },
      [this] { return notice(); });
}

bool ring_subscriber::linger() {
  return attachment_.linger([this] { return is_worth_looking(); });
}

result<void> ring_subscriber::arm() {
  return attachment_.arm([this] { return is_worth_looking(); }, [this] { return notice(); });
}

result<int> ring_subscriber::poll_handle() {
  auto handle = attachment_.poll_handle();
  if (!handle) return handle;
  if (auto armed = arm(); !armed) return failure{armed.error()};
  return handle;
}

result<void> ring_subscriber::wait_for_peer(deadline until) {
  for (std::uint32_t one = 0; one < told_.size() && !attachment_.is_inherited(); ++one) {
    auto seen = attachment_.look_at(one);
    if (!seen) return failure{seen.error()};
  }
  return attachment_.wait(
      until, "ring_subscriber::wait_for_peer",
      [this] {
        for (std::uint32_t one = 0; one < told_.size(); ++one) {
          if (attachment_.presence_of(one) == ring_presence::alive) return true;
        }
        return false;
      },
      []() -> result<bool> { return false; });
}

void ring_subscriber::write_lost() noexcept {
  lost_written_ = lanes_[current_].lost();
  counters_[1].store(lost_before_ + lost(), std::memory_order_relaxed);
}

std::uint64_t ring_subscriber::lost() const noexcept {
  std::uint64_t sum = 0;
  for (const ring::subscriber& lane : lanes_) sum += lane.lost();
  return sum;
}

}  // namespace sluice
