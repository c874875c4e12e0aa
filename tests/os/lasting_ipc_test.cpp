#include <fcntl.h>
#include <gtest/gtest.h>
#include <mqueue.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <sluice/os/lasting_object.hpp>
#include <string>

#include "support/another_user.hpp"
#include "support/child.hpp"
#include "support/isolation.hpp"
#include "support/program.hpp"
#include "support/visible_processes.hpp"

namespace sluice {
namespace {

using namespace std::chrono_literals;
using test::as_nobody;
using test::child;
using test::may_change_user;
using test::rendezvous;

std::optional<lasting_object> listed(lasting_kind kind, int id) {
  const auto all = list_system_v().value();
  const auto found = std::find_if(all.begin(), all.end(), [&](const lasting_object& one) {
    return one.kind == kind && one.id == id;
  });
  return found == all.end() ? std::nullopt : std::optional{*found};
}

std::optional<lasting_object> named(const std::vector<lasting_object>& all,
                                    const std::string& name) {
  const auto found = std::find_if(all.begin(), all.end(),
                                  [&](const lasting_object& one) { return one.name == name; });
  return found == all.end() ? std::nullopt : std::optional{*found};
}

struct packet {
  long type = 1;
  char text[5] = {'h', 'e', 'l', 'l', 'o'};
};

TEST(LastingSystemV, what_other_programs_made_is_listed_and_removed) {
  if (!test::has_own_ipc()) GTEST_SKIP() << "only root gets an IPC namespace of its own";
  ASSERT_TRUE(list_system_v().value().empty());
  test::program{test::shell("ipcmk -Q -p 0640 >/dev/null")}.wait_success();
  test::program{test::shell("ipcmk -M 8192 -p 0600 >/dev/null")}.wait_success();
  test::program{test::shell("ipcmk -S 7 -p 0644 >/dev/null")}.wait_success();
  const auto all = list_system_v().value();
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0].kind, lasting_kind::system_v_queue);
  EXPECT_EQ(all[0].mode, 0640U);
  EXPECT_EQ(all[0].size, 0U);
  EXPECT_EQ(all[0].used, in_use::unknown);  // nobody has used it yet
  EXPECT_EQ(all[1].kind, lasting_kind::system_v_memory);
  EXPECT_EQ(all[1].size, 8192U);
  EXPECT_EQ(all[1].used, in_use::no);
  EXPECT_EQ(all[2].kind, lasting_kind::system_v_semaphores);
  EXPECT_EQ(all[2].size, 7U);
  for (const lasting_object& one : all) {
    EXPECT_NE(one.key, 0);
    EXPECT_EQ(one.owner, ::geteuid());
    EXPECT_LT(one.age(), 1h);
    EXPECT_TRUE(unlink(one));
    EXPECT_TRUE(unlink(one).error() == errc::removed);
  }
  EXPECT_TRUE(list_system_v().value().empty());
}

TEST(LastingSystemV, a_queue_is_in_use_while_who_used_it_last_lives) {
  const int id = ::msgget(IPC_PRIVATE, 0600);
  ASSERT_GE(id, 0);
  const rendezvous sent;
  child sender{[&] {
    const packet message;
    ASSERT_EQ(::msgsnd(id, &message, sizeof message.text, IPC_NOWAIT), 0);
    sent.arrive();
    ::pause();
  }};
  sent.wait();
  const auto living = listed(lasting_kind::system_v_queue, id);
  ASSERT_TRUE(living);
  EXPECT_EQ(living->size, 5U);
  EXPECT_EQ(living->used, in_use::yes);
  ASSERT_EQ(living->users.size(), 1U);
  EXPECT_EQ(living->users[0], (last_user{.id = sender.id(), .lives = true}));
  sender.kill();
  const auto left = listed(lasting_kind::system_v_queue, id);
  EXPECT_EQ(left->used, in_use::no);
  EXPECT_FALSE(left->users.at(0).lives);
  EXPECT_TRUE(unlink(*left));
}

TEST(LastingSystemV, memory_is_in_use_while_it_is_attached) {
  const int id = ::shmget(IPC_PRIVATE, 4096, 0600);
  ASSERT_GE(id, 0);
  const rendezvous attached;
  child user{[&] {
    ASSERT_NE(::shmat(id, nullptr, SHM_RDONLY), reinterpret_cast<void*>(-1));
    attached.arrive();
    ::pause();
  }};
  attached.wait();
  const auto living = listed(lasting_kind::system_v_memory, id);
  EXPECT_EQ(living->used, in_use::yes);
  EXPECT_TRUE(std::any_of(living->users.begin(), living->users.end(),
                          [&](const last_user& one) { return one.id == user.id() && one.lives; }));
  user.kill();
  EXPECT_EQ(listed(lasting_kind::system_v_memory, id)->used, in_use::no);
  EXPECT_TRUE(unlink(*listed(lasting_kind::system_v_memory, id)));
}

TEST(LastingSystemV, semaphores_name_all_who_used_one_last) {
  const int id = ::semget(IPC_PRIVATE, 3, 0600);
  ASSERT_GE(id, 0);
  const rendezvous used;
  child user{[&] {
    sembuf up{.sem_num = 2, .sem_op = 1, .sem_flg = 0};
    ASSERT_EQ(::semop(id, &up, 1), 0);
    used.arrive();
    ::pause();
  }};
  used.wait();
  const auto living = listed(lasting_kind::system_v_semaphores, id);
  EXPECT_EQ(living->used, in_use::yes);
  ASSERT_EQ(living->users.size(), 1U);
  EXPECT_EQ(living->users[0].id, user.id());
  user.kill();
  const auto left = listed(lasting_kind::system_v_semaphores, id);
  EXPECT_EQ(left->used, in_use::no);
  EXPECT_TRUE(unlink(*left));
}

TEST(LastingSystemV, objects_of_somebody_else_are_listed_and_cannot_be_removed) {
  if (!may_change_user()) GTEST_SKIP() << "only root can become another user";
  const int id = ::semget(IPC_PRIVATE, 2, 0600);
  ASSERT_GE(id, 0);
  as_nobody([&] {
    const auto found = listed(lasting_kind::system_v_semaphores, id);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->size, 2U);
    auto refused = unlink(*found);
    ASSERT_FALSE(refused);
    EXPECT_TRUE(refused.error() == std::errc::operation_not_permitted);
    EXPECT_STRNE(refused.error().hint(), "");
  });
  ASSERT_EQ(::semctl(id, 0, IPC_RMID), 0);
}

TEST(LastingSystemV, what_its_owner_may_not_read_he_may_remove) {
  if (!may_change_user()) GTEST_SKIP() << "root may read everything, and only root can change";
  as_nobody([] {
    const int id = ::msgget(IPC_PRIVATE, 0200);
    ASSERT_GE(id, 0);
    const auto found = listed(lasting_kind::system_v_queue, id);
    ASSERT_TRUE(found);
    EXPECT_TRUE(unlink(*found));
    EXPECT_FALSE(listed(lasting_kind::system_v_queue, id));
  });
}

TEST(LastingSystemV, another_object_with_the_same_id_is_left_alone) {
  const int id = ::msgget(IPC_PRIVATE, 0600);
  ASSERT_GE(id, 0);
  auto other = *listed(lasting_kind::system_v_queue, id);
  other.key = 4711;  // as if that one had been listed and its id reused since (F27)
  EXPECT_TRUE(unlink(other).error() == errc::removed);
  ASSERT_EQ(::msgctl(id, IPC_RMID, nullptr), 0);
}

TEST(LastingPosix, memory_and_semaphores_are_told_apart_and_removed) {
  const std::string name = "/" + test::unique_name();
  sem_t* semaphore = ::sem_open(name.c_str(), O_CREAT | O_EXCL, 0600, 1);
  ASSERT_NE(semaphore, SEM_FAILED);
  ASSERT_EQ(::sem_close(semaphore), 0);
  {
    const unique_fd memory{::shm_open(name.c_str(), O_CREAT | O_EXCL | O_RDWR, 0600)};
    ASSERT_TRUE(memory);
    ASSERT_EQ(::ftruncate(memory.get(), 12'345), 0);
    const auto all = list_posix_memory().value();
    const auto held = named(all, name);
    ASSERT_TRUE(held);
    EXPECT_EQ(held->kind, lasting_kind::posix_memory);
    EXPECT_EQ(held->size, 12'345U);
    EXPECT_EQ(held->used, in_use::yes);
    ASSERT_EQ(held->users.size(), 1U);
    EXPECT_EQ(held->users[0].id, ::getpid());
  }
  const auto all = list_posix_memory().value();
  EXPECT_NE(named(all, name)->used, in_use::yes);
  EXPECT_EQ(
      std::count_if(all.begin(), all.end(), [&](const auto& one) { return one.name == name; }), 2);
  for (const lasting_object& one : all) {
    if (one.name == name) {
      EXPECT_TRUE(unlink(one));
    }
  }
  EXPECT_FALSE(named(list_posix_memory().value(), name));
}

// In a /dev of this child's own: where the file system of queues is mounted is the machine's
// affair.
void mount_own_queues() {
  ASSERT_EQ(::unshare(CLONE_NEWNS | CLONE_NEWIPC), 0);
  ASSERT_EQ(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
  ASSERT_EQ(::mount("none", "/dev", "tmpfs", 0, nullptr), 0);
  ASSERT_EQ(::mkdir("/dev/mqueue", 0755), 0);
  ASSERT_EQ(::mount("none", "/dev/mqueue", "mqueue", 0, nullptr), 0);
}

TEST(LastingPosix, queues_are_listed_with_their_bytes_where_they_are_mounted) {
  if (!test::has_own_ipc()) GTEST_SKIP() << "only root may mount";
  child other{[] {
    mount_own_queues();
    const mqd_t queue = ::mq_open("/q", O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600, nullptr);
    ASSERT_GE(queue, 0);
    ASSERT_EQ(::mq_send(queue, "hello", 5, 0), 0);
    auto all = list_posix_queues().value();
    ASSERT_EQ(all.size(), 1U);
    EXPECT_EQ(all[0].kind, lasting_kind::posix_queue);
    EXPECT_EQ(all[0].name, "/q");
    EXPECT_EQ(all[0].mode, 0600U);
    EXPECT_EQ(all[0].size, 5U);
    EXPECT_EQ(all[0].used, in_use::yes);
    ASSERT_EQ(::mq_close(queue), 0);
    all = list_posix_queues().value();
    EXPECT_EQ(all.at(0).used, test::all_processes_are_visible() ? in_use::no : in_use::unknown);
    EXPECT_TRUE(unlink(all[0]));
    EXPECT_TRUE(list_posix_queues().value().empty());
  }};
  other.wait_success();
}

TEST(LastingPosix, queues_that_are_not_mounted_cannot_be_listed_and_the_error_says_how) {
  if (!test::has_own_ipc()) GTEST_SKIP() << "only root may mount";
  child other{[] {
    ASSERT_EQ(::unshare(CLONE_NEWNS), 0);
    ASSERT_EQ(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    ASSERT_EQ(::mount("none", "/dev", "tmpfs", 0, nullptr), 0);
    auto refused = list_posix_queues();
    ASSERT_FALSE(refused);
    EXPECT_TRUE(refused.error() == std::errc::not_supported);
    EXPECT_NE(std::string{refused.error().hint()}.find("mount -t mqueue"), std::string::npos);
  }};
  other.wait_success();
}

}  // namespace
}  // namespace sluice
