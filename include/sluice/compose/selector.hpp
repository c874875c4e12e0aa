#pragma once
// Waiting for any of many: channels, events, signals, processes, timers and descriptors of others,
// with one deadline. What is ready comes as a range of keys; what was not drained shows again.
//
//     auto jobs = selector.add_readable(receiver).value();
//     for (const ready& one : selector.wait(5s).value())
//       if (one.key == jobs) while (auto size = receiver.try_receive(buffer)) ...

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <sluice/base/deadline.hpp>
#include <sluice/base/readiness.hpp>
#include <sluice/base/result.hpp>
#include <span>

namespace sluice {

/// Names a member of a selector. One that was removed is never named again.
class selector_key {
 public:
  /// Of no member.
  constexpr selector_key() noexcept = default;
  friend bool operator==(selector_key, selector_key) noexcept = default;

 private:
  friend class selector;
  constexpr selector_key(std::uint32_t place, std::uint32_t generation) noexcept
      : place_(place), generation_(generation) {}
  std::uint32_t place_ = 0xffff'ffff;
  std::uint32_t generation_ = 0;
};

/// A member that is worth a look.
struct ready {
  selector_key key;
  std::uint64_t tag = 0;          ///< What it was added with.
  std::uint64_t expirations = 0;  ///< Of a timer: how often it ran out since it was told of.
};

class selector;

/// What a wait found, as a range of `ready`.
///
/// *Semantics*: a member that is removed while the loop runs is left out from there on. *Threads*:
/// that of the selector. *Errors*: none. *Lifetime*: until the next wait; the selector must stay
/// where it is. *Crash*: nothing is left.
class selection {
 public:
  class iterator {
   public:
    using value_type = ready;
    using difference_type = std::ptrdiff_t;
    iterator() noexcept = default;
    [[nodiscard]] const ready& operator*() const noexcept { return *at_; }
    [[nodiscard]] const ready* operator->() const noexcept { return at_; }
    iterator& operator++() noexcept {
      ++at_;
      skip_removed();
      return *this;
    }
    void operator++(int) noexcept { ++*this; }
    friend bool operator==(const iterator& a, const iterator& b) noexcept { return a.at_ == b.at_; }
    friend bool operator==(const iterator& a, std::default_sentinel_t) noexcept {
      return a.at_ == a.end_;
    }

   private:
    friend class selection;
    iterator(const selector& from, std::span<const ready> found) noexcept
        : from_(&from), at_(found.data()), end_(found.data() + found.size()) {
      skip_removed();
    }
    void skip_removed() noexcept;

    const selector* from_ = nullptr;
    const ready* at_ = nullptr;
    const ready* end_ = nullptr;
  };

  [[nodiscard]] iterator begin() const noexcept { return iterator{*from_, found_}; }
  [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

 private:
  friend class selector;
  selection(const selector& from, std::span<const ready> found) noexcept
      : from_(&from), found_(found) {}
  const selector* from_;
  std::span<const ready> found_;
};

/// Waits for any of its members.
///
/// *Semantics*: a member is told of while it is worth a look, wait after wait, until a verb of it
/// says that it would block (or a timer was told of): drain what you are told of, or come back.
/// Being told is no promise: the verb may still say that it would block. Rings are armed by those
/// verbs. A wait looks at those that are ready, never at all, allocates nothing, and takes turns
/// where more are ready than it tells of at once. *Threads*: one at a time; others wake it by an
/// `event` that is a member. A receiver that reads ahead (frames, FIFO messages, signals, a POSIX
/// queue) is used by the same thread. *Errors*: `timed_out`; `file_exists` for a descriptor that is
/// a member in that direction already; `resource_deadlock_would_occur` for a wait that nothing
/// could end; `operation_not_permitted` in a forked child, which makes its own, and for files that
/// cannot be polled; limits of the kernel, with what to raise. *Lifetime*: it holds descriptors,
/// not channels: these may be moved while they are members, and are removed before they go. One
/// that went without is not told of any more, or, while another process has it open, only until it
/// is removed. *Crash*: leaves nothing. A ring whose sender was killed before it rang is told of
/// within its longest sleep, and so is the death.
class selector {
 public:
  [[nodiscard]] static result<selector> create();

  selector(selector&&) noexcept;
  selector& operator=(selector&&) noexcept;
  ~selector();

  /// To be told when receiving is worth it: receivers, readers, events, signals, processes, and
  /// listeners, to which a connection has come. The `tag` comes back with it.
  /// `operation_not_supported` where an any_receiver holds an end without a descriptor.
  template <pollable_to_receive R>
  [[nodiscard]] result<selector_key> add_readable(R& source, std::uint64_t tag = 0) {
    auto how = readiness_to_receive(source);
    if (!how) return failure{how.error()};
    return add(*how, tag);
  }
  /// To be told when sending is worth it. Most are so nearly always: to be added, or resumed, when
  /// a message found no room.
  template <pollable_to_send S>
  [[nodiscard]] result<selector_key> add_writable(S& target, std::uint64_t tag = 0) {
    auto how = readiness_to_send(target);
    if (!how) return failure{how.error()};
    return add(*how, tag);
  }
  /// Any descriptor that poll(2) knows.
  [[nodiscard]] result<selector_key> add(const readiness& what, std::uint64_t tag = 0);
  /// Told of once `first` has passed, and from then on every `period`, if it has one. One that
  /// comes late is told of once, with the number of times. *Errors*: `invalid_argument` for a
  /// period below zero.
  [[nodiscard]] result<selector_key> add_timer(deadline first, std::chrono::nanoseconds period = {},
                                               std::uint64_t tag = 0);
  /// A channel without a descriptor (System V queues, mailboxes, hardened rings, futexes): told of
  /// every `every`, whether there is something or not. So a message waits that long at most, and
  /// the process wakes that often. Where that is too much, a thread with a relay into a pipe or a
  /// ring takes each message as it comes. It sleeps as its receiver does: in the kernel, but wakes
  /// every `relay_options::look_every` to look for a request to stop, and at a System V queue as
  /// often as a wait with a deadline looks there.
  template <class C>
    requires(may_have_no_descriptor<C> || (!pollable_to_receive<C> && !pollable_to_send<C>))
  [[nodiscard]] result<selector_key> add_looking_every(std::chrono::nanoseconds every, const C&,
                                                       std::uint64_t tag = 0) {
    if (every.count() <= 0)
      return failure{std::errc::invalid_argument, "selector::add_looking_every",
                     "that would be without end"};
    return add_timer(every, every, tag);
  }

  /// When a timer is told of next; never, for it to rest. False if it is no timer, or none of ours,
  /// and in a forked child.
  bool set_timer(selector_key key, deadline next) noexcept;
  /// Not told of until it is resumed: back-pressure. What happens meanwhile shows then.
  [[nodiscard]] result<void> pause(selector_key key);
  [[nodiscard]] result<void> resume(selector_key key);
  /// Whether it was a member. Also from inside the loop over what a wait found.
  bool remove(selector_key key) noexcept;
  [[nodiscard]] bool contains(selector_key key) const noexcept;
  [[nodiscard]] std::size_t size() const noexcept;

  /// Waits until a member is worth a look. With `deadline::now()` it only asks.
  [[nodiscard]] result<selection> wait(deadline until = deadline::never());

 private:
  struct state;
  explicit selector(std::unique_ptr<state> made) noexcept;
  std::unique_ptr<state> state_;
};

inline void selection::iterator::skip_removed() noexcept {
  while (at_ != end_ && !from_->contains(at_->key)) ++at_;
}

static_assert(std::input_iterator<selection::iterator>);

}  // namespace sluice
