#include <algorithm>
#include <sluice/compose/selector.hpp>

#include "compose/selector_state.hpp"
#include "os/syscall.hpp"

namespace sluice {

namespace {

constexpr const char* operation = "selector";

}  // namespace

selector::state::state(unique_fd made, pid_t self) : list_(std::move(made)), maker_(self) {
  found_.reserve(most_found);
}

result<void> selector::state::check_not_forked(const char* what) const noexcept {
  if (maker_ == syscall::process_id()) return {};
  return failure{std::errc::operation_not_permitted, what,
                 "made before fork(2): the child makes one of its own"};
}

bool selector::state::contains(selector_key key) const noexcept {
  return key.place_ < members_.size() && members_[key.place_].what != kind::none &&
         members_[key.place_].generation == key.generation_;
}

// Removing needs no memory: there is room for what it leaves.
selector_key selector::state::new_member() {
  if (free_.empty()) {
    members_.emplace_back();
    free_.reserve(members_.capacity());
    read_ahead_.reserve(members_.capacity());
    news_->reserve(members_.capacity());
    free_.push_back(static_cast<std::uint32_t>(members_.size() - 1));
  }
  const std::uint32_t place = free_.back();
  free_.pop_back();
  return {place, members_[place].generation};
}

void selector::state::forget(std::uint32_t place) noexcept {
  const std::uint32_t next = members_[place].generation + 1;
  if (members_[place].ahead) {
    members_[place].ahead->tell_no_more(*news_);
    std::erase(*news_, place);
  }
  members_[place] = member{.generation = next};
  free_.push_back(place);
}

// --- Descriptors ---------------------------------------------------------------------------------

bool selector::state::asks(syscall::watched_for what) noexcept {
  return what.readable || what.writable;
}

syscall::watched_for selector::state::wanted(const watched& one) const noexcept {
  const auto is_wanted = [this](std::uint32_t place) {
    return place != nobody && !members_[place].is_paused;
  };
  return {.readable = is_wanted(one.reader), .writable = is_wanted(one.writer)};
}

std::uint64_t selector::state::label_of(int descriptor) const noexcept {
  const auto number = static_cast<std::uint32_t>(descriptor);
  return std::uint64_t{watched_[number].serial} << 32 | number;
}

std::uint32_t& selector::state::side_of(const member& one) noexcept {
  watched& both = watched_[static_cast<std::size_t>(one.descriptor)];
  return one.when == direction::readable ? both.reader : both.writer;
}

// Makes the kernel's list say what the members want.
result<void> selector::state::ask_kernel(int descriptor) {
  watched& one = watched_[static_cast<std::size_t>(descriptor)];
  const syscall::watched_for now = wanted(one);
  if (now == one.asked) return {};
  if (!asks(now)) {
    syscall::watch_no_more(list_.get(), descriptor);
    asked_ -= 1;
  } else if (!asks(one.asked)) {
    one.serial = ++last_serial_;
    auto added = syscall::watch(list_.get(), descriptor, now, label_of(descriptor));
    if (!added) return added;
    asked_ += 1;
  } else {
    auto changed = syscall::watch_otherwise(list_.get(), descriptor, now, label_of(descriptor));
    if (!changed) return changed;
  }
  one.asked = now;
  return {};
}

// Members whose channel was closed without being removed: the number means something else now, of
// which the kernel's list knows nothing.
void selector::state::drop_closed(int descriptor) noexcept {
  watched& one = watched_[static_cast<std::size_t>(descriptor)];
  if (!asks(one.asked)) return;
  auto same = syscall::watch_otherwise(list_.get(), descriptor, one.asked, label_of(descriptor));
  if (same || !(same.error() == std::errc::no_such_file_or_directory)) return;
  for (const std::uint32_t place : {one.reader, one.writer}) {
    if (place != nobody) forget(place);
  }
  one = {};
  asked_ -= 1;
}

result<selector_key> selector::state::add(const readiness& what, std::uint64_t tag) {
  if (what.descriptor < 0)
    return failure{std::errc::bad_file_descriptor, "selector::add", "that is no descriptor"};
  const auto number = static_cast<std::size_t>(what.descriptor);
  if (watched_.size() <= number) watched_.resize(number + 1);
  drop_closed(what.descriptor);
  const selector_key key = new_member();
  member& made = members_[key.place_];
  made.descriptor = what.descriptor;
  made.when = what.when;
  made.tag = tag;
  std::uint32_t& side = side_of(made);
  if (side != nobody) {
    forget(key.place_);
    return failure{std::errc::file_exists, "selector::add",
                   "the descriptor is a member in this direction already"};
  }
  made.what = kind::descriptor;
  side = key.place_;
  if (auto asked = ask_kernel(what.descriptor); !asked) {
    side = nobody;
    forget(key.place_);
    if (asked.error() == std::errc::operation_not_permitted)
      return failure{asked.error().with_hint("a file of this kind is always ready")};
    return failure{asked.error()};
  }
  made.ahead = what.ahead;  // not before: who is refused leaves the mark to whose it is
  if (made.ahead) made.ahead->tell(news_, key.place_);
  return key;
}

// A descriptor of a closed channel that some other process has open stays in the kernel's list, and
// nothing leads to it: only a new list is without it.
result<void> selector::state::build_anew() {
  auto made = syscall::watch_list();
  if (!made) return failure{made.error()};
  for (std::size_t number = 0; number < watched_.size(); ++number) {
    watched& one = watched_[number];
    const syscall::watched_for now = wanted(one);
    if (!asks(now)) continue;
    const int descriptor = static_cast<int>(number);
    one.serial = ++last_serial_;
    auto added = syscall::watch(made->get(), descriptor, now, label_of(descriptor));
    if (!added && !(added.error() == std::errc::bad_file_descriptor)) return added;
    one.asked = now;
  }
  list_ = std::move(*made);
  return {};
}

// --- Timers --------------------------------------------------------------------------------------

selector::state::due selector::state::due_of(const member& one, std::uint32_t place) noexcept {
  return {one.is_paused ? clock::time_point::max() : one.next, place};
}

// Its place in the order; the node of the tree moves, so this needs no memory.
void selector::state::reschedule(std::uint32_t place, const due& before) noexcept {
  auto node = timers_.extract(before);
  node.value() = due_of(members_[place], place);
  timers_.insert(std::move(node));
}

deadline selector::state::next_due() const noexcept {
  return timers_.empty() ? deadline::never() : deadline{timers_.begin()->first};
}

selector_key selector::state::add_timer(deadline first, std::chrono::nanoseconds period,
                                        std::uint64_t tag) {
  const selector_key key = new_member();
  member& made = members_[key.place_];
  made.next = std::max(first.when(), clock::now());
  timers_.insert(due_of(made, key.place_));
  made.what = kind::timer;
  made.period = period;
  made.tag = tag;
  return key;
}

void selector::state::set_timer(std::uint32_t place, deadline next) noexcept {
  const due before = due_of(members_[place], place);
  members_[place].next = std::max(next.when(), clock::now());
  reschedule(place, before);
}

void selector::state::tell_of_timers() noexcept {
  if (next_due().is_never()) return;
  const auto now = clock::now();
  for (std::size_t told = 0; told < most_timers; ++told) {
    const due first = *timers_.begin();
    if (first.first > now) return;
    member& one = members_[first.second];
    std::uint64_t times = 1;
    auto next = clock::time_point::max();
    if (one.period.count() > 0) {
      const auto late = now - one.next;
      times += static_cast<std::uint64_t>(late / one.period);
      const auto rest = one.period - late % one.period;
      if (rest < next - now) next = now + rest;
    }
    one.next = next;
    reschedule(first.second, first);
    tell(first.second, times);
  }
}

// --- Members of both kinds -----------------------------------------------------------------------

result<void> selector::state::set_paused(std::uint32_t place, bool paused) {
  member& one = members_[place];
  if (one.is_paused == paused) return {};
  const due before = due_of(one, place);
  one.is_paused = paused;
  if (one.what == kind::timer) {
    reschedule(place, before);
    return {};
  }
  auto asked = ask_kernel(one.descriptor);
  if (!asked) one.is_paused = !paused;
  return asked;
}

void selector::state::remove(std::uint32_t place) noexcept {
  member& one = members_[place];
  if (one.what == kind::timer) {
    timers_.erase(due_of(one, place));
  } else {
    side_of(one) = nobody;
    // The list of the kernel is also that of the process that forked us.
    if (check_not_forked(operation)) static_cast<void>(ask_kernel(one.descriptor));
  }
  forget(place);
}

// --- Waiting -------------------------------------------------------------------------------------

void selector::state::tell(std::uint32_t place, std::uint64_t expirations) noexcept {
  member& one = members_[place];
  if (std::exchange(one.told_in, round_) == round_) return;
  const selector_key key{place, one.generation};
  found_.push_back({.key = key, .tag = one.tag, .expirations = expirations});
  if (!one.ahead) return;
  // Until it says that it would block there may be more.
  one.ahead->assume();
  if (!std::exchange(one.is_listed, true)) read_ahead_.push_back(key);
}

// Of the members only those of which there are news, however many there are.
void selector::state::list_news() {
  for (const std::uint64_t place : *news_) {
    member& one = members_[place];
    one.ahead->heard(*news_);
    if (one.ahead->holds() && !std::exchange(one.is_listed, true))
      read_ahead_.push_back({static_cast<std::uint32_t>(place), one.generation});
  }
  news_->clear();
}

void selector::state::tell_of_read_ahead() {
  std::erase_if(read_ahead_, [this](selector_key key) {
    if (!contains(key)) return true;
    member& one = members_[key.place_];
    one.is_listed = one.ahead->holds();
    return !one.is_listed;
  });
  list_news();
  const std::size_t told = std::min(read_ahead_.size(), most_read_ahead);
  for (std::size_t i = 0; i < told; ++i) {
    if (!members_[read_ahead_[i].place_].is_paused) tell(read_ahead_[i].place_);
  }
  // The others come first next time.
  std::rotate(read_ahead_.begin(), read_ahead_.begin() + static_cast<std::ptrdiff_t>(told),
              read_ahead_.end());
}

// False for an entry of the kernel's list that nobody wants.
bool selector::state::tell_of(const syscall::watched_event& event) noexcept {
  const auto number = static_cast<std::uint32_t>(event.label);
  const watched& one = watched_[number];
  if (event.label >> 32 != one.serial) return false;
  const syscall::watched_for now = wanted(one);
  const bool for_reader = event.found.readable && now.readable;
  const bool for_writer = event.found.writable && now.writable;
  if (for_reader) tell(one.reader);
  if (for_writer) tell(one.writer);
  return for_reader || for_writer;
}

result<void> selector::state::wait(deadline until) {
  round_ += 1;
  found_.clear();
  tell_of_read_ahead();
  tell_of_timers();
  const deadline next = next_due();
  if (found_.empty() && until.is_never() && asked_ == 0 && next.is_never())
    return failure{std::errc::resource_deadlock_would_occur, "selector::wait",
                   "nothing that it waits for can come, and there is no deadline"};
  for (;;) {
    const deadline cap = found_.empty() ? earlier(until, next) : deadline::now();
    auto count = syscall::wait_watched(list_.get(), events_, cap);
    bool all_wanted = true;
    for (std::size_t i = 0; count && i < *count; ++i)
      all_wanted = tell_of(events_[i]) && all_wanted;
    if (found_.empty() && !count) return failure{count.error()};
    if (!all_wanted) {
      auto built = build_anew();
      if (found_.empty() && !built) return built;
    }
    if (found_.empty()) tell_of_timers();
    if (!found_.empty()) return {};
    if (until.has_passed()) return failure{std::errc::timed_out, "selector::wait"};
  }
}

// --- The selector itself -------------------------------------------------------------------------

selector::selector(std::unique_ptr<state> made) noexcept : state_(std::move(made)) {}
selector::selector(selector&&) noexcept = default;
selector& selector::operator=(selector&&) noexcept = default;
selector::~selector() = default;

result<selector> selector::create() {
  auto list = syscall::watch_list();
  if (!list) return failure{list.error()};
  return selector{std::make_unique<state>(std::move(*list), syscall::process_id())};
}

result<selector_key> selector::add(const readiness& what, std::uint64_t tag) {
  if (auto ours = state_->check_not_forked("selector::add"); !ours) return failure{ours.error()};
  return state_->add(what, tag);
}

result<selector_key> selector::add_timer(deadline first, std::chrono::nanoseconds period,
                                         std::uint64_t tag) {
  if (auto ours = state_->check_not_forked("selector::add_timer"); !ours)
    return failure{ours.error()};
  if (period.count() < 0)
    return failure{std::errc::invalid_argument, "selector::add_timer",
                   "a period is not below zero"};
  return state_->add_timer(first, period, tag);
}

bool selector::set_timer(selector_key key, deadline next) noexcept {
  if (!state_->check_not_forked("selector::set_timer")) return false;
  if (!contains(key) || state_->members_[key.place_].what != state::kind::timer) return false;
  state_->set_timer(key.place_, next);
  return true;
}

result<void> selector::pause(selector_key key) {
  if (auto ours = state_->check_not_forked("selector::pause"); !ours) return ours;
  if (!contains(key)) return failure{std::errc::invalid_argument, "selector::pause", "no member"};
  return state_->set_paused(key.place_, true);
}

result<void> selector::resume(selector_key key) {
  if (auto ours = state_->check_not_forked("selector::resume"); !ours) return ours;
  if (!contains(key)) return failure{std::errc::invalid_argument, "selector::resume", "no member"};
  return state_->set_paused(key.place_, false);
}

bool selector::remove(selector_key key) noexcept {
  if (!contains(key)) return false;
  state_->remove(key.place_);
  return true;
}

bool selector::contains(selector_key key) const noexcept { return state_->contains(key); }

std::size_t selector::size() const noexcept {
  return state_->members_.size() - state_->free_.size();
}

result<selection> selector::wait(deadline until) {
  if (auto ours = state_->check_not_forked("selector::wait"); !ours) return failure{ours.error()};
  if (auto found = state_->wait(until); !found) return failure{found.error()};
  return selection{*this, state_->found_};
}

}  // namespace sluice
