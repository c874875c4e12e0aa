#include <algorithm>
#include <bit>
#include <sluice/channel/ring_attachment.hpp>
#include <thread>
#include <utility>

#include "channel/growing_pause.hpp"
#include "channel/ring_poll.hpp"
#include "channel/ring_wait.hpp"
#include "os/syscall.hpp"
#include "os/syscall_bell.hpp"
#include "os/syscall_futex.hpp"
#include "os/syscall_liveness.hpp"

namespace sluice {

namespace {

std::uint32_t number(ring::slot_state state) noexcept { return static_cast<std::uint32_t>(state); }

// Who just lowered the flag that spares fences sleeps no longer than it may take the others to see
// it, until they all must have.
constexpr auto cap_without_barrier = std::chrono::milliseconds{1};
constexpr auto a_year = std::chrono::hours{24 * 365};
constexpr auto for_who_sees_to_the_dead = std::chrono::milliseconds{5};

// For good. Whether that is news to anybody.
bool must_fence(ring::segment_header& header) noexcept {
  constexpr std::uint64_t always = ring::segment_header::always_fence;
  const std::uint64_t before =
      header.fences_for_receivers.fetch_or(always, std::memory_order_seq_cst) &
      header.fences_for_senders.fetch_or(always, std::memory_order_seq_cst);
  return (before & always) == 0;
}

// Whether two processes of ours can run at the same moment at all.
bool can_spin() noexcept { return std::thread::hardware_concurrency() > 1; }

}  // namespace

failure ring_attachment::refused(const char* operation) noexcept {
  return {std::errc::operation_not_permitted, operation,
          "a forked child has no part in its parent's ring: attach anew"};
}

result<ring_attachment> ring_attachment::attach(ring_memory memory, role wanted,
                                                const ring_wait_options& options) {
  // Before the slot can be seen: who counts on our barrier must be able to.
  if (!syscall::register_for_barriers()) must_fence(memory.header());
  auto life = liveness::open(memory.native_handle());
  if (!life) return failure{life.error()};
  ring_wait_options waiting = options;
  if (!can_spin()) waiting.spin = std::chrono::nanoseconds{0};
  // What the clock can count, whenever it begins.
  waiting.spin = std::min<std::chrono::nanoseconds>(waiting.spin, a_year);
  waiting.longest_sleep = std::min<std::chrono::nanoseconds>(waiting.longest_sleep, a_year);
  ring_attachment made{std::move(memory), std::move(*life), wanted, waiting};
  // Who sees to a dead one holds the slot for a moment: that is not yet a living participant.
  const deadline patience{for_who_sees_to_the_dead};
  growing_pause pause;
  for (;;) {
    auto taken = made.take_slot();
    if (!taken) return failure{taken.error()};
    if (*taken) break;
    if (patience.has_passed())
      return failure{std::errc::device_or_resource_busy, "ring",
                     "living participants have all the slots of this role"};
    if (auto slept = syscall::sleep(pause.next(patience)); !slept) return failure{slept.error()};
  }
  made.tell_all();  // that somebody came: who waits for a peer looks again
  return made;
}

ring_participant ring_attachment::self() const noexcept {
  return {.slot = index_, .generation = slot().generation.load(std::memory_order_relaxed)};
}

result<ring_presence> ring_attachment::look_at_sender(ring_participant who) {
  if (who.slot >= memory_.shape().senders) return ring_presence::nobody;
  auto seen = look_at(who.slot);
  if (!seen) return seen;
  // After the look: whoever takes the slot meanwhile counts it up before it shows itself.
  const std::uint32_t now = memory_.slot(who.slot).generation.load(std::memory_order_acquire);
  if (now == who.generation) return seen;
  // Counted modulo 2^32: the one asked after was there before, or never.
  return now - who.generation < std::uint32_t{1} << 31 ? ring_presence::left
                                                       : ring_presence::nobody;
}

result<bool> ring_attachment::take_slot() {
  const ring::geometry& shape = memory_.shape();
  const std::uint32_t first = role_ == role::sender ? 0 : shape.senders;
  const std::uint32_t count = role_ == role::sender ? shape.senders : shape.receivers;
  for (std::uint32_t index = first; index < first + count; ++index) {
    auto held = life_.try_hold(index);
    if (!held) return failure{held.error()};
    if (!*held) continue;
    ring::participant_slot& mine = memory_.slot(index);
    // Nobody else writes it now: we hold its lock. Acquire: with what its last holder did.
    const auto before = static_cast<ring::slot_state>(mine.state.load(std::memory_order_acquire));
    index_ = index;
    predecessor_ = before == ring::slot_state::empty  ? ring_presence::nobody
                   : before == ring::slot_state::left ? ring_presence::left
                                                      : ring_presence::died;
    fence_request_ = {fences_for(index), fence_bit_of(index)};
    ring::fence_request::withdraw(fences_for(index), fence_bit_of(index));
    mine.resting.store(0, std::memory_order_relaxed);
    mine.bell.store(0, std::memory_order_relaxed);
    mine.generation.fetch_add(1, std::memory_order_relaxed);
    mine.state.store(number(ring::slot_state::attached), std::memory_order_release);
    is_attached_ = true;
    return true;
  }
  return false;
}

ring_attachment::ring_attachment(ring_memory memory, liveness life, role wanted,
                                 const ring_wait_options& options) noexcept
    : memory_(std::move(memory)),
      life_(std::move(life)),
      role_(wanted),
      lookout_(wanted == role::sender ? memory_.header().fences_for_receivers
                                      : memory_.header().fences_for_senders),
      fence_request_(memory_.header().fences_for_senders, 0),
      options_(options),
      patience_(options.spin) {}

ring_attachment::ring_attachment(ring_attachment&& other) noexcept
    : memory_(std::move(other.memory_)),
      life_(std::move(other.life_)),
      role_(other.role_),
      index_(other.index_),
      still_held_(other.still_held_),
      is_attached_(std::exchange(other.is_attached_, false)),
      predecessor_(other.predecessor_),
      lookout_(other.lookout_),
      fence_request_(other.fence_request_),
      summary_(other.summary_),
      summary_bit_(other.summary_bit_),
      options_(other.options_),
      patience_(other.patience_),
      asks_again_(other.asks_again_),
      statistics_(other.statistics_),
      watch_(other.watch_),
      poll_(std::move(other.poll_)),
      ringer_(std::move(other.ringer_)) {}

ring_attachment& ring_attachment::operator=(ring_attachment&& other) noexcept {
  if (this == &other) return *this;
  leave();
  memory_ = std::move(other.memory_);
  life_ = std::move(other.life_);
  role_ = other.role_;
  index_ = other.index_;
  still_held_ = other.still_held_;
  is_attached_ = std::exchange(other.is_attached_, false);
  predecessor_ = other.predecessor_;
  lookout_ = other.lookout_;
  fence_request_ = other.fence_request_;
  summary_ = other.summary_;
  summary_bit_ = other.summary_bit_;
  options_ = other.options_;
  patience_ = other.patience_;
  asks_again_ = other.asks_again_;
  statistics_ = other.statistics_;
  watch_ = other.watch_;
  poll_ = std::move(other.poll_);
  ringer_ = std::move(other.ringer_);
  return *this;
}

ring_attachment::~ring_attachment() { leave(); }

result<ring_attachment> ring_attachment::attach_anew() const {
  auto memory = memory_.duplicate();
  if (!memory) return failure{memory.error()};
  return attach(std::move(*memory), role_, options_);
}

ring_presence ring_attachment::presence_of(std::uint32_t slot) const noexcept {
  // Acquire: what it did before it left has happened.
  switch (static_cast<ring::slot_state>(memory_.slot(slot).state.load(std::memory_order_acquire))) {
    case ring::slot_state::attached:
      return ring_presence::alive;
    case ring::slot_state::left:
      return ring_presence::left;
    case ring::slot_state::dead:
      return ring_presence::died;
    case ring::slot_state::empty:
      break;
  }
  return ring_presence::nobody;
}

// Never test, then act: only what is true while the lock is ours is acted upon.
result<bool> ring_attachment::hold_if_dead(std::uint32_t slot) {
  if (still_held_) {
    if (auto free = give_back(*still_held_); !free) return failure{free.error()};
  }
  if (slot == index_ || presence_of(slot) != ring_presence::alive) return false;
  auto alive = life_.is_held_by_others(slot);
  if (!alive) return failure{alive.error()};
  if (*alive) return false;
  auto held = life_.try_hold(slot);
  if (!held) return failure{held.error()};
  if (!*held) return false;
  if (presence_of(slot) == ring_presence::alive) return true;
  if (auto free = give_back(slot); !free) return failure{free.error()};
  return false;  // it left meanwhile, or somebody else saw to it
}

result<bool> ring_attachment::hold_abandoned(std::uint32_t slot) {
  auto alive = life_.is_held_by_others(slot);
  if (!alive) return failure{alive.error()};
  if (*alive) return false;
  return life_.try_hold(slot);
}

void ring_attachment::bury(std::uint32_t slot) {
  ring::participant_slot& dead = memory_.slot(slot);
  dead.resting.store(0, std::memory_order_relaxed);
  ring::fence_request::withdraw(fences_for(slot), fence_bit_of(slot));
  dead.state.store(number(ring::slot_state::dead), std::memory_order_release);
  static_cast<void>(give_back(slot));
}

result<void> ring_attachment::give_back(std::uint32_t slot) {
  still_held_ = slot;
  auto free = life_.let_go(slot);
  if (free) still_held_.reset();
  return free;
}

result<bool> ring_attachment::is_stalled(const result<ring_presence>& who,
                                         std::optional<std::uint64_t> place,
                                         std::chrono::nanoseconds since) {
  if (is_inherited()) return refused("is_stalled");
  if (!who) return failure{who.error()};
  if (*who == ring_presence::alive && place)
    return watch_.stands_still(*place, ring::progress_watch::clock::now(), since);
  watch_.forget();
  return false;
}

// Those who wake the participant in a slot look there whether it wants them to fence.
std::atomic<std::uint64_t>& ring_attachment::fences_for(std::uint32_t slot) const noexcept {
  ring::segment_header& header = memory_.header();
  return slot < memory_.shape().senders ? header.fences_for_senders : header.fences_for_receivers;
}

std::uint64_t ring_attachment::fence_bit_of(std::uint32_t slot) const noexcept {
  const std::uint32_t senders = memory_.shape().senders;
  return ring::segment_header::fence_bit(slot < senders ? slot : slot - senders);
}

void ring_attachment::wake_resting(ring::participant_slot& other) noexcept {
  const ring::rest how = ring::rouse(other);
  if (how == ring::rest::awake) return;
  statistics_.wake_ups += 1;
  if (how == ring::rest::parked) {
    syscall::futex_wake_all(other.resting);
  } else {
    static_cast<void>(ring_bell_of(other));
  }
}

// Who cannot ring, for want of descriptors, leaves it to the other's timer.
bool ring_attachment::ring_bell_of(ring::participant_slot& other) noexcept {
  const std::uint64_t number = other.bell.load(std::memory_order_relaxed);
  if (number == 0) return false;
  if (!ringer_) {
    auto made = syscall::bell_socket();
    if (!made) return false;
    ringer_ = std::move(*made);
  }
  const auto rung = syscall::ring_bell(ringer_.get(), number);
  return rung && *rung;
}

// Only who cleared the bit acts on it, and only who took the sleep away calls the kernel. If that
// woke nobody, the sleeper is dead or about to find its sleep gone: the next one is tried, at the
// price of one wake too many (tests/model/waiting.pml).
void ring_attachment::wake_one_resting(std::atomic<std::uint64_t>& summary,
                                       std::uint32_t first) noexcept {
  std::uint64_t sleepers = summary.load(std::memory_order_relaxed);
  while (sleepers != 0) {
    const auto bit = static_cast<std::uint32_t>(std::countr_zero(sleepers));
    const std::uint64_t mine = std::uint64_t{1} << bit;
    const std::uint64_t before = summary.fetch_and(~mine, std::memory_order_seq_cst);
    sleepers = before & ~mine;
    if ((before & mine) == 0 || first + bit >= memory_.slots()) continue;
    ring::participant_slot& other = memory_.slot(first + bit);
    const ring::rest how = ring::rouse(other);
    if (how == ring::rest::armed && ring_bell_of(other)) statistics_.wake_ups += 1;
    if (how != ring::rest::parked || !syscall::futex_wake_one(other.resting)) continue;
    statistics_.wake_ups += 1;
    return;
  }
}

// Whether whoever publishes will find us so: nobody has taken our sleep away, nor begun to.
bool ring_attachment::rests(ring::rest how) const noexcept {
  return slot().resting.load(std::memory_order_acquire) == static_cast<std::uint32_t>(how) &&
         (summary_ == nullptr || (summary_->load(std::memory_order_relaxed) & summary_bit_) != 0);
}

// Returns how long it may sleep without a look. Who rests already has made its barrier before a
// look that found nothing: since then everybody sees that it rests.
std::chrono::nanoseconds ring_attachment::prepare_sleep(ring::rest how) noexcept {
  if (rests(how)) return options_.longest_sleep;
  statistics_.parks += 1;
  const ring::resting_place here{
      .slot = slot(), .request = fence_request_, .summary = summary_, .bit = summary_bit_};
  if (ring::lie_down(here, how, [] { return syscall::barrier_for_all().has_value(); }))
    return options_.longest_sleep;
  const bool is_news = must_fence(memory_.header());
  ring::full_fence();
  return is_news ? std::min<std::chrono::nanoseconds>(cap_without_barrier, options_.longest_sleep)
                 : options_.longest_sleep;
}

result<void> ring_attachment::sleep(deadline until) {
  constexpr auto parked = static_cast<std::uint32_t>(ring::rest::parked);
  auto slept = syscall::futex_wait(slot().resting, parked, until);
  // The cap or the deadline: the caller looks at both.
  if (!slept && !(slept.error() == std::errc::timed_out)) return slept;
  return {};
}

void ring_attachment::get_up() noexcept {
  if (summary_ == nullptr) {
    slot().resting.store(0, std::memory_order_relaxed);
    return;
  }
  // Whatever was published for a wake-up of ours is seen by the look that follows.
  static_cast<void>(ring::rouse(slot()));
  summary_->fetch_and(~summary_bit_, std::memory_order_seq_cst);
}

result<int> ring_attachment::poll_handle() {
  if (is_inherited()) return refused("poll_handle");
  if (!poll_) {
    auto made = ring_poll::make();
    if (!made) return failure{made.error()};
    slot().bell.store(made->number(), std::memory_order_relaxed);  // before we are ever armed
    poll_ = std::make_unique<ring_poll>(std::move(*made));
  }
  return poll_->native_handle();
}

// Whether it is time to ask for what rings nobody's bell.
result<bool> ring_attachment::hush() {
  if (auto hushed = poll_->hush(); !hushed) return failure{hushed.error()};
  return poll_->is_due();
}

// Whoever takes our sleep away now rings, too: once too often, and nothing is lost.
result<void> ring_attachment::stay_readable() {
  static_cast<void>(ring::rouse(slot()));
  return poll_->ring();
}

result<void> ring_attachment::expect(std::chrono::nanoseconds cap) { return poll_->expect(cap); }

void ring_attachment::leave() noexcept {
  if (!std::exchange(is_attached_, false) || life_.is_inherited()) return;
  ring::fence_request::withdraw(fences_for(index_), fence_bit_of(index_));
  // Release: who sees that we left sees all that we did before.
  slot().state.store(number(ring::slot_state::left), std::memory_order_release);
  // Then the others: who wakes and wants the slot, or what was left in it, can have it.
  static_cast<void>(life_.let_go(index_));
  tell_all();
}

void ring_attachment::tell_all() noexcept {
  for (std::uint32_t other = 0; other < memory_.slots(); ++other) {
    if (other != index_) wake_any(memory_.slot(other));
  }
}

}  // namespace sluice
