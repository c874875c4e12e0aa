#pragma once
// What a selector promises for every channel with a descriptor: told of until it is drained, also
// where its receiver reads ahead, and wherever it was moved to.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <sluice/channel/blocking.hpp>
#include <sluice/compose/selector.hpp>
#include <utility>
#include <vector>

#include "support/asleep.hpp"
#include "support/child.hpp"

namespace sluice::test {

/// Links may say that what was sent is there a little later: it goes through a network, if only
/// through lo.
template <class Link>
inline constexpr bool comes_late = requires { requires Link::is_told_late; };

template <class Link>
class SelectorOver : public ::testing::Test {
 protected:
  // By then what was sent has come.
  [[nodiscard]] static deadline soon() {
    return comes_late<Link> ? deadline{patience} : deadline::now();
  }
  // Whether the member is told of until then. Nobody else is a member.
  bool is_told(selector_key key, deadline until = deadline::now()) {
    auto found = all.wait(until);
    if (!found) {
      EXPECT_EQ(found.error(), std::errc::timed_out);
      return false;
    }
    std::size_t count = 0;
    for (const ready& one : *found) {
      EXPECT_EQ(one.key, key);
      ++count;
    }
    EXPECT_EQ(count, 1U) << "once in each wait";
    return true;
  }
  std::optional<std::uint64_t> next() {
    std::uint64_t number = 0;
    auto got = link.receiver->try_receive(writable_bytes_of(number));
    if (got) return number;
    EXPECT_TRUE(would_block(got.error())) << got.error().message();
    return std::nullopt;
  }
  // One that was sent.
  std::optional<std::uint64_t> next_sent() {
    if (!comes_late<Link>) return next();
    std::uint64_t number = 0;
    auto got = sluice::receive(*link.receiver, writable_bytes_of(number), deadline{patience});
    EXPECT_TRUE(got) << got.error().message();
    return got ? std::optional{number} : std::nullopt;
  }
  // Of eight bytes: so it fits into each of them.
  void send(std::uint64_t number) {
    ASSERT_TRUE(link.sender->send(bytes_of(number), deadline{patience}));
  }

  Link link;
  selector all = selector::create().value();
};
TYPED_TEST_SUITE_P(SelectorOver);

TYPED_TEST_P(SelectorOver, a_member_is_told_of_until_it_is_drained) {
  const selector_key key = this->all.add_readable(*this->link.receiver).value();
  // The first time may be in vain.
  EXPECT_FALSE(this->next());
  EXPECT_FALSE(this->is_told(key));
  for (std::uint64_t number = 0; number < 3; ++number) this->send(number);
  for (std::uint64_t number = 0; number < 3; ++number) {
    ASSERT_TRUE(this->is_told(key, this->soon())) << "before message " << number;
    ASSERT_TRUE(this->is_told(key, this->soon())) << "who does not look is told again";
    EXPECT_EQ(this->next_sent(), number);
  }
  EXPECT_FALSE(this->next());
  EXPECT_FALSE(this->is_told(key));
  this->send(3);
  EXPECT_TRUE(this->is_told(key, this->soon()));
}

TYPED_TEST_P(SelectorOver, what_was_there_before_it_became_a_member_is_told_of) {
  for (std::uint64_t number = 0; number < 3; ++number) this->send(number);
  EXPECT_EQ(this->next_sent(), 0U);  // who reads ahead has all of them now
  const selector_key key = this->all.add_readable(*this->link.receiver).value();
  ASSERT_TRUE(this->is_told(key, this->soon()));
  EXPECT_EQ(this->next_sent(), 1U);
  ASSERT_TRUE(this->is_told(key, this->soon()));
}

TYPED_TEST_P(SelectorOver, what_was_received_without_being_told_hides_nothing) {
  const selector_key key = this->all.add_readable(*this->link.receiver).value();
  EXPECT_FALSE(this->next());
  EXPECT_FALSE(this->is_told(key));
  for (std::uint64_t number = 0; number < 3; ++number) this->send(number);
  EXPECT_EQ(this->next_sent(), 0U);
  ASSERT_TRUE(this->is_told(key, this->soon()));
  EXPECT_EQ(this->next_sent(), 1U);
  EXPECT_EQ(this->next_sent(), 2U);
  EXPECT_FALSE(this->next());
  EXPECT_FALSE(this->is_told(key));
}

TYPED_TEST_P(SelectorOver, a_member_may_be_moved) {
  const selector_key key = this->all.add_readable(*this->link.receiver).value();
  EXPECT_FALSE(this->next());
  auto elsewhere = std::move(*this->link.receiver);
  this->send(0);
  this->send(1);
  ASSERT_TRUE(this->is_told(key, this->soon()));
  std::uint64_t number = 7;
  ASSERT_TRUE(elsewhere.try_receive(writable_bytes_of(number)));
  EXPECT_EQ(number, 0U);
  EXPECT_TRUE(this->is_told(key, this->soon())) << "one is still there";
  this->link.receiver.emplace(std::move(elsewhere));
  EXPECT_EQ(this->next_sent(), 1U);
  EXPECT_FALSE(this->next());
  EXPECT_FALSE(this->is_told(key));
}

TYPED_TEST_P(SelectorOver, a_member_that_is_removed_is_told_of_no_more) {
  const selector_key key = this->all.add_readable(*this->link.receiver).value();
  this->send(0);
  ASSERT_TRUE(this->is_told(key, this->soon()));
  EXPECT_TRUE(this->all.remove(key));
  EXPECT_FALSE(this->all.contains(key));
  EXPECT_FALSE(this->all.remove(key));
  EXPECT_FALSE(this->is_told(key));
  // And back again, under another key.
  const selector_key again = this->all.add_readable(*this->link.receiver).value();
  EXPECT_NE(again, key);
  EXPECT_TRUE(this->is_told(again, this->soon()));
}

TYPED_TEST_P(SelectorOver, a_member_that_is_paused_is_told_of_when_it_is_resumed) {
  const selector_key key = this->all.add_readable(*this->link.receiver).value();
  EXPECT_FALSE(this->next());
  ASSERT_TRUE(this->all.pause(key));
  this->send(0);
  EXPECT_FALSE(this->is_told(key));
  ASSERT_TRUE(this->all.resume(key));
  EXPECT_TRUE(this->is_told(key, this->soon()));
  ASSERT_TRUE(this->all.pause(key));
  EXPECT_FALSE(this->is_told(key));
}

template <class Link>
class SelectorOfSenders : public SelectorOver<Link> {};
TYPED_TEST_SUITE_P(SelectorOfSenders);

TYPED_TEST_P(SelectorOfSenders, room_is_told_of_when_there_is_some) {
  const std::vector<std::byte> large(
      std::min<std::size_t>(8000, this->link.sender->max_message_bytes()));
  ASSERT_FALSE(this->next());
  const selector_key key = this->all.add_writable(*this->link.sender).value();
  EXPECT_TRUE(this->is_told(key, this->soon()));
  result<void> sent;
  while (sent) sent = this->link.sender->try_send(large);
  ASSERT_TRUE(would_block(sent.error())) << sent.error().message();
  EXPECT_FALSE(this->is_told(key));
  std::vector<std::byte> buffer(large.size());
  while (this->link.receiver->try_receive(buffer)) continue;
  EXPECT_TRUE(this->is_told(key, this->soon()));
  EXPECT_TRUE(this->link.sender->try_send(large));
}

// One side lives in another process, which sleeps and is woken: of channels whose ends may go
// there.
template <class Link>
class SelectorBetweenProcesses : public SelectorOver<Link> {};
TYPED_TEST_SUITE_P(SelectorBetweenProcesses);

TYPED_TEST_P(SelectorBetweenProcesses, a_wait_that_sleeps_is_ended_by_another_process) {
  constexpr std::uint64_t messages = 50;
  const rendezvous attached;
  child other{[&] {
    { auto unused = std::move(this->link.sender); }
    this->all = selector::create().value();  // its own
    const selector_key key = this->all.add_readable(*this->link.receiver).value();
    EXPECT_FALSE(this->next());
    attached.arrive();
    for (std::uint64_t number = 0; number < messages;) {
      auto found = this->all.wait(deadline{patience});
      ASSERT_TRUE(found) << found.error().message();
      for (const ready& one : *found) {
        EXPECT_EQ(one.key, key);
      }
      while (auto got = this->next()) EXPECT_EQ(*got, number++);
    }
  }};
  attached.wait();
  for (std::uint64_t number = 0; number < messages; ++number) {
    this->send(number);
    if (number % 10 == 0) wait_until_asleep_or_dead(other.id());
  }
  other.wait_success();
}

REGISTER_TYPED_TEST_SUITE_P(SelectorOver, a_member_is_told_of_until_it_is_drained,
                            what_was_there_before_it_became_a_member_is_told_of,
                            what_was_received_without_being_told_hides_nothing,
                            a_member_may_be_moved, a_member_that_is_removed_is_told_of_no_more,
                            a_member_that_is_paused_is_told_of_when_it_is_resumed);
REGISTER_TYPED_TEST_SUITE_P(SelectorOfSenders, room_is_told_of_when_there_is_some);
REGISTER_TYPED_TEST_SUITE_P(SelectorBetweenProcesses,
                            a_wait_that_sleeps_is_ended_by_another_process);

}  // namespace sluice::test
