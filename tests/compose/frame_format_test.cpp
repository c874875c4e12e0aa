// Holds docs/frame-format.md against the code. The golden bytes are read from the page; where a
// format leaves something to chance (the sender's number), the test encodes by the words of the
// page, independently of the library, and first proves that encoder by the golden bytes.

#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cstdint>
#include <fstream>
#include <map>
#include <sluice/sluice.hpp>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/child.hpp"

namespace {

using sluice::test::patience;
using byte_vector = std::vector<std::byte>;

// The blocks "```hex <label>" of the page, by label.
std::map<std::string, byte_vector> read_golden_blocks() {
  std::ifstream page{SLUICE_FRAME_FORMAT_PAGE};
  if (!page) throw std::runtime_error{"cannot read " SLUICE_FRAME_FORMAT_PAGE};
  std::map<std::string, byte_vector> blocks;
  byte_vector* open = nullptr;
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with("```hex ")) {
      open = &blocks[line.substr(7)];
    } else if (line.starts_with("```")) {
      open = nullptr;
    } else if (open != nullptr) {
      std::istringstream words{line.substr(0, line.find('#'))};
      for (std::string word; words >> word;)
        open->push_back(static_cast<std::byte>(std::stoi(word, nullptr, 16)));
    }
  }
  return blocks;
}

byte_vector golden(const std::string& label) {
  static const auto blocks = read_golden_blocks();
  return blocks.at(label);
}

byte_vector joined(std::initializer_list<sluice::const_bytes> parts) {
  byte_vector all;
  for (sluice::const_bytes part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

byte_vector letters(std::size_t count) { return byte_vector(count, std::byte{'a'}); }

void append_number(byte_vector& to, std::uint64_t number, int size) {
  for (int i = 0; i < size; ++i, number >>= 8) to.push_back(static_cast<std::byte>(number & 0xff));
}

std::uint64_t number_at(sluice::const_bytes bytes, std::size_t offset, std::size_t size) {
  std::uint64_t number = 0;
  for (std::size_t i = size; i-- > 0;)
    number = number << 8 | std::to_integer<std::uint64_t>(bytes[offset + i]);
  return number;
}

// A fragment by the words of section 2.
struct fragment_fields {
  std::uint64_t sender = 0x0123'4567'89ab'cdef;
  std::uint32_t sequence = 0;
  std::uint32_t total = 0;
  std::uint32_t offset = 0;
};

byte_vector fragment_by_the_page(const fragment_fields& fields, sluice::const_bytes payload) {
  byte_vector rest;
  append_number(rest, fields.sender, 8);
  append_number(rest, fields.sequence, 4);
  append_number(rest, fields.total, 4);
  append_number(rest, fields.offset, 4);
  append_number(rest, payload.size(), 4);
  std::uint64_t hash = 0x6746'4c53;
  for (std::size_t at = 0; at < rest.size(); at += 8) {
    hash = (hash ^ number_at(rest, at, 8)) * 0x9e37'79b9'7f4a'7c15;
    hash ^= hash >> 32;
  }
  byte_vector header;
  append_number(header, 0x6746'4c53, 4);
  append_number(header, hash, 4);
  return joined({header, rest, payload});
}

// Everything that can be read now.
template <class Reader>
byte_vector drained(Reader& reader) {
  byte_vector all;
  std::array<std::byte, 65536> buffer;
  while (auto got = reader.try_read(buffer))
    all = joined({all, sluice::const_bytes{buffer}.first(*got)});
  return all;
}

// What the receiver hands out, as text, to the end of the stream; "<corrupt>" where it reports
// that.
template <class Receiver>
std::vector<std::string> received_from(Receiver& receiver) {
  std::vector<std::string> seen;
  for (;;) {
    auto message = sluice::receive_message(receiver, patience);
    if (message) {
      seen.emplace_back(sluice::text_of(*message));
    } else if (message.error() == sluice::errc::corrupt) {
      seen.emplace_back("<corrupt>");
    } else {
      seen.emplace_back(message.error() == sluice::errc::closed ? "<closed>"
                                                                : message.error().message());
      return seen;
    }
  }
}

using sequence = std::vector<std::string>;

// --- 1. Frames ----------------------------------------------------------------------------------

sluice::framed_receiver<sluice::pipe_reader> framed_receiver_of(sluice::const_bytes bytes) {
  auto pipe = sluice::pipe::create().value();
  pipe.writer.write_all(bytes, patience).value();
  return sluice::framed_receiver<sluice::pipe_reader>::create(std::move(pipe.reader)).value();
}

TEST(FrameFormat, a_sender_writes_the_golden_frames) {
  auto pipe = sluice::pipe::create().value();
  auto sender = sluice::framed_sender<sluice::pipe_writer>::create(std::move(pipe.writer)).value();
  sender.send(sluice::bytes_of("hello"), patience).value();
  EXPECT_EQ(drained(pipe.reader), golden("frame-hello"));
  sender.send({}, patience).value();
  EXPECT_EQ(drained(pipe.reader), golden("frame-empty"));
}

TEST(FrameFormat, a_receiver_understands_the_golden_frames) {
  auto receiver = framed_receiver_of(
      joined({golden("frame-hello"), golden("frame-empty"), golden("frame-hello")}));
  EXPECT_EQ(received_from(receiver), (sequence{"hello", "", "hello", "<closed>"}));
}

TEST(FrameFormat, a_stream_that_ends_inside_a_frame_is_reported_once_at_every_length) {
  const byte_vector frame = golden("frame-hello");
  for (std::size_t size = 1; size < frame.size(); ++size) {
    auto receiver = framed_receiver_of(joined({frame, sluice::const_bytes{frame}.first(size)}));
    EXPECT_EQ(received_from(receiver), (sequence{"hello", "<corrupt>", "<closed>"}))
        << "cut after " << size << " bytes";
  }
}

TEST(FrameFormat, a_header_that_must_be_refused_is_refused_for_ever) {
  for (const char* label : {"frame-wrong-check", "frame-too-long"}) {
    auto receiver = framed_receiver_of(joined({golden(label), golden("frame-hello")}));
    std::array<std::byte, 16> buffer;
    for (int call = 0; call < 3; ++call) {
      auto received = receiver.try_receive(buffer);
      ASSERT_FALSE(received) << label;
      EXPECT_EQ(received.error(), sluice::errc::corrupt) << label;
    }
  }
}

// --- 2. Fragments -------------------------------------------------------------------------------

class FragmentFormat : public testing::Test {
 protected:
  static constexpr const char* name = "fragments";

  // What a receiver makes of these bytes; the writer leaves after them.
  sequence received(sluice::const_bytes bytes, const sluice::fifo_receiver_options& options = {}) {
    auto receiver = sluice::fifo_receiver::open(name, options).value();
    sluice::fifo_writer::open(name, patience).value().write_all(bytes, patience).value();
    auto seen = received_from(receiver);
    spoilt_ = receiver.spoilt();
    return seen;
  }

  std::uint64_t spoilt_ = 0;

 private:
  sluice::fifo fifo_ = sluice::fifo::create(name).value();
};

TEST_F(FragmentFormat, the_page_and_its_golden_bytes_agree) {
  const auto text = sluice::bytes_of("hello");
  EXPECT_EQ(fragment_by_the_page({.sequence = 7, .total = 5}, text), golden("fragment-hello"));
  EXPECT_EQ(fragment_by_the_page({.sequence = 8}, {}), golden("fragment-empty"));
  EXPECT_EQ(fragment_by_the_page({.sequence = 9, .total = 4071}, letters(4064)),
            joined({golden("fragment-first-header"), letters(4064)}));
  EXPECT_EQ(fragment_by_the_page({.sequence = 9, .total = 4071, .offset = 4064}, letters(7)),
            golden("fragment-second"));
}

TEST_F(FragmentFormat, a_sender_writes_what_the_page_says) {
  auto reader = sluice::fifo_reader::open(name).value();
  auto sender = sluice::fifo_sender::open(name, patience).value();
  sender.send(sluice::bytes_of("hello"), patience).value();
  const byte_vector first = drained(reader);
  ASSERT_EQ(first.size(), 37U);
  const std::uint64_t number = number_at(first, 8, 8);
  EXPECT_EQ(first, fragment_by_the_page({.sender = number, .total = 5}, sluice::bytes_of("hello")));

  sender.send(letters(4071), patience).value();
  const fragment_fields head{.sender = number, .sequence = 1, .total = 4071};
  const fragment_fields tail{.sender = number, .sequence = 1, .total = 4071, .offset = 4064};
  EXPECT_EQ(drained(reader), joined({fragment_by_the_page(head, letters(4064)),
                                     fragment_by_the_page(tail, letters(7))}));
}

TEST_F(FragmentFormat, a_sender_in_a_forked_child_sends_under_a_number_of_its_own) {
  // F16: under one number the fragments of parent and child would be put together.
  auto reader = sluice::fifo_reader::open(name).value();
  auto sender = sluice::fifo_sender::open(name, patience).value();
  sluice::test::child{[&] { sender.send(letters(4071), patience).value(); }}.wait_success();
  const byte_vector of_child = drained(reader);
  sender.send(letters(4071), patience).value();
  const byte_vector of_parent = drained(reader);
  ASSERT_EQ(of_child.size(), of_parent.size());
  EXPECT_NE(number_at(of_child, 8, 8), number_at(of_parent, 8, 8));
}

TEST_F(FragmentFormat, a_receiver_understands_the_golden_fragments_in_any_mixture_of_senders) {
  const byte_vector other = fragment_by_the_page({.sender = 1, .total = 2}, sluice::bytes_of("me"));
  const byte_vector all =
      joined({golden("fragment-hello"), golden("fragment-empty"), golden("fragment-first-header"),
              letters(4064), other, golden("fragment-second")});
  EXPECT_EQ(received(all), (sequence{"hello", "", "me", std::string(4071, 'a'), "<closed>"}));
  EXPECT_EQ(spoilt_, 0U);
}

TEST_F(FragmentFormat, bytes_that_are_no_fragment_are_skipped_and_reported_once_per_gap) {
  byte_vector wrong_check = golden("fragment-hello");
  wrong_check[5] ^= std::byte{1};
  const byte_vector all = joined({golden("fragment-hello"), sluice::bytes_of("echo hi\n"),
                                  golden("fragment-hello"), wrong_check, golden("fragment-hello")});
  EXPECT_EQ(received(all),
            (sequence{"hello", "<corrupt>", "hello", "<corrupt>", "hello", "<closed>"}));
  EXPECT_EQ(received(letters(100)), (sequence{"<corrupt>", "<closed>"}));
}

TEST_F(FragmentFormat, headers_with_impossible_sizes_are_no_headers) {
  const byte_vector beyond_total =
      fragment_by_the_page({.total = 4, .offset = 0}, sluice::bytes_of("hello"));
  const byte_vector offset_beyond =
      fragment_by_the_page({.total = 4, .offset = 0xffff'ffff}, sluice::bytes_of("me"));
  const byte_vector no_progress = fragment_by_the_page({.total = 4, .offset = 2}, {});
  const byte_vector above_maximum = fragment_by_the_page({.total = 5000}, letters(4065));
  for (const auto& impossible : {beyond_total, offset_beyond, no_progress, above_maximum}) {
    EXPECT_EQ(received(joined({impossible, golden("fragment-hello")})),
              (sequence{"<corrupt>", "hello", "<closed>"}));
  }
}

TEST_F(FragmentFormat, a_message_that_its_sender_gave_up_is_counted_and_the_next_arrives) {
  const byte_vector next = joined(
      {fragment_by_the_page({.sequence = 10, .total = 3}, letters(2)),
       fragment_by_the_page({.sequence = 10, .total = 3, .offset = 2}, sluice::bytes_of("b"))});
  EXPECT_EQ(received(joined({golden("fragment-first-header"), letters(4064), next})),
            (sequence{"aab", "<closed>"}));
  EXPECT_EQ(spoilt_, 1U);
}

TEST_F(FragmentFormat, fragments_of_any_size_are_joined_wherever_a_read_cuts_them) {
  // Of one byte and of all that fits, and so many that what is read at once ends inside a message.
  byte_vector all;
  sequence expected;
  for (std::uint32_t message = 0; message < 60; ++message) {
    const std::uint32_t first = message % 3 == 0 ? 1 : 4064;
    const std::uint32_t last = message % 2 == 0 ? 4064 : 1 + message;
    const std::uint32_t total = first + 300 + last;
    std::uint32_t offset = 0;
    std::string text;
    for (const std::uint32_t size : {first, 300U, last}) {
      const std::string part(size, static_cast<char>('a' + (message + offset) % 26));
      all =
          joined({all, fragment_by_the_page({.sequence = message, .total = total, .offset = offset},
                                            sluice::bytes_of(part))});
      text += part;
      offset += size;
    }
    expected.push_back(text);
  }
  expected.emplace_back("<closed>");
  auto receiver = sluice::fifo_receiver::open(name).value();
  sluice::test::child writer{
      [&] { sluice::fifo_writer::open(name, patience).value().write_all(all, patience).value(); }};
  sequence seen;
  std::vector<char> buffer(10'000);
  for (;;) {
    auto got = receiver.receive(std::as_writable_bytes(std::span{buffer}));
    seen.push_back(got ? std::string(buffer.data(), *got) : "<closed>");
    if (!got) break;
  }
  writer.wait_success();
  EXPECT_EQ(seen, expected);
  EXPECT_EQ(receiver.spoilt(), 0U);
}

TEST_F(FragmentFormat, a_fragment_that_does_not_continue_its_message_spoils_it) {
  const byte_vector head = joined({golden("fragment-first-header"), letters(4064)});
  const fragment_fields wrong_sequence{.sequence = 10, .total = 4071, .offset = 4064};
  const fragment_fields wrong_total{.sequence = 9, .total = 4072, .offset = 4064};
  const fragment_fields wrong_offset{.sequence = 9, .total = 4071, .offset = 4063};
  for (const auto& fields : {wrong_sequence, wrong_total, wrong_offset}) {
    EXPECT_EQ(received(joined({head, fragment_by_the_page(fields, letters(7)),
                               golden("fragment-second"), golden("fragment-hello")})),
              (sequence{"hello", "<closed>"}));
    EXPECT_EQ(spoilt_, 1U);
  }
}

TEST_F(FragmentFormat, a_single_fragment_does_not_disturb_an_unfinished_message) {
  EXPECT_EQ(received(joined({golden("fragment-first-header"), letters(4064),
                             golden("fragment-hello"), golden("fragment-second")})),
            (sequence{"hello", std::string(4071, 'a'), "<closed>"}));
}

TEST_F(FragmentFormat, the_limits_of_the_receiver_bound_what_it_holds) {
  const byte_vector long_one =
      joined({golden("fragment-first-header"), letters(4064), golden("fragment-second")});
  EXPECT_EQ(received(joined({long_one, golden("fragment-hello")}), {.max_message_bytes = 4070}),
            (sequence{"hello", "<closed>"}));
  EXPECT_EQ(spoilt_, 1U);
  EXPECT_EQ(received(joined({golden("fragment-hello"), golden("fragment-empty")}),
                     {.max_message_bytes = 4}),
            (sequence{"", "<closed>"}));
  EXPECT_EQ(spoilt_, 1U);

  // Two begin where one may: the oldest is given up.
  const byte_vector other = fragment_by_the_page({.sender = 1, .total = 3}, letters(2));
  const byte_vector other_end =
      fragment_by_the_page({.sender = 1, .total = 3, .offset = 2}, sluice::bytes_of("b"));
  EXPECT_EQ(received(joined({golden("fragment-first-header"), letters(4064), other,
                             golden("fragment-second"), other_end}),
                     {.max_unfinished = 1}),
            (sequence{"aab", "<closed>"}));
  EXPECT_EQ(spoilt_, 1U);
}

TEST_F(FragmentFormat, an_end_inside_a_message_or_a_fragment_is_reported_once) {
  EXPECT_EQ(received(joined({golden("fragment-first-header"), letters(4064)})),
            (sequence{"<corrupt>", "<closed>"}));
  EXPECT_EQ(spoilt_, 1U);
  const byte_vector whole = golden("fragment-hello");
  for (std::size_t size = 1; size < whole.size(); ++size)
    EXPECT_EQ(received(sluice::const_bytes{whole}.first(size)), (sequence{"<corrupt>", "<closed>"}))
        << "cut after " << size << " bytes";
}

// --- 3. The typed prefix ------------------------------------------------------------------------

struct tick {
  static constexpr std::string_view type_name = "example.tick/1";
  std::uint64_t sequence = 0;
  std::uint32_t price = 0;
  std::uint32_t volume = 0;
};

TEST(TypedFormat, a_sender_writes_the_golden_value) {
  if (std::endian::native != std::endian::little)
    GTEST_SKIP() << "the value on the page is that of a little-endian machine";
  auto channel = sluice::local_channel::create().value();
  sluice::typed_sender<tick, sluice::local_sender> sender{std::move(channel.sender)};
  sender.send({.sequence = 1, .price = 250, .volume = 3}, patience).value();
  EXPECT_EQ(sluice::receive_message(channel.receiver, patience).value(), golden("typed-tick"));
}

TEST(TypedFormat, a_message_of_another_size_or_type_is_taken_and_reported) {
  if (std::endian::native != std::endian::little)
    GTEST_SKIP() << "the value on the page is that of a little-endian machine";
  const byte_vector whole = golden("typed-tick");
  byte_vector other_type = whole;
  other_type[0] ^= std::byte{1};
  auto channel = sluice::local_channel::create().value();
  sluice::typed_receiver<tick, sluice::local_receiver> receiver{std::move(channel.receiver)};
  for (sluice::const_bytes message :
       {sluice::const_bytes{whole}.first(7), sluice::const_bytes{other_type},
        sluice::const_bytes{whole}.first(23), sluice::const_bytes{whole}})
    channel.sender.send(message, patience).value();

  EXPECT_EQ(receiver.receive(patience).error(), sluice::errc::corrupt);
  EXPECT_EQ(receiver.receive(patience).error(), sluice::errc::incompatible);
  EXPECT_EQ(receiver.receive(patience).error(), sluice::errc::corrupt);
  EXPECT_EQ(receiver.receive(patience).value().price, 250U);
}

}  // namespace
