// Who sends to somebody who is waited for by a descriptor, or makes room for one, is killed after
// each step that others can see: the descriptor tells of it, and so does a selector. Of every kind
// of ring.

#include <gtest/gtest.h>
#include <poll.h>

#include <array>
#include <chrono>
#include <concepts>
#include <optional>
#include <sluice/channel/ring_channel.hpp>
#include <sluice/channel/ring_publisher.hpp>
#include <sluice/channel/ring_queue.hpp>
#include <sluice/channel/ring_subscriber.hpp>
#include <sluice/compose/selector.hpp>
#include <string>
#include <vector>

#include "conformance/type_names.hpp"
#include "crash/ring_oracle.hpp"
#include "support/child.hpp"
#include "support/shared_array.hpp"
#include "support/traced_child.hpp"

namespace sluice::test {
namespace {

using namespace std::chrono_literals;

// What nobody tells of is looked for so often.
constexpr ring_wait_options often{.spin = 0ns, .longest_sleep = 5ms};

template <class Ring, class Sender, class Receiver>
struct ends {
  using ring = Ring;
  using sender = Sender;
  using receiver = Receiver;
  static Receiver attach_receiver(const Ring& to) {
    return Receiver::attach(to, {.wait = often}).value();
  }
};
struct channel_case : ends<ring_channel, ring_sender, ring_receiver> {
  static constexpr const char* name = "channel";
};
struct queue_case : ends<ring_queue, ring_queue_sender, ring_queue_receiver> {
  static constexpr const char* name = "queue";
};
struct topic_case : ends<ring_topic, ring_publisher, ring_subscriber> {
  static constexpr const char* name = "topic";
};
using cases = testing::Types<channel_case, queue_case, topic_case>;

/// Tells when an end is worth a look: by its descriptor, or as the member of a selector.
class teller {
 public:
  template <class End>
  teller(End& of, bool by_selector) : handle_(of.poll_handle().value()) {
    if (!by_selector) return;
    selector_.emplace(selector::create().value());
    if constexpr (pollable_to_receive<End>)
      key_ = selector_->add_readable(of).value();
    else
      key_ = selector_->add_writable(of).value();
  }
  [[nodiscard]] bool tells() {
    if (!selector_) {
      pollfd one{.fd = handle_, .events = POLLIN, .revents = 0};
      constexpr std::chrono::milliseconds longest = patience;
      return ::poll(&one, 1, static_cast<int>(longest.count())) == 1;
    }
    auto found = selector_->wait(deadline{patience});
    return found && found->begin()->key == key_;
  }

 private:
  int handle_;
  std::optional<selector> selector_;
  selector_key key_;
};

template <class Case>
class RingPollVictims : public testing::Test {
 protected:
  using ring_type = typename Case::ring;
  using sender_type = typename Case::sender;
  using receiver_type = typename Case::receiver;

  void SetUp() override {
    if (const char* reason = reason_not_to_trace(); *reason != '\0') GTEST_SKIP() << reason;
    // Each function once in the tracer, so that no victim steps through the dynamic linker.
    make(ring_departure::report);
    receiver_.emplace(Case::attach_receiver(*ring_));
    sender_.emplace(sender_type::attach(*ring_).value());
    const teller of_messages{*receiver_, false};
    const teller of_room{*sender_, false};
    EXPECT_TRUE(would_block(receiver_->try_receive(buffer_).error()));
    while (sender_->try_send(numbered(0, 500))) continue;
    while (receiver_->try_receive(buffer_)) continue;
    leave();
  }
  void make(ring_departure departure) {
    leave();
    ring_.emplace(
        ring_type::create_anonymous({.capacity_bytes = 4096, .departure = departure}).value());
  }
  void leave() {
    teller_.reset();
    receiver_.reset();
    sender_.reset();
  }
  [[nodiscard]] const_bytes image() const { return image_of(ring_->memory()); }
  [[nodiscard]] std::optional<std::uint64_t> number_in_buffer(result<std::size_t> size) const {
    if (!size) return std::nullopt;
    const std::uint64_t number = number_of(const_bytes{buffer_}.first(*size));
    EXPECT_NE(number, no_number) << "a message is torn";
    return number;
  }

  // In the tracer: the oracle's. In a victim: its own.
  std::optional<ring_type> ring_;
  std::optional<sender_type> sender_;
  std::optional<receiver_type> receiver_;
  std::optional<teller> teller_;
  std::array<std::byte, 1000> buffer_{};
};

/// A victim that sends to one who is polled.
template <class Case>
class RingSendToPolledCrash : public RingPollVictims<Case> {
 protected:
  void make_polled(bool by_selector) {
    this->make(ring_departure::report);
    this->receiver_.emplace(Case::attach_receiver(*this->ring_));
    this->teller_.emplace(*this->receiver_, by_selector);
    EXPECT_TRUE(would_block(this->receiver_->try_receive(this->buffer_).error()));
  }
  // As its user does it: a look for each time that it is told of.
  std::optional<std::uint64_t> next_by_polling() {
    for (;;) {
      EXPECT_TRUE(this->teller_->tells()) << "silent";
      auto size = this->receiver_->try_receive(this->buffer_);
      if (size) return this->number_in_buffer(size);
      if (!would_block(size.error()) || this->HasFailure()) {
        EXPECT_EQ(size.error(), std::errc::connection_reset);
        return std::nullopt;
      }
    }
  }
  void kill_sender_at_each_step(bool by_selector) {
    long all = 0;
    long nothing = 0;
    const std::vector<std::byte> message = numbered(0, 24);
    const long killed = kill_at_each_step(
        {.reset = [&] { make_polled(by_selector); },
         .prepare = [this] { this->sender_.emplace(Case::sender::attach(*this->ring_).value()); },
         .operation = [&] { static_cast<void>(this->sender_->try_send(message)); },
         .judge =
             [&] {
               const auto number = next_by_polling();
               ++(number ? all : nothing);
               if (!number) return;
               EXPECT_EQ(*number, 0U);
               EXPECT_FALSE(next_by_polling());
             },
         .image = [this] { return this->image(); }});
    tell(std::string{"to one who is polled, "} + Case::name, killed, nothing, all);
    EXPECT_GT(nothing, 0);
    EXPECT_GT(all, 1) << "not killed between the message and the bell";
  }
};
TYPED_TEST_SUITE(RingSendToPolledCrash, cases, link_names);

// F2: published, and the bell not rung: the timer tells of the message, and of the death.
TYPED_TEST(RingSendToPolledCrash, sender_killed_at_any_step_is_told_of_by_the_descriptor) {
  this->kill_sender_at_each_step(false);
}

// F2
TYPED_TEST(RingSendToPolledCrash, sender_killed_at_any_step_is_told_of_by_a_selector) {
  this->kill_sender_at_each_step(true);
}

/// A victim that makes room for one who is polled: a process of its own, which filled the ring
/// after the victim came, and waits.
template <class Case>
class RingRoomForPolledCrash : public RingPollVictims<Case> {
 protected:
  // A dead subscriber holds nobody up, so there is room whatever it had read. Elsewhere what it has
  // not received stays.
  static constexpr bool room_comes_with_the_death = std::same_as<Case, topic_case>;

  void poll_until_there_is_room(bool by_selector) {
    auto sender = Case::sender::attach(*this->ring_, {.wait = often}).value();
    teller its_own{sender, by_selector};
    receiver_there_.wait();
    std::uint64_t next = 0;
    while (sender.try_send(numbered(next, 500))) ++next;
    full_.arrive();
    receiver_dead_.wait();
    for (int look = 0; look < 3 || room_comes_with_the_death; ++look) {
      ASSERT_TRUE(its_own.tells()) << "silent";
      auto sent = sender.try_send(numbered(next, 500));
      has_sent_[0].store(sent ? 1 : 0);
      if (sent) return;
      ASSERT_TRUE(would_block(sent.error())) << sent.error().message();
    }
  }
  void make_polled(bool by_selector) {
    this->make(ring_departure::await_successor);
    polled_.emplace([this, by_selector] { poll_until_there_is_room(by_selector); });
  }
  // Room is where something was received, and nowhere else.
  void judge_room(bool sent) {
    if (room_comes_with_the_death) {
      EXPECT_TRUE(sent);
      return;
    }
    auto next = Case::attach_receiver(*this->ring_);
    const auto first = this->number_in_buffer(next.receive(this->buffer_, deadline{patience}));
    EXPECT_EQ(first, sent ? 1U : 0U);
  }
  void kill_receiver_at_each_step(bool by_selector) {
    long all = 0;
    long nothing = 0;
    const long killed = kill_at_each_step(
        {.reset = [&] { make_polled(by_selector); },
         .prepare =
             [&] {
               this->receiver_.emplace(Case::attach_receiver(*this->ring_));
               receiver_there_.arrive();
               full_.wait();
             },
         .operation = [this] { static_cast<void>(this->receiver_->try_receive(this->buffer_)); },
         .judge =
             [&] {
               receiver_dead_.arrive();
               polled_->wait_success();
               polled_.reset();
               const bool sent = has_sent_[0].load() == 1;
               ++(sent ? all : nothing);
               judge_room(sent);
             },
         .image = [this] { return this->image(); }});
    tell(std::string{"for one who is polled, "} + Case::name, killed, nothing, all);
    EXPECT_EQ(nothing > 0, !room_comes_with_the_death);
    EXPECT_GT(all, 1) << "not killed between the room and the bell";
  }

  const rendezvous receiver_there_;
  const rendezvous full_;
  const rendezvous receiver_dead_;
  const shared_array has_sent_{1};
  std::optional<child> polled_;
};
TYPED_TEST_SUITE(RingRoomForPolledCrash, cases, link_names);

// F2, from the other side: room is there, and the bell not rung.
TYPED_TEST(RingRoomForPolledCrash, receiver_killed_at_any_step_is_told_of_by_the_descriptor) {
  this->kill_receiver_at_each_step(false);
}

// F2
TYPED_TEST(RingRoomForPolledCrash, receiver_killed_at_any_step_is_told_of_by_a_selector) {
  this->kill_receiver_at_each_step(true);
}

}  // namespace
}  // namespace sluice::test
