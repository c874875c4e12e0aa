#pragma once
// What a selector knows: its members, which of them share a descriptor, its timers in the order in
// which they run out, and the receivers that may have read ahead.

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <sluice/compose/selector.hpp>
#include <sluice/os/unique_fd.hpp>
#include <utility>
#include <vector>

#include "os/syscall.hpp"
#include "os/syscall_watch.hpp"

namespace sluice {

struct selector::state {
  using clock = deadline::clock;
  static constexpr std::uint32_t nobody = 0xffff'ffff;
  // Of one wait: each kind has its share, so that none keeps the others out.
  static constexpr std::size_t most_timers = 64;
  static constexpr std::size_t most_read_ahead = 64;
  static constexpr std::size_t most_found =
      most_timers + most_read_ahead + 2 * syscall::max_watched_events;

  enum class kind : std::uint8_t { none, descriptor, timer };
  struct member {
    std::uint32_t generation = 0;
    kind what = kind::none;
    direction when = direction::readable;
    bool is_paused = false;
    bool is_listed = false;  // in read_ahead_
    int descriptor = -1;
    std::uint64_t tag = 0;
    std::uint64_t told_in = 0;  // the wait that told of it last
    std::shared_ptr<read_ahead> ahead = {};
    clock::time_point next = clock::time_point::max();
    std::chrono::nanoseconds period = {};
  };
  // A descriptor, which the kernel knows once, whoever of two members waits for it.
  struct watched {
    std::uint32_t reader = nobody;
    std::uint32_t writer = nobody;
    std::uint32_t serial = 0;  // of its entry in the kernel's list, which may outlive it
    syscall::watched_for asked = {};
  };
  using due = std::pair<clock::time_point, std::uint32_t>;

  state(unique_fd made, pid_t self);

  [[nodiscard]] bool contains(selector_key key) const noexcept;
  [[nodiscard]] result<selector_key> add(const readiness& what, std::uint64_t tag);
  [[nodiscard]] selector_key add_timer(deadline first, std::chrono::nanoseconds period,
                                       std::uint64_t tag);
  void set_timer(std::uint32_t place, deadline next) noexcept;
  [[nodiscard]] result<void> set_paused(std::uint32_t place, bool paused);
  void remove(std::uint32_t place) noexcept;
  [[nodiscard]] result<void> wait(deadline until);

  [[nodiscard]] result<void> check_not_forked(const char* what) const noexcept;
  [[nodiscard]] selector_key new_member();
  void forget(std::uint32_t place) noexcept;
  [[nodiscard]] static bool asks(syscall::watched_for what) noexcept;
  [[nodiscard]] syscall::watched_for wanted(const watched& one) const noexcept;
  [[nodiscard]] std::uint64_t label_of(int descriptor) const noexcept;
  [[nodiscard]] std::uint32_t& side_of(const member& one) noexcept;
  void drop_closed(int descriptor) noexcept;
  [[nodiscard]] result<void> ask_kernel(int descriptor);
  [[nodiscard]] result<void> build_anew();
  [[nodiscard]] static due due_of(const member& one, std::uint32_t place) noexcept;
  void reschedule(std::uint32_t place, const due& before) noexcept;
  [[nodiscard]] deadline next_due() const noexcept;

  void tell(std::uint32_t place, std::uint64_t expirations = 0) noexcept;
  void tell_of_read_ahead();
  void list_news();
  void tell_of_timers() noexcept;
  [[nodiscard]] bool tell_of(const syscall::watched_event& event) noexcept;

  unique_fd list_;
  pid_t maker_;
  std::vector<member> members_;
  std::vector<std::uint32_t> free_;  // places of `members_`
  std::vector<watched> watched_;     // by descriptor
  std::size_t asked_ = 0;            // of these, how many the kernel is asked for
  std::uint32_t last_serial_ = 0;
  std::set<due> timers_;  // all of them; who rests comes last
  std::vector<selector_key> read_ahead_;
  // Of who read without being told of.
  std::shared_ptr<read_ahead_news> news_ = std::make_shared<read_ahead_news>();
  std::uint64_t round_ = 0;
  std::vector<ready> found_;
  std::array<syscall::watched_event, syscall::max_watched_events> events_ = {};
};

}  // namespace sluice
