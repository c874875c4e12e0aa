// The descriptor of the ends of rings, as poll(2) and epoll(7) see it: readable while a look is
// worth it, silent otherwise.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <optional>
#include <sluice/channel/ring_channel.hpp>
#include <sluice/channel/ring_publisher.hpp>
#include <sluice/channel/ring_queue.hpp>
#include <sluice/channel/ring_subscriber.hpp>
#include <sluice/os/unique_fd.hpp>
#include <string>
#include <vector>

#include "support/asleep.hpp"
#include "support/child.hpp"

namespace sluice {
namespace {

using namespace std::chrono_literals;
using test::child;
using test::patience;
using test::rendezvous;

bool is_readable(int fd, std::chrono::milliseconds within = 0ms) {
  pollfd one{.fd = fd, .events = POLLIN, .revents = 0};
  return ::poll(&one, 1, static_cast<int>(within.count())) == 1 && (one.revents & POLLIN) != 0;
}
constexpr std::chrono::milliseconds soon = patience;

// Until the other has done what its arrival tells of, whatever woke us before.
template <class Receiver>
result<std::size_t> received_by_polling(Receiver& receiver, int descriptor, mutable_bytes buffer) {
  for (;;) {
    if (!is_readable(descriptor, soon)) return failure{std::errc::timed_out, "poll"};
    auto got = receiver.try_receive(buffer);
    if (got || !would_block(got.error())) return got;
  }
}

// What `action` gives while nothing more can be opened.
template <class Action>
auto without_descriptors(Action action) {
  const unique_fd next{
      ::open("/dev/null", O_RDONLY | O_CLOEXEC)};  // the lowest number that is free
  rlimit usual{};
  EXPECT_EQ(::getrlimit(RLIMIT_NOFILE, &usual), 0);
  const rlimit none{.rlim_cur = static_cast<rlim_t>(next.get()), .rlim_max = usual.rlim_max};
  EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  auto outcome = action();
  EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &usual), 0);
  return outcome;
}

// Nobody is told of anything by a timer.
constexpr ring_wait_options without_cap{.spin = 0ns, .longest_sleep = 24h};

struct channel_case {
  using ring = ring_channel;
  using sender = ring_sender;
  using receiver = ring_receiver;
  static inline const ring_end_options receiving{.wait = without_cap};
};
struct queue_case {
  using ring = ring_queue;
  using sender = ring_queue_sender;
  using receiver = ring_queue_receiver;
  static inline const ring_queue_end_options receiving{.wait = without_cap};
};
struct topic_case {
  using ring = ring_topic;
  using sender = ring_publisher;
  using receiver = ring_subscriber;
  static inline const ring_subscriber_options receiving{.wait = without_cap};
};

template <class Case>
class RingPoll : public testing::Test {
 protected:
  using sender_type = typename Case::sender;
  using receiver_type = typename Case::receiver;
  typename Case::ring ring = Case::ring::create_anonymous({.capacity_bytes = 4096}).value();
  receiver_type receiver = receiver_type::attach(ring, Case::receiving).value();
  sender_type sender = sender_type::attach(ring, {.wait = without_cap}).value();
  std::array<std::byte, 2048> buffer{};

  void fill() {
    while (sender.try_send(std::vector<std::byte>(500))) continue;
  }
};

struct case_names {
  template <class Case>
  static std::string GetName(int) {
    return std::string{channel_traits<typename Case::sender>.mechanism}.substr(5);
  }
};
using cases = testing::Types<channel_case, queue_case, topic_case>;
TYPED_TEST_SUITE(RingPoll, cases, case_names);

TYPED_TEST(RingPoll, is_readable_from_a_message_until_a_look_finds_none) {
  const int descriptor = this->receiver.poll_handle().value();
  EXPECT_EQ(this->receiver.poll_handle().value(), descriptor);
  EXPECT_FALSE(is_readable(descriptor));
  ASSERT_TRUE(this->sender.try_send(bytes_of("one")));
  ASSERT_TRUE(this->sender.try_send(bytes_of("two")));
  EXPECT_TRUE(is_readable(descriptor));
  ASSERT_TRUE(this->receiver.try_receive(this->buffer));
  EXPECT_TRUE(is_readable(descriptor)) << "the second one is still there";
  ASSERT_TRUE(this->receiver.try_receive(this->buffer));
  EXPECT_TRUE(would_block(this->receiver.try_receive(this->buffer).error()));
  EXPECT_FALSE(is_readable(descriptor));
  // And once more: it is armed again.
  ASSERT_TRUE(this->sender.try_send(bytes_of("three")));
  EXPECT_TRUE(is_readable(descriptor));
}

TYPED_TEST(RingPoll, tells_of_what_was_there_before_it_was_made) {
  ASSERT_TRUE(this->sender.try_send(bytes_of("early")));
  EXPECT_TRUE(is_readable(this->receiver.poll_handle().value()));
}

TYPED_TEST(RingPoll, stays_silent_while_looks_find_nothing) {
  const int descriptor = this->receiver.poll_handle().value();
  for (int look = 0; look < 100; ++look) {
    EXPECT_TRUE(would_block(this->receiver.next_size().error()));
    EXPECT_FALSE(is_readable(descriptor));
  }
  EXPECT_LE(this->receiver.statistics().parks, 1U) << "who is armed need not be armed again";
}

TYPED_TEST(RingPoll, of_a_sender_is_readable_while_there_is_room) {
  const int descriptor = this->sender.poll_handle().value();
  EXPECT_TRUE(is_readable(descriptor));
  this->fill();
  EXPECT_FALSE(is_readable(descriptor));
  while (this->receiver.try_receive(this->buffer)) continue;
  EXPECT_TRUE(is_readable(descriptor));
  EXPECT_TRUE(this->sender.try_send(std::vector<std::byte>(500)));
}

TYPED_TEST(RingPoll, wakes_another_process_that_sleeps_in_epoll) {
  // In a channel the other takes its place; in a topic nobody else is to hold the publisher up.
  { auto leaving = std::move(this->receiver); }
  const rendezvous ready;
  child other{[&] {
    auto mine = TypeParam::receiver::attach(this->ring, TypeParam::receiving).value();
    const unique_fd list{::epoll_create1(EPOLL_CLOEXEC)};
    epoll_event wanted{.events = EPOLLIN, .data = {}};
    ASSERT_EQ(::epoll_ctl(list.get(), EPOLL_CTL_ADD, mine.poll_handle().value(), &wanted), 0);
    ready.arrive();
    for (int message = 0; message < 100; ++message) {
      for (;;) {
        epoll_event seen{};
        ASSERT_EQ(::epoll_wait(list.get(), &seen, 1, static_cast<int>(soon.count())), 1);
        auto got = mine.try_receive(this->buffer);
        if (!got && would_block(got.error())) continue;
        ASSERT_TRUE(got) << got.error().message();
        break;
      }
    }
  }};
  ready.wait();
  for (int message = 0; message < 100; ++message) {
    ASSERT_TRUE(this->sender.send(bytes_of("wake up"), deadline{patience}));
    if (message % 10 == 0) test::wait_until_asleep(other.id());
  }
  other.wait_success();
}

TYPED_TEST(RingPoll, waiting_otherwise_does_not_silence_it) {
  const int descriptor = this->receiver.poll_handle().value();
  auto waited = this->receiver.wait_readable(deadline{1ms});
  EXPECT_EQ(waited.error(), std::errc::timed_out);
  ASSERT_TRUE(this->sender.try_send(bytes_of("later")));
  EXPECT_TRUE(is_readable(descriptor));
  ASSERT_TRUE(this->receiver.wait_readable(deadline{patience}));
  EXPECT_TRUE(is_readable(descriptor));
}

// For loops: spinning is the receiver's, and arms nothing.
TYPED_TEST(RingPoll, lingers_without_a_sleep_and_tells_whether_a_look_is_worth_it) {
  ring_wait_options spinning = without_cap;
  spinning.spin = 1ms;
  auto patient = TypeParam::receiving;
  patient.wait = spinning;
  { auto leaving = std::move(this->receiver); }
  this->receiver = TypeParam::receiver::attach(this->ring, patient).value();
  const int descriptor = this->receiver.poll_handle().value();
  const auto before = this->receiver.statistics();
  EXPECT_FALSE(this->receiver.linger());
  EXPECT_FALSE(is_readable(descriptor));
  ASSERT_TRUE(this->sender.try_send(bytes_of("there")));
  EXPECT_TRUE(this->receiver.linger());
  EXPECT_EQ(this->receiver.statistics().parks, before.parks);
  EXPECT_TRUE(this->receiver.try_receive(this->buffer));
}

TYPED_TEST(RingPoll, tells_of_the_end) {
  const int descriptor = this->receiver.poll_handle().value();
  { auto leaving = std::move(this->sender); }
  ASSERT_TRUE(is_readable(descriptor));
  EXPECT_EQ(this->receiver.try_receive(this->buffer).error(), errc::closed);
  EXPECT_TRUE(is_readable(descriptor)) << "an end can be seen as often as one likes";
}

TYPED_TEST(RingPoll, tells_of_a_death_within_the_longest_sleep) {
  { auto leaving = std::move(this->receiver); }
  { auto leaving = std::move(this->sender); }
  auto patient = TypeParam::receiving;
  patient.wait.longest_sleep = 20ms;
  this->receiver = TypeParam::receiver::attach(this->ring, patient).value();
  const rendezvous attached;
  child victim{[&] {
    auto mine = TypeParam::sender::attach(this->ring).value();
    ASSERT_TRUE(mine.try_send(bytes_of("last words")));
    attached.arrive();
    ::pause();
  }};
  attached.wait();
  const int descriptor = this->receiver.poll_handle().value();
  ASSERT_TRUE(received_by_polling(this->receiver, descriptor, this->buffer));
  victim.kill();
  EXPECT_EQ(received_by_polling(this->receiver, descriptor, this->buffer).error(),
            std::errc::connection_reset);
}

TYPED_TEST(RingPoll, is_refused_in_a_forked_child) {
  ASSERT_TRUE(this->receiver.poll_handle());
  child other{[&] {
    EXPECT_EQ(this->receiver.poll_handle().error(), std::errc::operation_not_permitted);
    EXPECT_EQ(this->sender.poll_handle().error(), std::errc::operation_not_permitted);
  }};
  other.wait_success();
}

std::ptrdiff_t open_descriptors() {
  const std::filesystem::directory_iterator all{"/proc/self/fd"};
  return std::distance(begin(all), end(all));
}

TYPED_TEST(RingPoll, leaves_no_descriptor_behind) {
  const std::ptrdiff_t before = open_descriptors();
  {
    auto gone = std::move(this->receiver);
    ASSERT_TRUE(gone.poll_handle());
    ASSERT_TRUE(this->sender.try_send(bytes_of("ring the bell")));
    EXPECT_GT(open_descriptors(), before);
  }
  { auto gone = std::move(this->sender); }
  EXPECT_LT(open_descriptors(), before);
}

TYPED_TEST(RingPoll, without_descriptors_says_so) {
  // Not by `this` below: the check of its type by the sanitizer takes descriptors of its own.
  auto& end = this->receiver;
  const auto refused = without_descriptors([&] { return end.poll_handle(); });
  EXPECT_EQ(refused.error(), std::errc::too_many_files_open);
  const int descriptor = this->receiver.poll_handle().value();
  ASSERT_TRUE(this->sender.try_send(bytes_of("now")));
  EXPECT_TRUE(is_readable(descriptor));
}

// F41: who cannot ring for want of descriptors leaves it to the timer of who is polled.
TYPED_TEST(RingPoll, F41_who_cannot_ring_is_heard_by_the_timer) {
  { auto leaving = std::move(this->receiver); }
  auto patient = TypeParam::receiving;
  patient.wait.longest_sleep = 20ms;
  this->receiver = TypeParam::receiver::attach(this->ring, patient).value();
  const int descriptor = this->receiver.poll_handle().value();
  auto& end = this->sender;
  ASSERT_TRUE(without_descriptors([&] { return end.try_send(bytes_of("unheard")); }));
  EXPECT_TRUE(received_by_polling(this->receiver, descriptor, this->buffer));
}

// Who is polled may stay away: the message is not to wait for it while another sleeps.
TEST(RingQueuePoll, a_receiver_that_stays_away_keeps_no_message_from_others) {
  const auto queue = ring_queue::create_anonymous().value();
  auto away = ring_queue_receiver::attach(queue, queue_case::receiving).value();
  ASSERT_FALSE(is_readable(away.poll_handle().value()));
  const rendezvous attached;
  child other{[&] {
    auto mine = ring_queue_receiver::attach(queue, queue_case::receiving).value();
    attached.arrive();
    std::array<std::byte, 16> buffer{};
    EXPECT_TRUE(mine.receive(buffer, deadline{patience}));
  }};
  attached.wait();
  test::wait_until_asleep(other.id());
  auto sender = ring_queue_sender::attach(queue).value();
  ASSERT_TRUE(sender.try_send(bytes_of("for anybody")));
  other.wait_success();
}

}  // namespace
}  // namespace sluice
