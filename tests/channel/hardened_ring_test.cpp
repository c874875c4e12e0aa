#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <random>
#include <sluice/channel/hardened_ring.hpp>
#include <string>
#include <thread>
#include <vector>

#include "channel/hostile_peer.hpp"
#include "support/another_user.hpp"
#include "support/asleep.hpp"
#include "support/child.hpp"
#include "support/handle_passing.hpp"
#include "support/history.hpp"

namespace sluice {
namespace {

using namespace std::chrono_literals;
using test::child;
using test::forged_side;
using test::patience;
using test::rendezvous;

unique_fd copy_of(int fd) { return unique_fd{::fcntl(fd, F_DUPFD_CLOEXEC, 0)}; }

std::string next(hardened_receiver& receiver) {
  auto got = receive_message(receiver, deadline{patience});
  return got ? std::string{text_of(*got)} : got.error().message();
}

// Both ends in one process.
struct pair_of_ends {
  explicit pair_of_ends(std::size_t capacity = 4096, ring_wait_options wait = {})
      : sender(hardened_sender::create({.capacity_bytes = capacity, .wait = wait}).value()),
        receiver(hardened_receiver::create({.wait = wait}).value()) {
    EXPECT_TRUE(sender->connect(copy_of(receiver->native_handle())));
    EXPECT_TRUE(receiver->connect(copy_of(sender->native_handle())));
  }
  std::optional<hardened_sender> sender;
  std::optional<hardened_receiver> receiver;
};

TEST(HardenedRing, hands_messages_over_by_copy_and_written_in_place) {
  pair_of_ends ends;
  ASSERT_TRUE(ends.sender->try_send(bytes_of("copied")));
  {
    auto window = ends.sender->try_claim(100).value();
    copy_bytes(bytes_of("written here"), window.bytes());
    window.commit(12);
  }
  static_cast<void>(ends.sender->try_claim(100).value());  // and given up
  EXPECT_EQ(next(*ends.receiver), "copied");
  EXPECT_EQ(next(*ends.receiver), "written here");
  EXPECT_TRUE(would_block(ends.receiver->next_size().error()));
  EXPECT_EQ(ends.receiver->counters().sent, 2U);
  EXPECT_EQ(ends.sender->counters().received, 2U);
  EXPECT_EQ(ends.sender->peer().value(), ring_presence::alive);
}

TEST(HardenedRing, sends_before_it_is_connected_and_says_when_a_wait_cannot_be) {
  auto sender = hardened_sender::create({.capacity_bytes = 4096}).value();
  auto receiver = hardened_receiver::create().value();
  EXPECT_EQ(sender.peer().value(), ring_presence::nobody);
  EXPECT_EQ(receiver.next_size().error(), std::errc::not_connected);
  EXPECT_EQ(receiver.wait_readable(1s).error(), std::errc::not_connected);
  EXPECT_FALSE(receiver.is_stalled(0ns).value());
  ASSERT_TRUE(sender.try_send(bytes_of("early")));
  while (sender.try_send(std::vector<std::byte>(500))) continue;
  EXPECT_EQ(sender.wait_writable(1s).error(), std::errc::not_connected);
  ASSERT_TRUE(receiver.connect(copy_of(sender.native_handle())));
  ASSERT_TRUE(sender.connect(copy_of(receiver.native_handle())));
  EXPECT_EQ(sender.connect(copy_of(receiver.native_handle())).error(),
            std::errc::already_connected);
  EXPECT_EQ(next(receiver), "early");
  EXPECT_GT(receiver.next_size().value(), 0U);
  EXPECT_TRUE(sender.wait_writable(1s));
}

TEST(HardenedRing, wakes_a_sleeper_on_either_side_and_only_once_for_each_sleep) {
  test::handle_passage to_child;
  test::handle_passage to_parent;
  child other{[&] {
    auto receiver = hardened_receiver::create({.wait = {.spin = 0ns, .longest_sleep = 1h}}).value();
    to_parent.send(receiver.native_handle());
    ASSERT_TRUE(receiver.connect(to_child.receive()));
    EXPECT_EQ(next(receiver), "wake up");
    EXPECT_GT(receiver.statistics().parks, 0U);
    // Then it takes what blocks the other, in spite of whom nothing else moves.
    test::history_checker history;
    for (int count = 0; count < 2000; ++count)
      history.check(receive_message(receiver, deadline{patience}).value());
    EXPECT_TRUE(history.verdict(1, 2000));
  }};
  auto sender =
      hardened_sender::create({.capacity_bytes = 4096, .wait = {.spin = 0ns, .longest_sleep = 1h}})
          .value();
  to_child.send(sender.native_handle());
  unique_fd handed_over = to_parent.receive();
  const auto seen =
      memory_map::map(handed_over.get(), {.size_bytes = 4096, .access = map_access::read_only});
  ASSERT_TRUE(seen);
  const auto& parked = reinterpret_cast<const ring::hardened_words*>(
                           seen->bytes().data() + ring::hardened_layout::words_offset)
                           ->parked;
  ASSERT_TRUE(sender.connect(std::move(handed_over)));
  // It says that it sleeps; stopped, it goes on to say so.
  while (parked.load() == 0) std::this_thread::yield();
  test::wait_until_asleep(other.id());
  other.send_signal(SIGSTOP);
  other.wait_stopped();
  ASSERT_TRUE(sender.try_send(bytes_of("wake up")));
  for (std::uint64_t count = 0; count < 5; ++count)
    ASSERT_TRUE(sender.try_send(test::make_message(0, count, 300)));
  EXPECT_EQ(sender.statistics().wake_ups, 1U);
  other.send_signal(SIGCONT);
  for (std::uint64_t count = 5; count < 2000; ++count)
    ASSERT_TRUE(sender.send(test::make_message(0, count, 300), deadline{patience}));
  other.wait_success();
  EXPECT_EQ(sender.try_send(bytes_of("late")).error(), std::errc::broken_pipe);
}

// Two that sleep without a cap and without a deadline, woken at every moment of their lying down:
// if one is lost, the watchdog ends the test.
TEST(HardenedRing, wake_up_is_never_lost) {
  const ring_wait_options without_end{.spin = 0ns, .longest_sleep = 24h};
  const char* const wanted = std::getenv("SLUICE_WAKEUP_ROUNDS");  // NOLINT(concurrency-mt-unsafe)
  const int rounds = wanted == nullptr ? 10'000 : std::atoi(wanted);
  const auto pause_a_little = [](std::minstd_rand& random) {
    const auto until = deadline::clock::now() + std::chrono::nanoseconds{random() % 8192};
    while (random() % 4 != 0 && deadline::clock::now() < until) continue;
  };
  test::handle_passage to_child;
  test::handle_passage to_parent;
  const auto take_turns = [&](hardened_sender& sender, hardened_receiver& receiver, bool begins) {
    std::minstd_rand random{begins ? 1U : 2U};
    std::array<std::byte, 8> buffer{};
    if (begins) static_cast<void>(sender.try_send(buffer).has_value());
    for (int round = 0; round < rounds; ++round) {
      ASSERT_TRUE(receiver.receive(buffer)) << round;
      pause_a_little(random);
      ASSERT_TRUE(sender.try_send(buffer));
    }
    EXPECT_GT(receiver.statistics().parks, 0U) << "nobody ever slept: nothing was tried";
  };
  const auto made_ends = [&] {
    return std::pair{hardened_sender::create({.capacity_bytes = 4096, .wait = without_end}).value(),
                     hardened_receiver::create({.wait = without_end}).value()};
  };
  child other{[&] {
    auto [sender, receiver] = made_ends();
    to_parent.send(sender.native_handle());
    to_parent.send(receiver.native_handle());
    ASSERT_TRUE(receiver.connect(to_child.receive()));
    ASSERT_TRUE(sender.connect(to_child.receive()));
    take_turns(sender, receiver, false);
    std::array<std::byte, 8> last{};
    ASSERT_TRUE(receiver.receive(last));
  }};
  auto [sender, receiver] = made_ends();
  to_child.send(sender.native_handle());
  to_child.send(receiver.native_handle());
  ASSERT_TRUE(receiver.connect(to_parent.receive()));
  ASSERT_TRUE(sender.connect(to_parent.receive()));
  take_turns(sender, receiver, true);
  other.wait_success();
}

// A sender without room, which writes over a message as soon as that was released.
TEST(HardenedRing, message_is_copied_before_its_room_is_given_back) {
  pair_of_ends ends;
  constexpr int count = 20'000;
  const auto size_of = [](int n) { return n % 4 == 0 ? std::size_t{1900} : std::size_t{8}; };
  std::thread other{[&] {
    std::vector<std::byte> message;
    for (int n = 0; n < count; ++n) {
      message.assign(size_of(n), static_cast<std::byte>(n));
      while (!ends.sender->try_send(message)) continue;
    }
  }};
  std::vector<std::byte> buffer(1900);
  int torn = 0;
  for (int n = 0; n < count; ++n) {
    auto got = ends.receiver->try_receive(buffer);
    while (!got) got = ends.receiver->try_receive(buffer);
    torn +=
        *got == size_of(n) && std::count(buffer.begin(), buffer.begin() + static_cast<long>(*got),
                                         static_cast<std::byte>(n)) == static_cast<long>(*got)
            ? 0
            : 1;
  }
  other.join();
  EXPECT_EQ(torn, 0);
}

TEST(HardenedRing, tells_leaving_from_dying_and_a_stopped_peer_lives) {
  // F12, F14
  test::handle_passage to_parent;
  auto receiver = hardened_receiver::create().value();
  const int handed_out = receiver.native_handle();
  child other{[&] {
    auto sender = hardened_sender::create({.capacity_bytes = 4096}).value();
    ASSERT_TRUE(sender.connect(copy_of(handed_out)));
    EXPECT_TRUE(sender.try_send(bytes_of("last words")));
    to_parent.send(sender.native_handle());
    for (;;) ::pause();
  }};
  ASSERT_TRUE(receiver.connect(to_parent.receive()));
  other.send_signal(SIGSTOP);
  other.wait_stopped();
  EXPECT_EQ(receiver.peer().value(), ring_presence::alive);
  ::kill(other.id(), SIGKILL);  // F14: and not reaped
  while (receiver.peer().value() == ring_presence::alive) std::this_thread::yield();
  EXPECT_EQ(receiver.peer().value(), ring_presence::died);
  EXPECT_EQ(next(receiver), "last words");
  EXPECT_EQ(receiver.next_size().error(), std::errc::connection_reset);
  EXPECT_EQ(receiver.next_size().error(), errc::closed);
  other.kill();
}

TEST(HardenedRing, an_inherited_end_refuses) {
  // F16
  pair_of_ends ends;
  ASSERT_TRUE(ends.sender->try_send(bytes_of("parent")));
  const rendezvous refused;
  const rendezvous gone;
  child other{[&] {
    EXPECT_EQ(ends.sender->try_send(bytes_of("no")).error(), std::errc::operation_not_permitted);
    EXPECT_EQ(ends.sender->try_claim(1).error(), std::errc::operation_not_permitted);
    EXPECT_EQ(ends.sender->wait_writable(1s).error(), std::errc::operation_not_permitted);
    EXPECT_EQ(ends.sender->peer().error(), std::errc::operation_not_permitted);
    EXPECT_EQ(ends.receiver->next_size().error(), std::errc::operation_not_permitted);
    EXPECT_EQ(ends.receiver->wait_readable(1s).error(), std::errc::operation_not_permitted);
    ends.sender.reset();  // which is not to leave
    refused.arrive();
    gone.wait();
  }};
  refused.wait();
  EXPECT_EQ(ends.receiver->peer().value(), ring_presence::alive);
  EXPECT_EQ(next(*ends.receiver), "parent");
  ends.sender.reset();
  EXPECT_EQ(ends.receiver->next_size().error(), errc::closed);
  gone.arrive();
  other.wait_success();
}

TEST(HardenedRing, F12_a_living_peer_without_progress_is_told_of_when_asked) {
  pair_of_ends ends;
  // H9: nothing is published.
  EXPECT_FALSE(ends.receiver->is_stalled(0ns).value());
  EXPECT_TRUE(ends.receiver->is_stalled(0ns).value());
  EXPECT_FALSE(ends.receiver->is_stalled(1h).value());
  // A claim that is not committed is nothing, for however long.
  auto window = ends.sender->try_claim(8).value();
  EXPECT_TRUE(ends.receiver->is_stalled(0ns).value());
  EXPECT_TRUE(would_block(ends.receiver->next_size().error()));
  EXPECT_FALSE(ends.sender->is_stalled(0ns).value()) << "there is nothing to receive";
  EXPECT_FALSE(ends.sender->is_stalled(0ns).value());
  window.commit();
  EXPECT_FALSE(ends.receiver->is_stalled(0ns).value());
  EXPECT_FALSE(ends.sender->is_stalled(0ns).value());
  EXPECT_TRUE(ends.sender->is_stalled(0ns).value()) << "and now there is";
  EXPECT_EQ(ends.receiver->next_size().value(), 8U);
  EXPECT_FALSE(ends.sender->is_stalled(0ns).value());
  ends.receiver.reset();
  EXPECT_FALSE(ends.sender->is_stalled(0ns).value());
  EXPECT_FALSE(ends.sender->is_stalled(0ns).value()) << "who is gone is not stalled";
}

TEST(HardenedRing, H17_what_is_handed_out_can_only_be_read) {
  pair_of_ends ends;
  const int handed_out = ends.sender->native_handle();
  EXPECT_EQ(::fcntl(handed_out, F_GETFL) & O_ACCMODE, O_RDONLY);
  struct stat found {};
  ASSERT_EQ(::fstat(handed_out, &found), 0);
  EXPECT_EQ(found.st_mode & 07777U, 0600U);
  const std::string path = "/proc/self/fd/" + std::to_string(handed_out);
  // The same user may open it anew; it still cannot be mapped, written, resized, or torn.
  const unique_fd again{::open(path.c_str(), O_RDWR | O_CLOEXEC)};
  ASSERT_TRUE(again);
  for (const int fd : {again.get(), handed_out}) {
    EXPECT_EQ(::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
    EXPECT_NE(::pwrite(fd, "x", 1, 0), 1);
    EXPECT_NE(::ftruncate(fd, 0), 0);
    EXPECT_NE(::ftruncate(fd, 1 << 20), 0);
    EXPECT_NE(::fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096), 0);
    EXPECT_NE(::fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), 0);
    void* const read = ::mmap(nullptr, 4096, PROT_READ, MAP_SHARED, fd, 0);
    ASSERT_NE(read, MAP_FAILED);
    EXPECT_NE(::mprotect(read, 4096, PROT_READ | PROT_WRITE), 0);
    ::munmap(read, 4096);
  }
  if (test::may_change_user()) {
    test::as_nobody([&] {
      EXPECT_EQ(::open(path.c_str(), O_RDWR | O_CLOEXEC), -1);
      EXPECT_EQ(::open(path.c_str(), O_RDONLY | O_CLOEXEC), -1);
    });
  }
  ASSERT_TRUE(ends.sender->try_send(bytes_of("untouched")));
  EXPECT_EQ(next(*ends.receiver), "untouched");
}

TEST(HardenedRing, H1_H2_H3_takes_only_memory_that_is_whole_with_a_reason_for_each_refusal) {
  using plan = forged_side::plan;
  const auto refusal = [](const forged_side& side) {
    auto receiver = hardened_receiver::create().value();
    auto connected = receiver.connect(side.handle());
    EXPECT_FALSE(connected);
    EXPECT_EQ(receiver.next_size().error(), std::errc::not_connected);
    return connected ? error{errc::closed, "none"} : connected.error();
  };
  std::vector<std::string> hints;
  const auto expect = [&](const error& refused, auto code) {
    EXPECT_EQ(refused, code) << refused.message();
    hints.emplace_back(refused.hint());
  };
  // H1
  expect(refusal(forged_side{plan{.file_bytes = 1024}}), errc::incompatible);
  expect(refusal(forged_side{plan{.file_bytes = 4096 + 4095}}), errc::corrupt);
  EXPECT_EQ(refusal(forged_side{plan{.file_bytes = 3 * 4096}}), errc::corrupt);
  // H2
  const auto with_header = [&](auto change) {
    const forged_side side{plan{}};
    change(side.header());
    return refusal(side);
  };
  expect(with_header([](auto& header) { header.magic = 1; }), errc::incompatible);
  expect(with_header([](auto& header) { header.magic = __builtin_bswap64(header.magic); }),
         errc::incompatible);
  expect(with_header([](auto& header) { header.version += 1; }), errc::incompatible);
  expect(with_header([](auto& header) { header.word_bytes = 4; }), errc::incompatible);
  expect(with_header([](auto& header) { header.role = 2; }), errc::incompatible);
  expect(with_header([](auto& header) { header.page_bytes *= 4; }), errc::incompatible);
  // H3
  for (const std::uint64_t capacity :
       {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{4095}, std::uint64_t{8192},
        std::uint64_t{1} << 38, std::uint64_t{1} << 63, ~std::uint64_t{0}})
    EXPECT_EQ(with_header([&](auto& header) { header.capacity_bytes = capacity; }), errc::corrupt);
  // H14: seals that lack, holes, other kinds.
  for (const int lacking : {F_SEAL_SHRINK, F_SEAL_GROW, 0x0010, F_SEAL_SEAL})
    EXPECT_EQ(refusal(forged_side{plan{.seals = test::every_seal & ~lacking}}),
              std::errc::permission_denied);
  expect(refusal(forged_side{plan{.seals = 0}}), std::errc::permission_denied);
  expect(refusal(forged_side{plan{.allocated = false}}), std::errc::permission_denied);
  std::sort(hints.begin(), hints.end());
  EXPECT_EQ(std::adjacent_find(hints.begin(), hints.end()), hints.end()) << "each has its own";
  EXPECT_EQ(std::count(hints.begin(), hints.end(), ""), 0);
}

TEST(HardenedRing, H14_refuses_every_other_kind_of_descriptor_and_closes_it) {
  const forged_side side{{}};
  const std::string path = "/proc/self/fd/" + std::to_string(side.fd.get());
  int pipes[2];
  ASSERT_EQ(::pipe2(pipes, O_CLOEXEC), 0);
  const unique_fd writing{pipes[1]};
  int refused[] = {pipes[0],
                   ::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC),
                   ::open("/proc/self/exe", O_RDONLY | O_CLOEXEC),
                   ::open("/dev/null", O_RDWR | O_CLOEXEC),
                   ::open(path.c_str(), O_PATH | O_CLOEXEC),
                   ::open(path.c_str(), O_WRONLY | O_CLOEXEC)};
  auto receiver = hardened_receiver::create().value();
  for (const int fd : refused) {
    ASSERT_GE(fd, 0);
    EXPECT_EQ(receiver.connect(unique_fd{fd}).error(), std::errc::invalid_argument) << fd;
    EXPECT_EQ(::fcntl(fd, F_GETFD), -1);
  }
  EXPECT_EQ(receiver.connect(copy_of(receiver.native_handle())).error(), errc::incompatible);
  // A log that would take more memory than accepted.
  auto small = hardened_receiver::create({.max_capacity_bytes = 2048}).value();
  EXPECT_EQ(small.connect(side.handle()).error(), std::errc::value_too_large);
  EXPECT_TRUE(receiver.connect(side.handle()));
  for (const std::size_t capacity : {std::size_t{0}, std::size_t{2048}, std::size_t{5000}})
    EXPECT_EQ(hardened_sender::create({.capacity_bytes = capacity}).error(),
              std::errc::invalid_argument);
}

}  // namespace
}  // namespace sluice
