// What is special to shared memory in System V segments.

#include <gtest/gtest.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sluice/primitive/shared_memory.hpp>
#include <string>

#include "support/child.hpp"
#include "support/isolation.hpp"
#include "support/runtime_directory.hpp"

namespace {

using namespace sluice;
using test::child;
using test::rendezvous;

std::string directory() { return test::private_runtime_directory::current(); }

key_t fresh_key() {
  static key_t last = 0;
  return (::getpid() << 8) + 128 + ++last;
}

shmid_ds segment_of(const shared_memory& memory) {
  shmid_ds found{};
  EXPECT_EQ(::shmctl(static_cast<int>(memory.identity().inode), IPC_STAT, &found), 0);
  return found;
}

TEST(SystemVMemory, attach_count_follows_attaching_and_detaching) {
  const memory_name name = memory_name::system_v(fresh_key());
  auto made = shared_memory::create(name, {.size_bytes = 64}).value();
  EXPECT_EQ(made.attach_count().value(), 1U);
  {
    auto second = shared_memory::open(name, {.access = map_access::read_only}).value();
    EXPECT_EQ(made.attach_count().value(), 2U);
  }
  EXPECT_EQ(made.attach_count().value(), 1U);
  EXPECT_EQ(made.native_handle(), -1);
}

TEST(SystemVMemory, removed_it_goes_when_the_last_one_detaches) {
  const memory_name name = memory_name::system_v(fresh_key());
  auto made = shared_memory::create(name, {.size_bytes = 64}).value();
  const int id = static_cast<int>(made.identity().inode);
  const rendezvous attached;
  const rendezvous leave;
  child user{[&] {
    auto opened = shared_memory::open(name).value();
    attached.arrive();
    leave.wait();
    opened.writable_bytes()[0] = std::byte{3};
  }};
  attached.wait();
  ASSERT_TRUE(made.unlink());
  EXPECT_EQ(made.attach_count().value(), 3U);  // the fork inherited ours
  auto found = shared_memory::open(name);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error(), std::errc::no_such_file_or_directory);
  auto marked = shared_memory::open(memory_name::system_v_id(id));
  ASSERT_FALSE(marked);
  EXPECT_EQ(marked.error(), errc::removed);
  leave.arrive();
  user.wait_success();
  EXPECT_EQ(made.bytes()[0], std::byte{3});
  { const shared_memory last = std::move(made); }
  struct shmid_ds gone {};
  EXPECT_EQ(::shmctl(id, IPC_STAT, &gone), -1) << "freed with the last one";
}

TEST(SystemVMemory, keys_that_mean_something_else_are_refused) {
  EXPECT_FALSE(shared_memory::create(memory_name::system_v(0), {.size_bytes = 64}));
  EXPECT_FALSE(shared_memory::open(memory_name::system_v(0)));
  EXPECT_FALSE(shared_memory::create(memory_name::system_v_id(1), {.size_bytes = 64}));
  EXPECT_FALSE(shared_memory::open(memory_name::system_v_id(-1)));
  EXPECT_FALSE(shared_memory::open(memory_name::system_v_id(1 << 30)));
  EXPECT_FALSE(
      shared_memory::create(memory_name::system_v(fresh_key()), {.size_bytes = 64, .mode = 0700}));
}

TEST(SystemVMemory, key_of_a_file_is_the_one_that_ftok_makes) {
  const std::string path = directory() + "/key";
  { const std::ofstream made{path}; }
  for (const int project : {1, int{'S'}, 255}) {
    EXPECT_EQ(memory_name::file_key(path, project).value().number(), ::ftok(path.c_str(), project));
  }
  EXPECT_FALSE(memory_name::file_key(path, 0));
  EXPECT_FALSE(memory_name::file_key(path, 256));
  EXPECT_FALSE(memory_name::file_key("", 1));
  EXPECT_FALSE(memory_name::file_key(directory() + "/none", 1));
  auto made = shared_memory::create(memory_name::file_key(path, 1).value(), {.size_bytes = 64});
  EXPECT_TRUE(made);
  std::filesystem::remove(path);
}

TEST(SystemVMemory, name_of_ours_is_a_key_file_which_goes_with_the_segment) {
  const std::string name = test::unique_name();
  const std::string file = directory() + "/" + name + ".shm.sysv";
  {
    auto made = shared_memory::create(memory_name::system_v(name), {.size_bytes = 64}).value();
    EXPECT_TRUE(std::filesystem::exists(file));
    EXPECT_TRUE(made.is_intact().value());
    EXPECT_TRUE(shared_memory::create(name, {.size_bytes = 64})) << "a file is another world";
    EXPECT_NE(segment_of(made).shm_perm.__key, IPC_PRIVATE);
  }
  EXPECT_TRUE(std::filesystem::is_empty(directory()));
  for (const char* bad : {"", ".", "..", ".hidden", "/tmp/segment", "a/b"}) {
    const memory_name wrong = memory_name::system_v(bad);
    EXPECT_EQ(shared_memory::create(wrong, {.size_bytes = 64}).error(),
              std::errc::invalid_argument);
    EXPECT_EQ(shared_memory::open(wrong).error(), std::errc::invalid_argument);
    EXPECT_EQ(shared_memory::unlink(wrong).error(), std::errc::invalid_argument);
  }
  EXPECT_EQ(
      shared_memory::create(memory_name::system_v(name), {.size_bytes = 64, .mode = 0660}).error(),
      std::errc::invalid_argument)
      << "nobody else reaches the directory";
}

// F27, F28
TEST(SystemVMemory, segment_that_others_made_under_our_key_is_not_taken_for_ours) {
  const memory_name name = memory_name::system_v(test::unique_name());
  auto made = shared_memory::create(name, {.size_bytes = 64}).value();
  const key_t key = segment_of(made).shm_perm.__key;
  ASSERT_EQ(::shmctl(static_cast<int>(made.identity().inode), IPC_RMID, nullptr), 0);
  const int foreign = ::shmget(key, 64, IPC_CREAT | IPC_EXCL | 0600);
  ASSERT_GE(foreign, 0);
  EXPECT_EQ(shared_memory::open(name).error(), errc::removed);
  EXPECT_FALSE(made.is_intact().value());
  auto next = shared_memory::open_or_create(name, {.size_bytes = 64}).value();
  EXPECT_NE(static_cast<int>(next.identity().inode), foreign);
  EXPECT_EQ(made.unlink().error(), errc::removed);
  EXPECT_TRUE(next.is_intact().value()) << "whose name it is now";
  ASSERT_TRUE(next.unlink());
  struct shmid_ds untouched {};
  EXPECT_EQ(::shmctl(foreign, IPC_STAT, &untouched), 0);
  ::shmctl(foreign, IPC_RMID, nullptr);
}

// F28: two files have one key (ftok), or somebody sits on it
TEST(SystemVMemory, key_that_another_program_uses_is_refused_by_create_and_by_size) {
  const key_t key = fresh_key();
  const int foreign = ::shmget(key, 4096, IPC_CREAT | IPC_EXCL | 0600);
  ASSERT_GE(foreign, 0);
  const memory_name name = memory_name::system_v(key);
  auto made = shared_memory::create(name, {.size_bytes = 64});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error(), std::errc::file_exists);
  EXPECT_NE(*made.error().hint(), '\0');
  EXPECT_EQ(shared_memory::open_or_create(name, {.size_bytes = 64}).error(), errc::incompatible);
  ::shmctl(foreign, IPC_RMID, nullptr);
}

// F29 for segments: the error names the sysctl
TEST(SystemVMemory, limits_of_the_kernel_are_named) {
  if (!test::has_own_ipc()) GTEST_SKIP() << "needs an IPC namespace whose limits can be lowered";
  const auto set = [](const char* sysctl, const char* value) {
    std::ofstream file{std::string{"/proc/sys/kernel/"} + sysctl};
    file << value << std::flush;
    return file.good();
  };
  child limited{[&] {
    if (!set("shmmax", "8192")) GTEST_SKIP() << "the limits are read-only here";
    auto large = shared_memory::create(memory_name::system_v(fresh_key()), {.size_bytes = 8193});
    ASSERT_FALSE(large);
    EXPECT_NE(std::string{large.error().hint()}.find("kernel.shmmax"), std::string::npos);
    ASSERT_TRUE(set("shmmni", "0"));
    auto one_more = shared_memory::create(memory_name::system_v(fresh_key()), {.size_bytes = 64});
    ASSERT_FALSE(one_more);
    EXPECT_EQ(one_more.error(), std::errc::no_space_on_device);
    EXPECT_NE(std::string{one_more.error().hint()}.find("kernel.shmmni"), std::string::npos);
  }};
  limited.wait_success();
  set("shmmni", "4096");
  set("shmmax", "18446744073692774399");
}

}  // namespace
