// Blocking and timed use, over doubles that do as they are told: what is tried how often, what a
// deadline cuts, and which failures are passed on.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <deque>
#include <functional>
#include <sluice/channel/blocking.hpp>
#include <string>
#include <vector>

namespace sluice::test {
namespace {

const failure nothing_there{std::errc::resource_unavailable_try_again, "double"};

// Each call takes the next step of its list; the last one is repeated.
struct scripted_reader {
  std::deque<result<std::size_t>> reads;
  std::deque<result<void>> waits = {{}};
  int read_calls = 0;
  int wait_calls = 0;

  result<std::size_t> try_read(mutable_bytes buffer) {
    ++read_calls;
    auto step = next(reads);
    if (step) *step = std::min(*step, buffer.size());
    if (step) std::fill_n(buffer.begin(), *step, std::byte{'r'});
    return step;
  }
  result<void> wait_readable(deadline) {
    ++wait_calls;
    return next(waits);
  }
  template <class Step>
  static Step next(std::deque<Step>& steps) {
    Step step = steps.front();
    if (steps.size() > 1) steps.pop_front();
    return step;
  }
};
static_assert(byte_reader<scripted_reader> && !waiting_reader<scripted_reader>);

struct scripted_writer {
  std::deque<result<std::size_t>> writes;
  std::deque<result<void>> waits = {{}};
  std::string written = {};
  int wait_calls = 0;

  result<std::size_t> try_write(byte_parts parts) {
    auto step = scripted_reader::next(writes);
    if (step) *step = std::min(*step, total_size(parts));
    if (step) written += text_of(parts.front()).substr(0, *step);
    return step;
  }
  result<void> wait_writable(deadline) {
    ++wait_calls;
    return scripted_reader::next(waits);
  }
};
static_assert(byte_writer<scripted_writer>);

TEST(ReadSome, tries_once_also_when_the_deadline_has_passed) {
  scripted_reader reader{.reads = {std::size_t{3}}};
  std::array<std::byte, 10> buffer;
  EXPECT_EQ(read_some(reader, buffer, deadline::now()).value(), 3U);
  EXPECT_EQ(reader.wait_calls, 0);
}

TEST(ReadSome, tries_again_when_a_wait_returned_early) {
  scripted_reader reader{.reads = {nothing_there, nothing_there, nothing_there, std::size_t{4}}};
  std::array<std::byte, 10> buffer;
  EXPECT_EQ(read_some(reader, buffer).value(), 4U);
  EXPECT_EQ(reader.wait_calls, 3);
}

TEST(ReadSome, passes_on_what_the_verb_and_the_wait_report) {
  std::array<std::byte, 10> buffer;
  scripted_reader broken{.reads = {failure{std::errc::io_error, "double"}}};
  EXPECT_EQ(read_some(broken, buffer).error(), std::errc::io_error);
  scripted_reader late{.reads = {nothing_there},
                       .waits = {failure{std::errc::timed_out, "double"}}};
  EXPECT_EQ(read_some(late, buffer, deadline::now()).error(), std::errc::timed_out);
  EXPECT_EQ(late.read_calls, 1);
}

TEST(ReadExactly, gathers_pieces_of_any_size) {
  for (std::size_t piece = 1; piece <= 10; ++piece) {
    scripted_reader reader{.reads = {piece}};
    std::array<std::byte, 10> buffer{};
    ASSERT_TRUE(read_exactly(reader, buffer));
    EXPECT_EQ(reader.read_calls, static_cast<int>((10 + piece - 1) / piece));
    EXPECT_TRUE(std::ranges::all_of(buffer, [](std::byte b) { return b == std::byte{'r'}; }));
  }
}

TEST(ReadExactly, of_nothing_does_not_even_look) {
  scripted_reader reader{.reads = {failure{std::errc::io_error, "double"}}};
  EXPECT_TRUE(read_exactly(reader, {}));
  EXPECT_EQ(reader.read_calls, 0);
}

TEST(ReadExactly, reports_an_error_inside_as_it_is_and_only_the_end_as_corrupt) {
  std::array<std::byte, 10> buffer;
  scripted_reader fails{.reads = {std::size_t{3}, failure{std::errc::io_error, "double"}}};
  EXPECT_EQ(read_exactly(fails, buffer).error(), std::errc::io_error);
  scripted_reader ends{.reads = {std::size_t{3}, failure{errc::closed, "double"}}};
  EXPECT_EQ(read_exactly(ends, buffer).error(), errc::corrupt);
  scripted_reader ended{.reads = {failure{errc::closed, "double"}}};
  EXPECT_EQ(read_exactly(ended, buffer).error(), errc::closed);
}

TEST(WriteAll, passes_on_the_rest_whatever_was_taken) {
  for (std::size_t piece = 1; piece <= 12; ++piece) {
    scripted_writer writer{.writes = {piece, nothing_there, piece}};
    ASSERT_TRUE(write_all(writer, bytes_of("hello world")));
    EXPECT_EQ(writer.written, "hello world");
  }
}

TEST(WriteAll, of_nothing_does_nothing_and_a_failure_ends_it) {
  scripted_writer broken{.writes = {std::size_t{5}, failure{std::errc::broken_pipe, "double"}}};
  EXPECT_TRUE(write_all(broken, {}));
  EXPECT_EQ(write_all(broken, bytes_of("hello world")).error(), std::errc::broken_pipe);
  EXPECT_EQ(broken.written, "hello");
}

// A channel whose front changes between the question and the receiving, as with other receivers.
struct contested_receiver {
  std::deque<std::string> fronts;  // each try_receive finds the next one
  int stolen = 0;                  // how often the front is gone when it is to be taken

  result<std::size_t> next_size() {
    if (fronts.empty()) return failure{errc::closed, "double"};
    return fronts.front().size();
  }
  result<std::size_t> try_receive(mutable_bytes buffer) {
    if (stolen > 0) {
      --stolen;
      fronts.pop_front();
      if (fronts.empty()) return nothing_there;
    }
    if (fronts.front().size() > buffer.size()) return failure{std::errc::no_buffer_space, "double"};
    const std::size_t size = copy_bytes(bytes_of(fronts.front()), buffer);
    fronts.pop_front();
    return size;
  }
  result<void> wait_readable(deadline) { return {}; }
};
static_assert(message_receiver<contested_receiver>);

TEST(ReceiveMessage, takes_what_is_in_front_when_another_receiver_was_faster) {
  contested_receiver larger{.fronts = {"small", "much larger than that"}, .stolen = 1};
  EXPECT_EQ(text_of(receive_message(larger).value()), "much larger than that");
  contested_receiver smaller{.fronts = {"much larger than that", "small"}, .stolen = 1};
  EXPECT_EQ(text_of(receive_message(smaller).value()), "small");
  contested_receiver gone{.fronts = {"stolen"}, .stolen = 1};
  EXPECT_EQ(receive_message(gone).error(), errc::closed);
}

TEST(ReceiveMessage, of_no_bytes_is_a_message) {
  contested_receiver receiver{.fronts = {"", "x"}};
  EXPECT_TRUE(receive_message(receiver).value().empty());
  EXPECT_EQ(receive_message(receiver).value().size(), 1U);
}

// Counts which form is used.
struct counting_sender {
  int tries = 0;
  int waitings = 0;
  result<void> try_send(const_bytes) { return ++tries, result<void>{}; }
  result<void> send_waiting(const_bytes) { return ++waitings, result<void>{}; }
  result<void> wait_writable(deadline) { return {}; }
  [[nodiscard]] std::size_t max_message_bytes() const { return 100; }
};
static_assert(waiting_sender<counting_sender>);

TEST(Send, without_a_deadline_waits_inside_the_call_where_the_channel_can) {
  counting_sender sender;
  EXPECT_TRUE(send(sender, {}));
  EXPECT_EQ(sender.waitings, 1);
  EXPECT_EQ(sender.tries, 0);
  EXPECT_TRUE(send(sender, {}, deadline::now()));
  EXPECT_TRUE(send(sender, {}, std::chrono::seconds{1}));
  EXPECT_EQ(sender.waitings, 1);
  EXPECT_EQ(sender.tries, 2);
}

}  // namespace
}  // namespace sluice::test
