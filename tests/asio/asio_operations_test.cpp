// What holds for every operation in the event loop of Asio: where and when it completes, what
// becomes of it when it is given up, and who else gets a turn.

#include <fcntl.h>
#include <sys/resource.h>

#include <array>
#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_future.hpp>
#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <sluice/channel/pipe.hpp>
#include <sluice/channel/ring_channel.hpp>
#include <sluice/compose/framed.hpp>
#include <sluice/primitive/event.hpp>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "asio/asio_support.hpp"

namespace sluice::test {
namespace {

using namespace std::chrono_literals;
using asio::experimental::awaitable_operators::operator||;
using size_result = result<std::size_t>;

/// A ring with its receiver in the loop, and a sender by whose hand the test decides when.
class AsioOperation : public testing::Test {
 protected:
  asio::io_context context;
  ring_channel ring = ring_channel::create_anonymous({.capacity_bytes = 4096}).value();
  asio_end<ring_receiver> inbox = in_loop(context, ring_receiver::attach(ring).value());
  std::optional<ring_sender> sender = ring_sender::attach(ring).value();
  std::array<std::byte, 16> buffer{};

  void put(std::string_view text) { ASSERT_TRUE(sender->try_send(bytes_of(text))); }
  [[nodiscard]] std::string next() {
    auto size = inbox.end().try_receive(buffer);
    return size ? std::string{text_of(const_bytes{buffer}.first(*size))} : size.error().message();
  }
};

TEST_F(AsioOperation, never_completes_inside_the_function_that_starts_it) {
  put("one");
  put("two");
  bool is_inside = false;
  int completed = 0;
  const auto start_one = [&](auto then) {
    is_inside = true;
    inbox.async_receive(buffer, then);
    is_inside = false;
  };
  start_one([&](size_result) {
    EXPECT_FALSE(is_inside);
    ++completed;
    start_one([&](size_result size) {
      EXPECT_FALSE(is_inside);
      EXPECT_TRUE(size);
      ++completed;
    });
    EXPECT_EQ(completed, 1) << "inside the completion";
  });
  EXPECT_EQ(completed, 0);
  run(context);
  EXPECT_EQ(completed, 2);
}

TEST_F(AsioOperation, completes_through_the_associated_executor) {
  const auto strand = asio::make_strand(context);
  put("at once");
  int completed = 0;
  for (int turn = 0; turn < 2; ++turn) {
    inbox.async_receive(buffer, asio::bind_executor(strand, [&](size_result size) {
                          EXPECT_TRUE(size);
                          EXPECT_TRUE(strand.running_in_this_thread());
                          ++completed;
                        }));
    poll(context);
  }
  EXPECT_EQ(completed, 1);
  put("later");
  run(context);
  EXPECT_EQ(completed, 2);
}

// The one that follows is started outside of the strand, and tries inside all the same.
TEST_F(AsioOperation, that_follows_another_goes_to_its_own_executor_first) {
  const auto strand = asio::make_strand(context);
  put("one");
  bool was_inside = false;
  std::optional<result<void>> outcome;
  inbox.async_receive(buffer, [&](size_result) {
    EXPECT_FALSE(strand.running_in_this_thread());
    inbox.async_retry(
        [&](ring_receiver&) -> result<void> {
          was_inside = strand.running_in_this_thread();
          return {};
        },
        asio::bind_executor(strand, into(outcome)));
  });
  run(context);
  EXPECT_TRUE(outcome && *outcome);
  EXPECT_TRUE(was_inside);
}

TEST_F(AsioOperation, shows_a_message_where_it_lies) {
  put("in place");
  std::string seen;
  start(context, [](auto& in, std::string& text) -> asio::awaitable<void> {
    const auto look = [](ring_receiver& end) { return end.try_peek(); };
    result<ring_view> view = co_await in.async_retry(look, asio::use_awaitable);
    EXPECT_TRUE(view);
    text = text_of(view->bytes());
  }(inbox, seen));
  run(context);
  EXPECT_EQ(seen, "in place");
}

TEST_F(AsioOperation, is_made_by_any_token) {
  put("one");
  put("two");
  put("three");
  auto later = inbox.async_receive(buffer, asio::deferred);  // nothing is begun yet
  std::optional<size_result> first;
  std::move(later)(into(first));
  auto second = inbox.async_receive(buffer, asio::use_future);
  using inbox_of_coroutines = asio::use_awaitable_t<>::as_default_on_t<asio_end<event>>;
  auto bell =
      inbox_of_coroutines::over(context.get_executor(), event::create({.initial = 1}).value())
          .value();
  start(context,
        [](auto& in) -> asio::awaitable<void> { EXPECT_TRUE(co_await in.async_wait()); }(bell));
  run(context);
  EXPECT_TRUE(first && *first);
  EXPECT_TRUE(second.get());
}

/// Counts what it gives and takes back.
template <class T>
struct counting_allocator {
  using value_type = T;
  int* living;
  explicit counting_allocator(int* count) : living(count) {}
  template <class U>
  counting_allocator(const counting_allocator<U>& other) : living(other.living) {}
  T* allocate(std::size_t count) {
    ++*living;
    ++allocated;
    return std::allocator<T>{}.allocate(count);
  }
  void deallocate(T* memory, std::size_t count) {
    --*living;
    std::allocator<T>{}.deallocate(memory, count);
  }
  friend bool operator==(const counting_allocator&, const counting_allocator&) = default;
  inline static int allocated = 0;
};

TEST_F(AsioOperation, takes_its_memory_from_the_associated_allocator) {
  put("one");
  put("two");
  int living = 0;
  const counting_allocator<std::byte> allocator{&living};
  std::optional<size_result> second;
  inbox.async_receive(buffer, asio::bind_allocator(allocator, [&](size_result) {
                        inbox.async_receive(buffer, asio::bind_allocator(allocator, into(second)));
                        EXPECT_GT(living, 0) << "it waits for its turn";
                      }));
  run(context);
  EXPECT_TRUE(second && *second);
  EXPECT_EQ(living, 0);
}

// --- Given up ---

class AsioCancellation : public AsioOperation,
                         public testing::WithParamInterface<asio::cancellation_type> {};
INSTANTIATE_TEST_SUITE_P(Each, AsioCancellation,
                         testing::Values(asio::cancellation_type::terminal,
                                         asio::cancellation_type::partial,
                                         asio::cancellation_type::total));

TEST_P(AsioCancellation, while_it_waits_takes_no_message) {
  asio::cancellation_signal signal;
  std::optional<size_result> given_up;
  std::optional<size_result> other;
  inbox.async_receive(buffer, asio::bind_cancellation_slot(signal.slot(), into(given_up)));
  poll(context);
  signal.emit(GetParam());
  put("for the next one");
  poll(context);
  ASSERT_TRUE(given_up);
  EXPECT_EQ(given_up->error(), std::errc::operation_canceled);
  inbox.async_receive(buffer, into(other));
  run(context);
  EXPECT_TRUE(other && *other);
}

TEST_P(AsioCancellation, before_its_turn_takes_no_message) {
  put("it is there");
  asio::cancellation_signal signal;
  std::optional<size_result> given_up;
  inbox.async_receive(buffer, asio::bind_cancellation_slot(signal.slot(), into(given_up)));
  signal.emit(GetParam());
  run(context);
  ASSERT_TRUE(given_up);
  EXPECT_EQ(given_up->error(), std::errc::operation_canceled);
  EXPECT_EQ(next(), "it is there");
}

TEST_P(AsioCancellation, in_the_round_takes_no_message) {
  put("one");
  put("two");
  asio::cancellation_signal signal;
  std::optional<size_result> given_up;
  inbox.async_receive(buffer, [&](size_result) {
    inbox.async_receive(buffer, asio::bind_cancellation_slot(signal.slot(), into(given_up)));
    signal.emit(GetParam());
  });
  run(context);
  ASSERT_TRUE(given_up);
  EXPECT_EQ(given_up->error(), std::errc::operation_canceled);
  EXPECT_EQ(next(), "two");
}

// The message came, and the loop knows of it, before it was given up.
TEST_P(AsioCancellation, after_the_wait_takes_no_message) {
  asio::cancellation_signal signal;
  std::optional<size_result> given_up;
  inbox.async_receive(buffer, asio::bind_cancellation_slot(signal.slot(), into(given_up)));
  poll(context);
  put("it came");
  context.restart();
  asio::post(context, [&] { signal.emit(GetParam()); });
  run(context);
  ASSERT_TRUE(given_up);
  if (*given_up) {
    EXPECT_EQ(text_of(const_bytes{buffer}.first(**given_up)), "it came");
  } else {
    EXPECT_EQ(next(), "it came");
  }
}

TEST_P(AsioCancellation, of_a_send_has_sent_nothing) {
  auto out = in_loop(context, std::move(*sender));
  const std::vector<std::byte> large(1500);
  int sent = 0;
  while (out.end().try_send(large)) ++sent;
  asio::cancellation_signal signal;
  std::optional<result<void>> given_up;
  out.async_send(bytes_of("never"), asio::bind_cancellation_slot(signal.slot(), into(given_up)));
  // It may still fit behind the large ones: fill what is left.
  while (out.end().try_send(bytes_of("x"))) ++sent;
  poll(context);
  EXPECT_FALSE(given_up);
  signal.emit(GetParam());
  run(context);
  ASSERT_TRUE(given_up);
  EXPECT_EQ(given_up->error(), std::errc::operation_canceled);
  std::vector<std::byte> all(2000);
  int received = 0;
  for (; auto size = inbox.end().try_receive(all); ++received) EXPECT_NE(*size, 5U);
  EXPECT_EQ(received, sent);
}

// A frame that has begun is accepted, and says so.
TEST_P(AsioCancellation, of_a_send_that_has_begun_says_that_it_is_sent) {
  auto both = pipe::create().value();
  auto in = framed_receiver<pipe_reader>::create(std::move(both.reader)).value();
  auto out = in_loop(context, framed_sender<pipe_writer>::create(std::move(both.writer)).value());
  const std::vector<std::byte> large(200'000, std::byte{7});  // more than the pipe holds
  asio::cancellation_signal signal;
  std::optional<result<void>> given_up;
  out.async_send(large, asio::bind_cancellation_slot(signal.slot(), into(given_up)));
  poll(context);
  EXPECT_FALSE(given_up) << "it waits until all of it is on its way";
  signal.emit(GetParam());
  poll(context);
  ASSERT_TRUE(given_up);
  EXPECT_TRUE(*given_up);
  std::optional<result<void>> another;
  out.async_send(bytes_of("next"), into(another));
  std::vector<std::byte> got(large.size());
  for (int look = 0; look < 100 && !another; ++look) {
    poll(context);
    static_cast<void>(in.next_size());  // reads on
  }
  EXPECT_EQ(in.try_receive(got).value(), large.size());
  EXPECT_EQ(got, large);
  run(context);
  EXPECT_TRUE(another && *another);
  EXPECT_EQ(in.try_receive(got).value(), 4U);
}

TEST_F(AsioOperation, of_which_all_are_given_up_at_once_takes_nothing) {
  std::optional<size_result> waiting;
  std::optional<size_result> starting;
  inbox.async_receive(buffer, into(waiting));
  poll(context);
  inbox.async_receive(buffer, into(starting));
  inbox.cancel();
  put("for the next one");
  run(context);
  ASSERT_TRUE(waiting && starting);
  EXPECT_EQ(waiting->error(), std::errc::operation_canceled);
  EXPECT_EQ(starting->error(), std::errc::operation_canceled);
  std::optional<size_result> after;
  inbox.async_receive(buffer, into(after));
  run(context);
  EXPECT_TRUE(after && *after) << "what comes later is not given up";
}

TEST_F(AsioOperation, has_a_deadline_by_a_timer_of_asio) {
  std::vector<std::string> seen;
  start(context, [](auto& self, std::vector<std::string>& texts) -> asio::awaitable<void> {
    for (int turn = 0; turn < 3; ++turn) {
      if (turn == 1) self.put("in time");
      asio::steady_timer timer{self.context, turn == 1 ? deadline::clock::duration{1h} : 5ms};
      auto first = co_await (self.inbox.async_receive(self.buffer, asio::use_awaitable) ||
                             timer.async_wait(asio::use_awaitable));
      texts.emplace_back(first.index() == 0 ? "message" : "timer");
      if (first.index() == 0) {
        EXPECT_TRUE(std::get<0>(first));
      }
    }
  }(*this, seen));
  run(context);
  EXPECT_EQ(seen, (std::vector<std::string>{"timer", "message", "timer"}));
  put("nobody is left");
  EXPECT_EQ(next(), "nobody is left");
}

// --- Lifetimes ---

TEST_F(AsioOperation, that_pends_when_the_context_ends_takes_nothing_and_frees_its_completion) {
  const auto alive = std::make_shared<int>();
  ring_channel other = ring_channel::create_anonymous().value();
  ring_sender source = ring_sender::attach(other).value();
  {
    asio::io_context short_lived;
    auto in = in_loop(short_lived, ring_receiver::attach(other).value());
    in.async_receive(buffer, [alive](size_result) { ADD_FAILURE() << "completed"; });
    poll(short_lived);  // this one waits for a message, the others have had no turn
    ASSERT_TRUE(source.try_send(bytes_of("stays")));
    in.async_receive(buffer, [alive](size_result) { ADD_FAILURE() << "completed"; });
    start(short_lived, [](auto& end, auto& room, auto held) -> asio::awaitable<void> {
      static_cast<void>(co_await end.async_receive(room, asio::use_awaitable));
      EXPECT_FALSE(held) << "resumed";
    }(in, buffer, alive));
    EXPECT_EQ(alive.use_count(), 4);
  }
  EXPECT_EQ(alive.use_count(), 1);
  auto successor = ring_receiver::attach(other).value();
  EXPECT_EQ(successor.try_receive(buffer).value(), 5U);
}

TEST_F(AsioOperation, is_given_up_when_its_end_goes_and_keeps_what_it_needs) {
  std::optional<size_result> waiting;
  std::optional<size_result> starting;
  {
    auto going = std::move(inbox);
    going.async_receive(buffer, into(waiting));
    poll(context);
    going.async_receive(buffer, into(starting));
  }
  put("for a successor");
  run(context);
  ASSERT_TRUE(waiting && starting);
  EXPECT_EQ(waiting->error(), std::errc::operation_canceled);
  EXPECT_EQ(starting->error(), std::errc::operation_canceled);
  // Now the role is free.
  auto successor = ring_receiver::attach(ring).value();
  EXPECT_TRUE(successor.try_receive(buffer));
}

TEST_F(AsioOperation, follows_the_end_that_is_moved) {
  std::optional<size_result> received;
  inbox.async_receive(buffer, into(received));
  poll(context);
  asio_end<ring_receiver> elsewhere = std::move(inbox);
  put("found");
  run(context);
  EXPECT_TRUE(received && *received);
  // And an end that is replaced gives its own up.
  ring_channel another = ring_channel::create_anonymous().value();
  std::optional<size_result> replaced;
  elsewhere.async_receive(buffer, into(replaced));
  elsewhere = in_loop(context, ring_receiver::attach(another).value());
  run(context);
  ASSERT_TRUE(replaced);
  EXPECT_EQ(replaced->error(), std::errc::operation_canceled);
}

TEST_F(AsioOperation, that_follows_a_completion_that_throws_is_not_lost) {
  put("one");
  put("two");
  std::optional<size_result> second;
  inbox.async_receive(buffer, [&](size_result) {
    inbox.async_receive(buffer, into(second));
    throw std::runtime_error{"of the user"};
  });
  EXPECT_THROW(context.run(), std::runtime_error);
  EXPECT_FALSE(second);
  run(context);
  EXPECT_TRUE(second && *second);
}

// --- Others ---

TEST_F(AsioOperation, that_always_finds_a_message_lets_others_have_their_turn) {
  put("the first");
  int received = 0;
  bool has_timer_run = false;
  asio::steady_timer timer{context, 0s};
  std::function<void(size_result)> again = [&](size_result size) {
    EXPECT_TRUE(size);
    ++received;
    if (has_timer_run || received > 100'000) return;
    put("and the next");
    inbox.async_receive(buffer, again);
  };
  inbox.async_receive(buffer, [&](size_result size) {
    timer.async_wait([&](auto) { has_timer_run = true; });
    again(std::move(size));
  });
  run(context);
  EXPECT_TRUE(has_timer_run) << "after " << received;
  EXPECT_LE(received, 100'000);
}

TEST_F(AsioOperation, makes_no_thread) {
  const auto threads = [] {
    const std::filesystem::directory_iterator all{"/proc/self/task"};
    return std::distance(begin(all), end(all));
  };
  ASSERT_EQ(threads(), 1);
  std::ptrdiff_t during = 0;
  auto future = inbox.async_receive(buffer, asio::use_future);
  inbox.async_receive(buffer, [&](size_result) { during = threads(); });
  start(context, [](auto& in, auto& room) -> asio::awaitable<void> {
    static_cast<void>(co_await in.async_receive(room, asio::use_awaitable));
  }(inbox, buffer));
  poll(context);
  for (int message = 0; message < 3; ++message) put("message");
  run(context);
  EXPECT_TRUE(future.get());
  EXPECT_EQ(during, 1);
  EXPECT_EQ(threads(), 1);
}

TEST_F(AsioOperation, reports_what_the_verb_reports) {
  auto out = in_loop(context, std::move(*sender));
  std::optional<result<void>> sent;
  const std::vector<std::byte> too_large(4096);
  out.async_send(too_large, into(sent));
  run(context);
  ASSERT_TRUE(sent);
  EXPECT_EQ(sent->error(), std::errc::message_size);
}

// Each descriptor that an end needs, and those of the reactor of a new context, missing in turn.
TEST(AsioEnd, without_descriptors_says_so) {
  rlimit usual{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &usual), 0);
  int refused = 0;
  for (rlim_t spare = 0;; ++spare) {
    auto one = event::create({.initial = 1}).value();
    asio::io_context context;
    const rlimit few{.rlim_cur = static_cast<rlim_t>(one.native_handle()) + 1 + spare,
                     .rlim_max = usual.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
    auto looped = asio_end<event>::over(context, std::move(one));
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &usual), 0);
    if (looped) break;
    EXPECT_EQ(looped.error(), std::errc::too_many_files_open);
    ++refused;
  }
  EXPECT_GE(refused, 2);
}

TEST(AsioEnd, of_what_cannot_be_polled_is_refused) {
  asio::io_context context;
  struct file {
    unique_fd fd;
    [[nodiscard]] int native_handle() const noexcept { return fd.get(); }
  };
  auto refused = asio_end<file>::over(
      context, file{unique_fd{::open("/proc/self/maps", O_RDONLY | O_CLOEXEC)}});
  EXPECT_EQ(refused.error(), std::errc::operation_not_permitted);
}

}  // namespace
}  // namespace sluice::test
