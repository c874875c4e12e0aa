// Values over message channels: what is a value of the type, and what is refused.

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <sluice/channel/fifo_channel.hpp>
#include <sluice/channel/local_channel.hpp>
#include <sluice/channel/pipe.hpp>
#include <sluice/compose/framed.hpp>
#include <sluice/compose/typed.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/child.hpp"
#include "support/isolation.hpp"

namespace sluice::test {

struct tick {
  std::uint64_t sequence = 0;
  double price = 0;
  friend bool operator==(const tick&, const tick&) = default;
};

// The same bytes, another meaning.
struct tock {
  std::uint64_t sequence = 0;
  double price = 0;
};

// Two programs' views of one type: they agree on its name.
struct quote_here {
  static constexpr std::string_view type_name = "quote/1";
  std::uint32_t value = 0;
};
struct quote_there {
  static constexpr std::string_view type_name = "quote/1";
  std::uint32_t number = 0;
};
struct quote_later {
  static constexpr std::string_view type_name = "quote/2";
  std::uint32_t value = 0;
};

// A type that is not copied as it lies in memory.
struct shopping_list {
  std::vector<std::string> items;
};

}  // namespace sluice::test

template <>
struct sluice::codec<sluice::test::shopping_list> {
  using list = sluice::test::shopping_list;
  static std::size_t encoded_size(const list& value) {
    std::size_t size = 0;
    for (const std::string& item : value.items) size += item.size() + 1;
    return size;
  }
  static void encode(const list& value, mutable_bytes into) {
    for (const std::string& item : value.items) {
      copy_bytes(bytes_of(std::string_view{item.c_str(), item.size() + 1}), into);
      into = into.subspan(item.size() + 1);
    }
  }
  static result<list> decode(const_bytes from) {
    list value;
    std::string_view rest = text_of(from);
    while (!rest.empty()) {
      const auto end = rest.find('\0');
      if (end == rest.npos)
        return failure{errc::corrupt, "codec<shopping_list>", "an item without its end"};
      value.items.emplace_back(rest.substr(0, end));
      rest.remove_prefix(end + 1);
    }
    return value;
  }
};

namespace sluice::test {
namespace {

template <class Sent, class Received = Sent>
struct typed_local {
  local_channel both = local_channel::create().value();
  local_sender raw = both.sender.duplicate();
  typed_sender<Sent, local_sender> sender{std::move(both.sender)};
  typed_receiver<Received, local_receiver> receiver{std::move(both.receiver)};
};

TEST(Typed, values_arrive_as_they_were) {
  typed_local<tick> link;
  for (std::uint64_t count = 0; count < 10; ++count)
    ASSERT_TRUE(link.sender.try_send({.sequence = count, .price = 1.5}));
  for (std::uint64_t count = 0; count < 10; ++count)
    EXPECT_EQ(link.receiver.try_receive().value(), (tick{.sequence = count, .price = 1.5}));
  EXPECT_TRUE(would_block(link.receiver.try_receive().error()));
}

TEST(Typed, text_of_any_length_arrives) {
  typed_local<std::string> link;
  for (const std::size_t size : {0U, 1U, 55U, 56U, 57U, 64U, 65U, 1000U, 500'000U}) {
    const std::string text(size, 't');
    ASSERT_TRUE(link.sender.try_send(text)) << size;
    EXPECT_EQ(link.receiver.try_receive().value(), text);
  }
  const std::string with_zeros("a\0b", 3);
  ASSERT_TRUE(link.sender.try_send(with_zeros));
  EXPECT_EQ(link.receiver.try_receive().value(), with_zeros);
}

TEST(Typed, a_codec_of_the_user_is_used) {
  typed_local<shopping_list> link;
  const shopping_list list{.items = {"bread", "", "milk"}};
  ASSERT_TRUE(link.sender.try_send(list));
  EXPECT_EQ(link.receiver.try_receive().value().items, list.items);
  ASSERT_TRUE(link.sender.try_send({}));
  EXPECT_TRUE(link.receiver.try_receive().value().items.empty());
}

TEST(Typed, another_type_is_incompatible_and_does_not_stand_in_the_way) {
  auto both = local_channel::create().value();
  typed_sender<tock, local_sender> wrong{both.sender.duplicate()};
  typed_sender<tick, local_sender> right{std::move(both.sender)};
  typed_receiver<tick, local_receiver> receiver{std::move(both.receiver)};
  ASSERT_TRUE(wrong.try_send({}));
  ASSERT_TRUE(right.try_send({.sequence = 7}));
  auto received = receiver.try_receive();
  ASSERT_FALSE(received);
  EXPECT_EQ(received.error(), errc::incompatible);
  EXPECT_EQ(receiver.try_receive().value().sequence, 7U);
}

TEST(Typed, what_a_type_is_called_decides_and_not_how_it_is_written) {
  typed_local<quote_here, quote_there> same;
  ASSERT_TRUE(same.sender.try_send({.value = 5}));
  EXPECT_EQ(same.receiver.try_receive().value().number, 5U);
  typed_local<quote_here, quote_later> newer;
  ASSERT_TRUE(newer.sender.try_send({.value = 5}));
  EXPECT_EQ(newer.receiver.try_receive().error(), errc::incompatible);
}

TEST(Typed, a_message_too_short_for_a_type_is_corrupt) {
  typed_local<tick> link;
  for (std::size_t size = 0; size < type_header::size_bytes; ++size)
    ASSERT_TRUE(link.raw.try_send(std::vector<std::byte>(size)));
  ASSERT_TRUE(link.sender.try_send({.sequence = 1}));
  for (std::size_t size = 0; size < type_header::size_bytes; ++size)
    EXPECT_EQ(link.receiver.try_receive().error(), errc::corrupt) << size;
  EXPECT_EQ(link.receiver.try_receive().value().sequence, 1U);
}

TEST(Typed, a_value_that_cannot_be_decoded_is_corrupt) {
  typed_local<tick> link;
  std::vector<std::byte> message(type_header::size_bytes + sizeof(tick));
  type_header::encode(type_hash<tick>(), message);
  for (const std::size_t size : {message.size() - 1, type_header::size_bytes})
    ASSERT_TRUE(link.raw.try_send(const_bytes{message}.first(size)));
  message.push_back(std::byte{0});
  ASSERT_TRUE(link.raw.try_send(message));
  for (int wrong = 0; wrong < 3; ++wrong)
    EXPECT_EQ(link.receiver.try_receive().error(), errc::corrupt);

  typed_local<shopping_list> lists;
  std::vector<std::byte> no_end(type_header::size_bytes + 1, std::byte{'x'});
  type_header::encode(type_hash<shopping_list>(), no_end);
  ASSERT_TRUE(lists.raw.try_send(no_end));
  EXPECT_EQ(lists.receiver.try_receive().error(), errc::corrupt);
}

TEST(Typed, deadlines_and_ends_are_those_of_the_channel) {
  typed_local<tick> link;
  EXPECT_EQ(link.receiver.receive(deadline::now()).error(), std::errc::timed_out);
  EXPECT_EQ(link.receiver.wait_readable(deadline::now()).error(), std::errc::timed_out);
  ASSERT_TRUE(link.sender.send({.sequence = 3}, deadline::now()));
  EXPECT_TRUE(link.receiver.wait_readable(deadline::now()));
  EXPECT_EQ(link.receiver.receive().value().sequence, 3U);
  while (link.sender.try_send({})) {
  }
  EXPECT_EQ(link.sender.send({}, std::chrono::milliseconds{1}).error(), std::errc::timed_out);
  EXPECT_EQ(link.sender.wait_writable(deadline::now()).error(), std::errc::timed_out);
}

// The same between two processes, over each channel that crosses them.
template <class Sender, class Receiver>
void text_crosses(Sender& sender, Receiver& receiver) {
  typed_sender<std::string, Sender> typed{std::move(sender)};
  child other{[&] {
    for (std::size_t size = 0; size < 200'000; size = size * 3 + 1)
      ASSERT_TRUE(typed.send(std::string(size, 'x'), deadline{patience}));
  }};
  { const auto ends_here = std::move(typed); }
  typed_receiver<std::string, Receiver> received{std::move(receiver)};
  for (std::size_t size = 0; size < 200'000; size = size * 3 + 1)
    EXPECT_EQ(received.receive(deadline{patience}).value(), std::string(size, 'x'));
  EXPECT_EQ(received.receive().error(), errc::closed);
  other.wait_success();
}

TEST(Typed, text_crosses_a_framed_pipe) {
  auto both = pipe::create().value();
  auto sender = framed_sender<pipe_writer>::create(std::move(both.writer)).value();
  auto receiver = framed_receiver<pipe_reader>::create(std::move(both.reader)).value();
  text_crosses(sender, receiver);
}

TEST(Typed, text_crosses_a_fifo) {
  const std::string name = unique_name();
  const fifo named = fifo::create(name).value();
  auto receiver = fifo_receiver::open(name).value();
  auto sender = fifo_sender::open(name).value();
  text_crosses(sender, receiver);
}

}  // namespace
}  // namespace sluice::test
