// Holds every cell of the table of capabilities against what the kernel does. Each experiment would
// come out differently if the cell said something else; where a cell is true by definition of the
// type, the test says so.

#include <gtest/gtest.h>
#include <poll.h>

#include <array>
#include <limits>
#include <set>
#include <sluice/primitive/event.hpp>
#include <sluice/primitive/posix_semaphore.hpp>
#include <sluice/primitive/shared_event.hpp>
#include <sluice/primitive/system_v_semaphore.hpp>
#include <string_view>

#include "conformance/byte_stream_conformance.hpp"
#include "conformance/message_channel_conformance.hpp"
#include "conformance/ring_probes.hpp"
#include "conformance/socket_probes.hpp"
#include "conformance/traits_probes.hpp"
#include "conformance/type_names.hpp"
#include "support/child.hpp"

namespace sluice::test {

namespace {

bool is_readable(int fd) {
  pollfd watched{.fd = fd, .events = POLLIN, .revents = 0};
  return ::poll(&watched, 1, 0) == 1;
}

template <class Receiver>
std::optional<message_bytes> take(Receiver& receiver) {
  message_bytes buffer(std::size_t{1} << 20);
  auto got = receiver.try_receive(buffer);
  if (!got) return std::nullopt;
  buffer.resize(*got);
  return buffer;
}

// The text, made as long as messages of this sender must be.
template <class Sender>
message_bytes message_of(std::string_view text) {
  const const_bytes bytes = bytes_of(text);
  message_bytes message{bytes.begin(), bytes.end()};
  message.resize(fit<Sender>(message.size()));
  return message;
}

// What two senders make of it when the first begins a message that does not fit at once and the
// second sends one meanwhile. Two ends in one process do the same as two processes: the kernel does
// not ask whose they are.
struct race {
  message_bytes longer;
  message_bytes shorter;
  message_bytes received;  // all of it, in order
  bool is_longer_first() const { return received == joined(longer, shorter); }
  bool is_shorter_first() const { return received == joined(shorter, longer); }
  static message_bytes joined(message_bytes left, const message_bytes& right) {
    left.insert(left.end(), right.begin(), right.end());
    return left;
  }
};

template <class Probe>
race run_race(Probe& probe) {
  using sender_type = typename Probe::sender_type;
  race outcome{.longer = stream_bytes(0, fit<sender_type>(300'000)),
               .shorter = message_of<sender_type>("short"),
               .received = {}};
  auto receiver = probe.another_receiver();
  auto first = probe.another_sender();
  auto second = probe.another_sender();
  const auto drain_all = [&] {
    while (auto message = take(receiver))
      outcome.received = race::joined(outcome.received, *message);
  };
  EXPECT_TRUE(first.try_send(outcome.longer));
  drain_all();
  static_cast<void>(second.try_send(outcome.shorter));  // where there may be but one: refused
  for (int turn = 0; turn < 100; ++turn) {
    drain_all();
    static_cast<void>(first.wait_writable(deadline::now()));
    static_cast<void>(second.wait_writable(deadline::now()));
  }
  drain_all();
  return outcome;
}

}  // namespace

template <class Probe>
class ChannelTraits : public ::testing::Test {
 protected:
  [[nodiscard]] static message_bytes message_of(std::string_view text) {
    return test::message_of<typename Probe::sender_type>(text);
  }
  static constexpr const channel_capabilities& stated =
      channel_traits<typename Probe::receiver_type>;
  Probe probe;
};

using all_probes =
    ::testing::Types<local_probe, pipe_probe, framed_pipe_probe, fifo_probe, framed_fifo_probe,
                     fifo_channel_probe, system_v_queue_probe, posix_queue_probe, mailbox_probe,
                     signal_channel_probe, ring_channel_probe, ring_queue_probe, ring_topic_probe,
                     hardened_ring_probe, ring_connection_probe, unix_stream_probe,
                     framed_unix_stream_probe, unix_seqpacket_probe, unix_datagram_probe,
                     tcp_stream_probe, framed_tcp_probe, udp_probe>;
TYPED_TEST_SUITE(ChannelTraits, all_probes, link_names);

TYPED_TEST(ChannelTraits, both_ends_state_the_same) {
  const channel_capabilities& sending = channel_traits<typename TypeParam::sender_type>;
  EXPECT_EQ(sending.mechanism, this->stated.mechanism);
  EXPECT_EQ(sending.many_senders, this->stated.many_senders);
  EXPECT_EQ(sending.max_message_bytes, this->stated.max_message_bytes);
}

TYPED_TEST(ChannelTraits, keeps_boundaries) {
  auto sender = this->probe.another_sender();
  auto receiver = this->probe.another_receiver();
  ASSERT_TRUE(sender.try_send(this->message_of("three")));
  ASSERT_TRUE(sender.try_send(this->message_of("four")));
  EXPECT_EQ(take(receiver) == this->message_of("three"), this->stated.keeps_boundaries);
}

TYPED_TEST(ChannelTraits, many_senders) {
  const race outcome = run_race(this->probe);
  EXPECT_EQ(outcome.is_longer_first() || outcome.is_shorter_first(), this->stated.many_senders);
}

TYPED_TEST(ChannelTraits, order) {
  // Small messages of two senders in turn arrive in that order everywhere. Where long ones of many
  // senders stay whole, total order also asks that who began first arrives first.
  auto first = this->probe.another_sender();
  auto second = this->probe.another_sender();
  auto receiver = this->probe.another_receiver();
  ASSERT_TRUE(first.try_send(this->message_of("1")));
  const auto by_second = second.try_send(this->message_of("2"));
  if (!by_second && by_second.error() == std::errc::device_or_resource_busy) {
    // There is never a second sender: what the only one sends is in order.
    EXPECT_FALSE(this->stated.many_senders);
    EXPECT_EQ(this->stated.order, ordering::total);
    return;
  }
  ASSERT_TRUE(by_second);
  ASSERT_TRUE(first.try_send(this->message_of("3")));
  message_bytes all;
  while (auto message = take(receiver)) all = race::joined(all, *message);
  bool total = all == race::joined(race::joined(this->message_of("1"), this->message_of("2")),
                                   this->message_of("3"));
  if (this->stated.many_senders) total = total && run_race(this->probe).is_longer_first();
  EXPECT_EQ(total, this->stated.order == ordering::total);
}

TYPED_TEST(ChannelTraits, many_receivers_and_broadcast) {
  auto sender = this->probe.another_sender();
  auto first = this->probe.another_receiver();
  auto second = this->probe.another_receiver();
  const message_bytes one = this->message_of(std::string(100, '1'));
  const message_bytes two = this->message_of(std::string(100, '2'));
  ASSERT_TRUE(sender.try_send(one));
  ASSERT_TRUE(sender.try_send(two));
  const auto by_first = take(first);
  const auto by_second = take(second);
  EXPECT_EQ(by_first == one && by_second == two, this->stated.many_receivers);
  EXPECT_EQ(by_first == one && by_second == one, this->stated.broadcast);
}

// The descriptor to be polled: the channel's own, or one that is made when it is asked for.
template <class Receiver>
std::optional<int> descriptor_of(Receiver& receiver) {
  if constexpr (requires { receiver.poll_handle(); }) {
    return receiver.poll_handle().value();
  } else if constexpr (requires { receiver.native_handle(); }) {
    return receiver.native_handle();
  } else {
    return std::nullopt;
  }
}

TYPED_TEST(ChannelTraits, pollable) {
  auto sender = this->probe.another_sender();
  auto receiver = this->probe.another_receiver();
  const std::optional<int> descriptor = descriptor_of(receiver);
  bool follows = false;
  if (descriptor) {
    follows = !is_readable(*descriptor);
    ASSERT_TRUE(sender.try_send(this->message_of("some")));
    follows = follows && is_readable(*descriptor);
    ASSERT_TRUE(take(receiver));
    // Until then it may say that another look is worth it.
    ASSERT_FALSE(take(receiver));
    follows = follows && !is_readable(*descriptor);
  }
  EXPECT_EQ(follows, this->stated.pollable);
}

TYPED_TEST(ChannelTraits, zero_copy_carries_handles_and_selective) {
  // By definition of the type: what cannot be said with its verbs it cannot do. A channel that can
  // has the verb.
  using sender = typename TypeParam::sender_type;
  using receiver = typename TypeParam::receiver_type;
  constexpr bool has_claim = requires(sender& s) { s.try_claim(std::size_t{1}); };
  constexpr bool takes_handles =
      requires(sender& s, std::span<const int> handles) { s.try_send(const_bytes{}, handles); };
  constexpr bool takes_selection = requires(receiver& r, mutable_bytes buffer) {
    r.try_receive(buffer, message_selection::exactly(1));
  };
  constexpr bool takes_priority = requires(sender& s) { s.try_send(const_bytes{}, 1U); };
  EXPECT_EQ(has_claim, this->stated.zero_copy);
  EXPECT_EQ(takes_handles, this->stated.carries_handles);
  EXPECT_EQ(takes_selection || takes_priority, this->stated.selective);
}

TYPED_TEST(ChannelTraits, survives_processes) {
  const std::string name = unique_name();
  child only_user{[&] { TypeParam::leave_behind(name, this->message_of("left")); }};
  only_user.wait_success();
  auto found = TypeParam::find_again(name);
  EXPECT_EQ(found && take(*found) == this->message_of("left"), this->stated.survives_processes);
  if (found) {
    EXPECT_TRUE(TypeParam::unlink(name));
  }
}

template <class Receiver>
constexpr bool knows_its_address = requires(const Receiver& r) {
  { r.address() } -> std::convertible_to<inet_address>;
};
template <>
constexpr bool knows_its_address<naive_receiver<tcp_stream>> = requires(const tcp_stream& s) {
  { s.local_address() } -> std::same_as<result<inet_address>>;
};
template <>
constexpr bool knows_its_address<framed_receiver<tcp_stream>> =
    knows_its_address<naive_receiver<tcp_stream>>;

TYPED_TEST(ChannelTraits, reaches) {
  auto sender = this->probe.another_sender();
  auto receiver = this->probe.another_receiver();
  child other{[&] { EXPECT_TRUE(sender.try_send(this->message_of("hello"))); }};
  other.wait_success();
  const bool beyond_this_process = take(receiver) == this->message_of("hello");
  EXPECT_EQ(beyond_this_process, this->stated.reaches != reach::one_process);
  // Other machines, by definition of the type: a channel that reaches them knows its own address
  // among them, and the network does not ask on which machine that is.
  using receiver_type = typename TypeParam::receiver_type;
  constexpr bool has_address = knows_its_address<receiver_type>;
  EXPECT_EQ(has_address, this->stated.reaches == reach::machines);
}

TYPED_TEST(ChannelTraits, may_lose) {
  // Sends until it is refused, or far beyond what any channel holds, then receives all that came.
  auto sender = this->probe.another_sender();
  auto receiver = this->probe.another_receiver();
  const auto message = this->message_of(std::string(4000, 'm'));
  std::size_t accepted = 0;
  while (accepted < 5000 && sender.try_send(message)) ++accepted;
  std::size_t bytes = 0;
  const auto receive_all = [&] {
    while (auto got = take(receiver)) bytes += got->size();
  };
  receive_all();
  if constexpr (requires { sender.flush(deadline::now()); }) {
    // Of what it accepted it may keep some, and TCP more, until there is room.
    while (bytes < accepted * message.size() && !this->HasFailure()) {
      static_cast<void>(sender.flush(deadline::now()));
      EXPECT_TRUE(receiver.wait_readable(deadline{patience}));
      receive_all();
    }
  }
  if (accepted < 5000 && this->stated.keeps_boundaries) {
    EXPECT_EQ(bytes, accepted * message.size());
  }
  EXPECT_EQ(accepted == 5000 && bytes < accepted * message.size(), this->stated.may_lose);
}

TYPED_TEST(ChannelTraits, max_message_bytes) {
  const std::size_t most = this->stated.max_message_bytes;
  EXPECT_TRUE(this->probe.accepts_maximum(most));
  if (most != std::numeric_limits<std::size_t>::max()) {
    EXPECT_FALSE(this->probe.accepts_maximum(most + 1));
  }
}

TYPED_TEST(ChannelTraits, min_message_bytes) {
  auto sender = this->probe.another_sender();
  const std::size_t least = this->stated.min_message_bytes;
  if (least != 0) {
    EXPECT_EQ(sender.try_send(message_bytes(least - 1)).error(), std::errc::message_size);
  }
  EXPECT_TRUE(sender.try_send(message_bytes(std::max(least, std::size_t{1}))));
}

// An event has no payload: its cells say what a notification does.
TEST(EventTraits, hold_for_what_the_kernel_does) {
  constexpr const channel_capabilities& stated = channel_traits<event>;
  event made = event::create().value();
  EXPECT_FALSE(is_readable(made.native_handle()));

  // From two senders, in another process.
  child first{[&] { EXPECT_TRUE(made.notify()); }};
  first.wait_success();
  EXPECT_EQ(is_readable(made.native_handle()), stated.pollable);
  EXPECT_EQ(is_readable(made.native_handle()), stated.reaches == reach::one_machine);
  child second{[&] { EXPECT_TRUE(made.notify(2)); }};
  second.wait_success();
  auto taken = made.try_take();
  ASSERT_TRUE(taken);
  EXPECT_EQ(*taken == 3, stated.many_senders);
  // All at once: no boundary between them is left.
  EXPECT_EQ(*taken == 1, stated.keeps_boundaries);
  EXPECT_FALSE(is_readable(made.native_handle()));

  event counting = event::create({.initial = 2, .counting = true}).value();
  event other = event::from_native(pipe_probe::copy_of(counting.native_handle())).value();
  EXPECT_EQ(counting.try_take().value() == 1 && other.try_take().value() == 1,
            stated.many_receivers);
  EXPECT_FALSE(counting.try_take());

  // By definition of the type: it carries no bytes, so nothing is copied, selected or limited, and
  // without a name nothing leads to it when nobody has it open. Equal things have only one order.
  EXPECT_EQ(stated.max_message_bytes, 0U);
  EXPECT_FALSE(stated.zero_copy || stated.carries_handles || stated.selective);
  EXPECT_FALSE(stated.survives_processes);
  EXPECT_EQ(stated.order, ordering::total);
}

TEST(Mechanisms, have_different_names) {
  const std::array names{channel_traits<local_receiver>.mechanism,
                         channel_traits<pipe_reader>.mechanism,
                         channel_traits<framed_receiver<pipe_reader>>.mechanism,
                         channel_traits<fifo_reader>.mechanism,
                         channel_traits<framed_receiver<fifo_reader>>.mechanism,
                         channel_traits<fifo_receiver>.mechanism,
                         channel_traits<system_v_queue_receiver>.mechanism,
                         channel_traits<posix_queue_receiver>.mechanism,
                         channel_traits<mailbox_receiver>.mechanism,
                         channel_traits<signal_channel_receiver>.mechanism,
                         channel_traits<ring_receiver>.mechanism,
                         channel_traits<ring_queue_receiver>.mechanism,
                         channel_traits<ring_subscriber>.mechanism,
                         channel_traits<hardened_receiver>.mechanism,
                         channel_traits<ring_connection_receiver>.mechanism,
                         channel_traits<unix_stream>.mechanism,
                         channel_traits<framed_receiver<unix_stream>>.mechanism,
                         channel_traits<unix_seqpacket>.mechanism,
                         channel_traits<unix_datagram_receiver>.mechanism,
                         channel_traits<tcp_stream>.mechanism,
                         channel_traits<framed_receiver<tcp_stream>>.mechanism,
                         channel_traits<udp_socket>.mechanism,
                         channel_traits<shared_event>.mechanism,
                         channel_traits<posix_semaphore>.mechanism,
                         channel_traits<system_v_semaphore>.mechanism,
                         channel_traits<event>.mechanism};
  EXPECT_EQ(std::set<std::string_view>(names.begin(), names.end()).size(), names.size());
}

}  // namespace sluice::test
