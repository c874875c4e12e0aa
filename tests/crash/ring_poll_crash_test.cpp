// Who sends to somebody who is waited for by a descriptor is killed after each step that others can
// see: the descriptor tells of it, and so does a selector.

#include <poll.h>

#include <chrono>
#include <optional>
#include <sluice/compose/selector.hpp>

#include "crash/ring_crash.hpp"

namespace sluice::test {
namespace {

/// A victim that sends to one who is polled.
class RingSendToPolledCrash : public RingVictims {
 protected:
  static constexpr std::chrono::milliseconds cap{5};

  void make_polled() {
    make(4096, ring_departure::report);
    receiver_.emplace(ring_receiver::attach(*ring_, {.wait = {.longest_sleep = cap}}).value());
    handle_ = receiver_->poll_handle().value();
    if (selects_) select();
  }
  void select() {
    selector_.emplace(selector::create().value());
    key_ = selector_->add_readable(*receiver_).value();
  }
  [[nodiscard]] bool is_told_of() {
    if (!selector_) {
      pollfd one{.fd = handle_, .events = POLLIN, .revents = 0};
      constexpr std::chrono::milliseconds longest = patience;
      return ::poll(&one, 1, static_cast<int>(longest.count())) == 1;
    }
    auto found = selector_->wait(deadline{patience});
    return found && found->begin()->key == key_;
  }
  // As its user does it: a look for each time that it is told of.
  std::optional<std::uint64_t> next_by_polling() {
    for (;;) {
      EXPECT_TRUE(is_told_of()) << "silent";
      auto view = receiver_->try_peek();
      if (view) return number_of(view->bytes());
      if (!would_block(view.error()) || HasFailure()) {
        EXPECT_EQ(view.error(), std::errc::connection_reset);
        return std::nullopt;
      }
    }
  }
  void kill_sender_at_each_step(const char* name) {
    long all = 0;
    long nothing = 0;
    const std::vector<std::byte> message = numbered(0, 24);
    const long killed = kill_at_each_step(
        {.reset = [this] { make_polled(); },
         .prepare = [this] { sender_.emplace(ring_sender::attach(*ring_).value()); },
         .operation = [&] { static_cast<void>(sender_->try_send(message)); },
         .judge =
             [&] {
               const auto number = next_by_polling();
               ++(number ? all : nothing);
               if (!number) return;
               EXPECT_EQ(*number, 0U);
               EXPECT_FALSE(next_by_polling());
             },
         .image = [this] { return image(); }});
    tell(name, killed, nothing, all);
    EXPECT_GT(nothing, 0);
    EXPECT_GT(all, 1) << "not killed between the message and the bell";
  }

  int handle_ = -1;
  bool selects_ = false;
  std::optional<selector> selector_;
  selector_key key_;
};

// F2: published, and the bell not rung: the timer tells of the message, and of the death.
TEST_F(RingSendToPolledCrash, sender_killed_at_any_step_is_told_of_by_the_descriptor) {
  kill_sender_at_each_step("to_one_who_is_polled");
}

// F2
TEST_F(RingSendToPolledCrash, sender_killed_at_any_step_is_told_of_by_a_selector) {
  selects_ = true;
  kill_sender_at_each_step("to_a_member_of_a_selector");
}

}  // namespace
}  // namespace sluice::test
