// Whoever uses a mailbox is killed, or stopped, after each step that others can see.

#include <gtest/gtest.h>
#include <signal.h>

#include <array>
#include <optional>
#include <sluice/channel/mailbox.hpp>
#include <string>

#include "support/asleep.hpp"
#include "support/child.hpp"
#include "support/traced_child.hpp"

namespace {

using namespace sluice;
using test::child;
using test::kill_at_each_step;
using test::patience;
using test::step_size;

class MailboxCrash : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const char* reason = test::reason_not_to_trace(); *reason != '\0') GTEST_SKIP() << reason;
  }

  void make_anew() {
    box_.reset();
    box_.emplace(mailbox::create("box", {.capacity_messages = 3, .max_message_bytes = 64}).value());
    sender_.emplace(mailbox_sender::open("box").value());
    receiver_.emplace(mailbox_receiver::open("box").value());
    memory_.emplace(shared_memory::open("box.mailbox").value());
  }
  void send(const std::string& text) {
    auto sent = sender_->send(bytes_of(text), deadline{patience});
    EXPECT_TRUE(sent) << sent.error().message();
  }
  std::string receive() {
    auto got = receive_message(*receiver_, deadline{patience});
    return got ? std::string{text_of(*got)} : got.error().message();
  }
  // Each function once before, so that no first call of one is stepped through: the dynamic linker
  // takes more steps then, and not always as many.
  void warm_up() {
    static_cast<void>(sender_->try_send(bytes_of("warm")));
    std::array<std::byte, 64> buffer;
    static_cast<void>(receiver_->try_receive(buffer));
  }
  [[nodiscard]] const_bytes image() const { return memory_->bytes(); }

  std::optional<mailbox> box_;
  std::optional<mailbox_sender> sender_;
  std::optional<mailbox_receiver> receiver_;
  std::optional<shared_memory> memory_;
};

TEST_F(MailboxCrash, sender_killed_at_any_step_has_sent_all_or_nothing) {
  int all = 0;
  int nothing = 0;
  const long killed = kill_at_each_step({
      .reset = [this] { make_anew(); },
      .prepare = [this] { warm_up(); },
      .operation = [this] { static_cast<void>(sender_->try_send(bytes_of("of the victim"))); },
      .judge =
          [&] {
            send("of the next");
            const std::string first = receive();
            ++(first == "of the victim" ? all : nothing);
            if (first == "of the victim") {
              EXPECT_EQ(receive(), "of the next");
            } else {
              EXPECT_EQ(first, "of the next");
            }
            EXPECT_EQ(box_->messages(), 0U);
            // Room for as many as ever.
            for (const char* text : {"one", "two", "three"}) send(text);
            EXPECT_TRUE(would_block(sender_->try_send({}).error()));
          },
      .image = [this] { return image(); },
  });
  EXPECT_GT(killed, 5);
  EXPECT_GT(all, 1);
  EXPECT_GT(nothing, 1);
}

TEST_F(MailboxCrash, receiver_killed_at_any_step_has_taken_all_or_nothing) {
  int all = 0;
  int nothing = 0;
  const long killed = kill_at_each_step({
      .reset =
          [this] {
            make_anew();
            send("taken before");  // by warm_up
            send("for the victim");
          },
      .prepare = [this] { warm_up(); },
      .operation =
          [this] {
            std::array<std::byte, 64> buffer;
            static_cast<void>(receiver_->try_receive(buffer));
          },
      .judge =
          [&] {
            const std::string first = receive();
            ++(first == "warm" ? all : nothing);
            if (first != "warm") {
              EXPECT_EQ(first, "for the victim");
              EXPECT_EQ(receive(), "warm");
            }
            EXPECT_EQ(box_->messages(), 0U);
            send("one");
            send("two");
            EXPECT_EQ(receive(), "one");
          },
      .image = [this] { return image(); },
  });
  EXPECT_GT(killed, 5);
  EXPECT_GT(all, 1);
  EXPECT_GT(nothing, 1);
}

// F2: killed between publishing and ringing, or asleep with the ring taken
TEST_F(MailboxCrash, sleepers_are_woken_whoever_dies_before_ringing) {
  long woken = 0;
  const long killed = kill_at_each_step({
      .reset = [this] { make_anew(); },
      .prepare = [this] { warm_up(); },
      .operation = [this] { static_cast<void>(sender_->try_send(bytes_of("x"))); },
      .judge =
          [&] {
            if (box_->messages() == 0) return;
            // Whatever the bells say by now, one who comes to wait sees it.
            EXPECT_TRUE(receiver_->wait_readable(deadline{patience}));
            EXPECT_EQ(receive(), "x");
            ++woken;
          },
      .image = [this] { return image(); },
  });
  EXPECT_GT(killed, 5);
  EXPECT_GT(woken, 1);
}

TEST_F(MailboxCrash, receiver_killed_asleep_takes_no_message_with_it) {
  make_anew();
  for (int round = 0; round < 5; ++round) {
    child sleeper{[this] { receive(); }};
    test::wait_until_asleep(sleeper.id());
    child other{[this] { EXPECT_EQ(receive(), "for whoever lives"); }};
    test::wait_until_asleep(other.id());
    sleeper.kill();
    send("for whoever lives");
    other.wait_success();
  }
}

// Stopped is not dead: nobody goes past it, deadlines hold, and it goes on where it was.
TEST_F(MailboxCrash, sender_stopped_inside_makes_others_wait_until_their_deadline) {
  using namespace std::chrono_literals;
  make_anew();
  test::traced_child victim{[this] { warm_up(); },
                            [this] { static_cast<void>(sender_->try_send(bytes_of("late"))); }};
  auto mine = mailbox_sender::open("box").value();
  const auto is_inside = [&] {
    auto room = mine.wait_writable(deadline::now());
    return !room && room.error() == std::errc::timed_out;
  };
  while (!is_inside()) ASSERT_TRUE(victim.step(step_size::instruction));
  EXPECT_TRUE(mine.send(bytes_of("mine"), 60ms).error() == std::errc::timed_out);
  EXPECT_TRUE(receiver_->receive({}, 20ms).error() == std::errc::timed_out);
  EXPECT_TRUE(would_block(receiver_->next_size().error()));
  while (is_inside()) ASSERT_TRUE(victim.step(step_size::instruction));
  EXPECT_EQ(receive(), "late");
  send("mine");
  EXPECT_EQ(receive(), "mine");
}

}  // namespace
