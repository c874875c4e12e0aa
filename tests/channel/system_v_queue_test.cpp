#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <limits>
#include <sluice/channel/system_v_queue.hpp>
#include <sluice/channel/system_v_queue_receiver.hpp>
#include <sluice/channel/system_v_queue_sender.hpp>
#include <string>

#include "channel/system_v_fixture.hpp"
#include "support/another_user.hpp"
#include "support/child.hpp"
#include "support/runtime_directory.hpp"

namespace sluice::test {
namespace {

std::string key_file_of(const std::string& name) {
  return private_runtime_directory::current() + "/" + name + ".msg.sysv";
}

TEST(SystemVQueue, is_found_by_its_name_key_and_id) {
  auto made = system_v_queue::create("ticks").value();
  EXPECT_EQ(::access(key_file_of("ticks").c_str(), F_OK), 0);
  for (const system_v_name& name :
       {system_v_name{"ticks"}, system_v_name::key(made.key()), system_v_name::id(made.id())}) {
    auto found = system_v_queue::open(name);
    ASSERT_TRUE(found) << found.error().message();
    EXPECT_EQ(found->identity(), made.identity());
    EXPECT_TRUE(found->is_intact().value());
  }
  // Who opened it does not remove it.
  EXPECT_TRUE(exists(made.id()));
  EXPECT_EQ(system_v_queue::create("ticks").error(), std::errc::file_exists);
  EXPECT_EQ(system_v_queue::create(system_v_name::key(made.key())).error(), std::errc::file_exists);
}

TEST(SystemVQueue, is_found_by_path_and_project_number_as_ftok_has_it) {
  const std::string path = private_runtime_directory::current();
  const auto name = system_v_name::of_file(path, 7).value();
  EXPECT_EQ(name.number(), ::ftok(path.c_str(), 7));
  auto made = system_v_queue::create(name).value();
  EXPECT_EQ(made.key(), ::ftok(path.c_str(), 7));
  EXPECT_EQ(system_v_queue::open(name).value().id(), made.id());
  EXPECT_EQ(::msgget(made.key(), 0), made.id());
}

TEST(SystemVQueue, private_ones_have_no_key_and_are_all_different) {
  auto one = system_v_queue::create_private().value();
  auto other = system_v_queue::create_private().value();
  EXPECT_EQ(one.key(), IPC_PRIVATE);
  EXPECT_NE(one.id(), other.id());
  EXPECT_EQ(system_v_queue::open(system_v_name::id(one.id())).value().identity(), one.identity());
}

TEST(SystemVQueue, open_or_create_makes_it_once_and_leaves_the_duty_where_it_is) {
  const auto key = system_v_name::key(unique_key());
  for (const system_v_name& name : {system_v_name{"ticks"}, key}) {
    auto made = system_v_queue::open_or_create(name).value();
    {
      auto found = system_v_queue::open_or_create(name).value();
      EXPECT_EQ(found.id(), made.id());
    }
    EXPECT_TRUE(exists(made.id()));
    EXPECT_TRUE(made.unlink());
    auto again = system_v_queue::open_or_create(name).value();
    EXPECT_NE(again.id(), made.id());
  }
}

TEST(SystemVQueue, goes_with_whoever_made_it_but_not_with_a_forked_child) {
  int id = -1;
  {
    auto made = system_v_queue::create("ticks").value();
    id = made.id();
    child copy{[&made] { const system_v_queue dropped = std::move(made); }};
    copy.wait_success();
    EXPECT_TRUE(exists(id));
    EXPECT_TRUE(made.is_intact().value());
  }
  EXPECT_FALSE(exists(id));
  EXPECT_EQ(system_v_queue::open("ticks").error(), std::errc::no_such_file_or_directory);
}

TEST(SystemVQueue, stays_with_its_messages_after_all_processes_until_it_is_unlinked) {
  child maker{[] {
    auto made = system_v_queue::create("ticks").value();
    auto sender = system_v_queue_sender::over(made).value();
    EXPECT_TRUE(sender.try_send(bytes_of("one"), 1));
    EXPECT_TRUE(sender.try_send(bytes_of("two"), 2));
    made.persist();
  }};
  maker.wait_success();
  child user{[] {
    auto receiver = system_v_queue_receiver::open("ticks").value();
    std::array<std::byte, 10> buffer;
    EXPECT_EQ(receiver.try_receive(buffer).value(), 3U);
    EXPECT_EQ(text_of(const_bytes{buffer}.first(3)), "one");
  }};
  user.wait_success();
  auto found = system_v_queue::open("ticks").value();
  EXPECT_EQ(found.status().value().messages, 1U);
  EXPECT_TRUE(system_v_queue::unlink("ticks"));
  EXPECT_FALSE(found.is_intact().value());
  EXPECT_NE(::access(key_file_of("ticks").c_str(), F_OK), 0);
  EXPECT_EQ(system_v_queue::unlink("ticks").error(), std::errc::no_such_file_or_directory);
}

TEST(SystemVQueue, unlinks_by_key_and_id_too) {
  const auto key = system_v_name::key(unique_key());
  auto one = system_v_queue::create(key).value();
  EXPECT_TRUE(system_v_queue::unlink(key));
  EXPECT_FALSE(exists(one.id()));
  EXPECT_EQ(one.unlink().error(), errc::removed);
  auto other = system_v_queue::create_private().value();
  EXPECT_TRUE(system_v_queue::unlink(system_v_name::id(other.id())));
  EXPECT_EQ(other.status().error(), errc::removed);
  EXPECT_EQ(other.set({.mode = 0600}).error(), errc::removed);
}

TEST(SystemVQueue, mode_is_exact_whatever_the_umask) {
  const mode_t before = ::umask(0777);
  const auto made = system_v_queue::create(system_v_name::key(unique_key()), {.mode = 0640});
  const auto named = system_v_queue::create("ticks");
  ::umask(before);
  EXPECT_EQ(made.value().status().value().mode, 0640U);
  EXPECT_EQ(named.value().status().value().mode, 0600U);
  struct stat found {};
  ASSERT_EQ(::stat(key_file_of("ticks").c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 07777, 0600U);
}

TEST(SystemVQueue, status_tells_what_the_kernel_knows) {
  auto made =
      system_v_queue::create(system_v_name::key(unique_key()), {.capacity_bytes = 5000}).value();
  const auto fresh = made.status().value();
  EXPECT_EQ(fresh.key, made.key());
  EXPECT_EQ(fresh.owner, ::geteuid());
  EXPECT_EQ(fresh.creator, ::geteuid());
  EXPECT_EQ(fresh.group, ::getegid());
  EXPECT_EQ(fresh.capacity_bytes, 5000U);
  EXPECT_EQ(fresh.messages, 0U);
  EXPECT_EQ(fresh.last_sender, 0);
  EXPECT_FALSE(fresh.last_send || fresh.last_receive);
  EXPECT_TRUE(fresh.last_change);

  child other{[&made] {
    EXPECT_TRUE(system_v_queue_sender::over(made).value().try_send(bytes_of("abcd")));
  }};
  other.wait_success();
  const auto full = made.status().value();
  EXPECT_EQ(full.messages, 1U);
  EXPECT_EQ(full.bytes, 4U);
  EXPECT_EQ(full.last_sender, other.id());
  EXPECT_TRUE(full.last_send);
  std::array<std::byte, 10> buffer;
  EXPECT_TRUE(system_v_queue_receiver::over(made).value().try_receive(buffer));
  EXPECT_EQ(made.status().value().last_receiver, ::getpid());
  EXPECT_TRUE(made.status().value().last_receive);
}

TEST(SystemVQueue, settings_change_what_they_name_and_nothing_else) {
  auto made = system_v_queue::create_private({.mode = 0600, .capacity_bytes = 1000}).value();
  ASSERT_TRUE(made.set({.capacity_bytes = 500}));
  EXPECT_EQ(made.status().value().capacity_bytes, 500U);
  EXPECT_EQ(made.status().value().mode, 0600U);
  ASSERT_TRUE(made.set({.mode = 0660}));
  EXPECT_EQ(made.status().value().mode, 0660U);
  EXPECT_EQ(made.status().value().capacity_bytes, 500U);
  if (!may_change_user()) GTEST_SKIP() << "another owner takes root";
  ASSERT_TRUE(made.set({.owner = nobody, .group = nobody}));
  const auto given = made.status().value();
  EXPECT_EQ(given.owner, nobody);
  EXPECT_EQ(given.group, nobody);
  EXPECT_EQ(given.creator, ::geteuid());
  EXPECT_TRUE(made.is_intact().value());
  as_nobody([&made] { EXPECT_TRUE(made.set({.mode = 0600})); });
}

// F27: by plain calls, as ipcrm(1) does it.
TEST(SystemVQueue, recognises_its_removal) {
  auto made = system_v_queue::create("ticks").value();
  auto sender = system_v_queue_sender::over(made).value();
  auto receiver = system_v_queue_receiver::over(made).value();
  ASSERT_EQ(::msgctl(made.id(), IPC_RMID, nullptr), 0);
  std::array<std::byte, 10> buffer;
  for (int again = 0; again < 2; ++again) {
    EXPECT_FALSE(made.is_intact().value());
    EXPECT_EQ(made.status().error(), errc::removed);
    EXPECT_EQ(sender.try_send(bytes_of("x")).error(), errc::removed);
    EXPECT_EQ(sender.send(bytes_of("x")).error(), errc::removed);
    EXPECT_TRUE(sender.wait_writable(deadline::now()));
    EXPECT_EQ(receiver.try_receive(buffer).error(), errc::removed);
    EXPECT_EQ(receiver.receive(buffer).error(), errc::removed);
    EXPECT_EQ(receiver.next_size().error(), errc::removed);
    EXPECT_TRUE(receiver.wait_readable(deadline::now()));
    EXPECT_EQ(system_v_queue::open("ticks").error(), errc::removed);
    EXPECT_EQ(system_v_queue_sender::over(made).error(), errc::removed);
  }
  // The name is free again.
  auto again = system_v_queue::create("ticks").value();
  EXPECT_TRUE(again.is_intact().value());
  // The first one's end leaves the second alone.
  EXPECT_EQ(made.unlink().error(), errc::removed);
  EXPECT_TRUE(again.is_intact().value());
}

// F27: the kernel gives a number again only after millions of queues, or when told to.
TEST(SystemVQueue, recognises_a_number_that_was_given_to_another_queue) {
  if (!has_own_ipc()) GTEST_SKIP() << needs_own_ipc;
  auto made = system_v_queue::create(system_v_name::key(unique_key())).value();
  auto sender = system_v_queue_sender::over(made).value();
  auto receiver = system_v_queue_receiver::over(made).value();
  auto idle = system_v_queue_receiver::over(made).value();
  ASSERT_EQ(::msgctl(made.id(), IPC_RMID, nullptr), 0);
  EXPECT_EQ(sender.try_send(bytes_of("x")).error(), errc::removed);
  std::ofstream{"/proc/sys/kernel/msg_next_id"} << made.id() << std::flush;
  const raw_queue foreign{unique_key()};
  if (foreign.id() != made.id()) GTEST_SKIP() << "this kernel cannot be told the next number";

  EXPECT_FALSE(made.is_intact().value());
  EXPECT_EQ(made.status().error(), errc::removed);
  EXPECT_EQ(made.set({.mode = 0}).error(), errc::removed);
  EXPECT_EQ(made.unlink().error(), errc::removed);
  // Latched by who noticed, noticed by who waits.
  EXPECT_EQ(sender.try_send(bytes_of("x")).error(), errc::removed);
  std::array<std::byte, 10> buffer;
  EXPECT_EQ(receiver.receive(buffer, std::chrono::milliseconds{1}).error(), errc::removed);
  EXPECT_EQ(
      idle.receive(buffer, message_selection::exactly(7), std::chrono::milliseconds{1}).error(),
      errc::removed);
  EXPECT_TRUE(exists(foreign.id()));
}

// F28: the key of ours was taken first by somebody else, on purpose or because ftok(3) collides.
TEST(SystemVQueue, of_another_user_is_refused_unless_named) {
  if (!may_change_user()) GTEST_SKIP() << "needs another user";
  const std::string path = private_runtime_directory::current();
  const auto name = system_v_name::of_file(path, 1).value();
  as_nobody([&] {
    auto squatter = system_v_queue::create(system_v_name::key(name.number()), {.mode = 0666});
    ASSERT_TRUE(squatter);
    squatter->persist();
  });
  EXPECT_EQ(system_v_queue::create(name).error(), std::errc::file_exists);
  for (const auto& opened : {system_v_queue::open(name), system_v_queue::open_or_create(name)}) {
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error(), std::errc::permission_denied);
  }
  EXPECT_EQ(system_v_queue_sender::open(name).error(), std::errc::permission_denied);
  EXPECT_EQ(system_v_queue_receiver::open(name).error(), std::errc::permission_denied);
  EXPECT_EQ(system_v_queue::unlink(name).error(), std::errc::permission_denied);
  // Its owner is known, but everybody may write to it.
  EXPECT_EQ(system_v_queue::open(name, {.owner = nobody}).error(), std::errc::permission_denied);
  EXPECT_TRUE(system_v_queue::open(name, {.owner = nobody, .world_writable = true}));
  EXPECT_TRUE(system_v_queue::unlink(name, {.owner = nobody, .world_writable = true}));
}

TEST(SystemVQueue, of_a_name_in_a_shared_directory_is_found_by_another_user) {
  if (!may_change_user()) GTEST_SKIP() << "needs another user";
  const std::string shared = private_runtime_directory::current() + "-shared";
  ASSERT_EQ(::mkdir(shared.c_str(), 0755), 0);
  const runtime_directory_options directory{.path = shared};
  {
    auto made = system_v_queue::create("ticks", {.mode = 0644, .directory = directory});
    ASSERT_TRUE(made) << made.error().message();
    ASSERT_TRUE(system_v_queue_sender::over(*made).value().try_send(bytes_of("for all")));
    as_nobody([&] {
      EXPECT_EQ(system_v_queue::open("ticks", {.directory = directory}).error(),
                std::errc::permission_denied);
      const system_v_queue_open_options trusted{.owner = 0, .directory = directory};
      auto receiver = system_v_queue_receiver::open("ticks", trusted);
      ASSERT_TRUE(receiver) << receiver.error().message();
      EXPECT_EQ(receiver->next_size().value(), 7U);
      EXPECT_FALSE(system_v_queue::unlink("ticks", trusted));
    });
    EXPECT_TRUE(made->is_intact().value());
  }
  EXPECT_EQ(::rmdir(shared.c_str()), 0);
}

TEST(SystemVQueue, that_we_may_only_write_to_can_be_sent_to_and_looked_at) {
  if (!may_change_user()) GTEST_SKIP() << "needs another user";
  auto made = system_v_queue::create(system_v_name::key(unique_key()),
                                     {.mode = 0602, .capacity_bytes = 100})
                  .value();
  const system_v_queue_open_options trusted{.owner = ::geteuid(), .world_writable = true};
  as_nobody([&] {
    auto queue = system_v_queue::open(system_v_name::key(made.key()), trusted);
    ASSERT_TRUE(queue) << queue.error().message();
    EXPECT_EQ(queue->status().value().mode, 0602U);
    auto sender = system_v_queue_sender::over(*queue).value();
    EXPECT_EQ(sender.max_message_bytes(), 100U);
    EXPECT_TRUE(sender.try_send(bytes_of(std::string(60, 'x'))));
    EXPECT_EQ(sender.send(bytes_of(std::string(60, 'x')), std::chrono::milliseconds{1}).error(),
              std::errc::timed_out);
    auto receiver = system_v_queue_receiver::over(*queue).value();
    std::array<std::byte, 100> buffer;
    EXPECT_EQ(receiver.try_receive(buffer).error(), std::errc::permission_denied);
    EXPECT_EQ(queue->set({.mode = 0666}).error(), std::errc::operation_not_permitted);
    EXPECT_EQ(queue->unlink().error(), std::errc::operation_not_permitted);
  });
  EXPECT_EQ(made.status().value().messages, 1U);
}

void expect_bad_input_is_refused() {
  using limits = std::numeric_limits<std::size_t>;
  const auto key = system_v_name::key(unique_key());
  for (const char* name : {"", ".", "..", ".hidden", "a/b", "/tmp/x", "a\nb"}) {
    EXPECT_FALSE(system_v_queue::create(name)) << name;
    EXPECT_FALSE(system_v_queue::open(name)) << name;
    EXPECT_FALSE(system_v_queue::open_or_create(name)) << name;
    EXPECT_FALSE(system_v_queue::unlink(name)) << name;
  }
  EXPECT_EQ(system_v_queue::create(std::string(300, 'x')).error(), std::errc::filename_too_long);
  for (const auto& name : {system_v_name::key(0), system_v_name::id(-1)}) {
    EXPECT_EQ(system_v_queue::create(name).error(), std::errc::invalid_argument);
    EXPECT_EQ(system_v_queue::open(name).error(), std::errc::invalid_argument);
    EXPECT_EQ(system_v_queue::open_or_create(name).error(), std::errc::invalid_argument);
    EXPECT_EQ(system_v_queue::unlink(name).error(), std::errc::invalid_argument);
    EXPECT_EQ(system_v_queue_sender::open(name).error(), std::errc::invalid_argument);
    EXPECT_EQ(system_v_queue_receiver::open(name).error(), std::errc::invalid_argument);
  }
  EXPECT_EQ(system_v_queue::open(key).error(), std::errc::no_such_file_or_directory);
  EXPECT_EQ(system_v_queue::create(system_v_name::id(5)).error(), std::errc::invalid_argument);
  EXPECT_EQ(system_v_queue::open(system_v_name::id(0x7fff'ffff)).error(), errc::removed);
  for (const mode_t mode : {mode_t{0700}, mode_t{01600}, ~mode_t{0}}) {
    EXPECT_EQ(system_v_queue::create(key, {.mode = mode}).error(), std::errc::invalid_argument);
    EXPECT_EQ(system_v_queue::create_private({.mode = mode}).error(), std::errc::invalid_argument);
  }
  for (const std::size_t bytes : {std::size_t{1} << 31, limits::max()})
    EXPECT_EQ(system_v_queue::create(key, {.capacity_bytes = bytes}).error(),
              std::errc::invalid_argument);
  for (const int project : {-1, 0, 256})
    EXPECT_EQ(system_v_name::of_file("/", project).error(), std::errc::invalid_argument);
  EXPECT_EQ(system_v_name::of_file("", 1).error(), std::errc::invalid_argument);
  EXPECT_EQ(system_v_name::of_file("/nowhere/at/all", 1).error(),
            std::errc::no_such_file_or_directory);
  auto made = system_v_queue::create(key).value();
  EXPECT_EQ(made.set({.mode = 0700}).error(), std::errc::invalid_argument);
  EXPECT_EQ(made.set({.capacity_bytes = 0}).error(), std::errc::invalid_argument);
  EXPECT_EQ(made.set({.capacity_bytes = limits::max()}).error(), std::errc::invalid_argument);
}

TEST(SystemVQueue, bad_input_is_refused) {
  expect_bad_input_is_refused();
  // Nobody else can reach the private runtime directory.
  EXPECT_EQ(system_v_queue::create("ticks", {.mode = 0660}).error(), std::errc::invalid_argument);
}

TEST(SystemVQueue, bad_input_is_refused_for_an_ordinary_user) {
  if (!may_change_user()) GTEST_SKIP() << "is one already";
  as_nobody([] {
    expect_bad_input_is_refused();
    // The runtime directory that the environment names is root's.
    EXPECT_EQ(system_v_queue::create("ticks").error(), std::errc::permission_denied);
    // Beyond kernel.msgmnb takes a privilege.
    auto large = system_v_queue::create_private({.capacity_bytes = std::size_t{1} << 30});
    ASSERT_FALSE(large);
    EXPECT_EQ(large.error(), std::errc::operation_not_permitted);
    EXPECT_NE(std::string{large.error().hint()}.find("kernel.msgmnb"), std::string::npos);
  });
}

}  // namespace
}  // namespace sluice::test
