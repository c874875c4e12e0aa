// What holds for every operation in the event loop of Asio: where and when it completes, who else
// gets a turn, and what is refused.

#include <fcntl.h>
#include <sys/resource.h>

#include <array>
#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_future.hpp>
#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <sluice/channel/ring_channel.hpp>
#include <sluice/primitive/event.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "asio/asio_operation_fixture.hpp"

namespace sluice::test {
namespace {

using namespace std::chrono_literals;

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

TEST_F(AsioOperation, is_of_any_executor) {
  using plain = asio_end<ring_receiver, asio::io_context::executor_type>;
  using kept_apart = asio_end<event, asio::strand<asio::io_context::executor_type>>;
  const auto another = ring_channel::create_anonymous().value();
  auto in = plain::over(context, ring_receiver::attach(another).value()).value();
  auto out = ring_sender::attach(another).value();
  ASSERT_TRUE(out.try_send(bytes_of("one")));
  const auto strand = asio::make_strand(context);
  auto bell = kept_apart::over(strand, event::create({.initial = 1}).value()).value();
  std::optional<size_result> received;
  bool is_in_strand = false;
  in.async_receive(buffer, into(received));
  bell.async_wait([&](result<void>) { is_in_strand = strand.running_in_this_thread(); });
  run(context);
  EXPECT_TRUE(received && *received);
  EXPECT_TRUE(is_in_strand);
  EXPECT_EQ(bell.get_executor(), strand);
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
  // The sanitizer takes descriptors to look at the exception that Asio throws: no reactor there.
  const bool has_reactor = slowness() > 1;
  rlimit usual{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &usual), 0);
  int refused = 0;
  for (rlim_t spare = 0;; ++spare) {
    asio::io_context context;
    std::optional<asio_end<event>> first;
    if (has_reactor) first = in_loop(context, event::create().value());
    auto one = event::create({.initial = 1}).value();
    const rlimit few{.rlim_cur = static_cast<rlim_t>(one.native_handle()) + 1 + spare,
                     .rlim_max = usual.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
    auto looped = asio_end<event>::over(context, std::move(one));
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &usual), 0);
    if (looped) break;
    EXPECT_EQ(looped.error(), std::errc::too_many_files_open);
    ++refused;
  }
  EXPECT_GE(refused, has_reactor ? 1 : 2);
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
