#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <sluice/channel/fifo.hpp>
#include <sluice/os/lasting_object.hpp>
#include <string>

#include "support/another_user.hpp"
#include "support/bound_socket.hpp"
#include "support/child.hpp"
#include "support/isolation.hpp"
#include "support/runtime_directory.hpp"
#include "support/visible_processes.hpp"

namespace sluice {
namespace {

using namespace std::chrono_literals;
using test::as_nobody;
using test::child;
using test::may_change_user;
using test::private_runtime_directory;
using test::rendezvous;

std::optional<lasting_object> find(const std::vector<lasting_object>& objects,
                                   const std::string& name) {
  const auto found = std::find_if(objects.begin(), objects.end(),
                                  [&](const lasting_object& one) { return one.name == name; });
  return found == objects.end() ? std::nullopt : std::optional{*found};
}

std::optional<lasting_object> listed(const std::string& leaf) {
  return find(list_runtime_directory().value(), private_runtime_directory::current() + "/" + leaf);
}

unique_fd make_file(const std::string& path, mode_t mode = 0600) {
  unique_fd file{::open(path.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, mode)};
  EXPECT_TRUE(file) << path;
  return file;
}

std::string in_runtime_directory(const std::string& leaf) {
  return private_runtime_directory::current() + "/" + leaf;
}

TEST(LastingObject, every_kind_has_a_name_of_its_own) {
  std::vector<std::string_view> names;
  for (int kind = 0; kind <= static_cast<int>(lasting_kind::system_v_semaphores); ++kind)
    names.push_back(name_of(static_cast<lasting_kind>(kind)));
  std::sort(names.begin(), names.end());
  EXPECT_EQ(std::adjacent_find(names.begin(), names.end()), names.end());
  EXPECT_EQ(std::count(names.begin(), names.end(), "unknown kind"), 0);
}

TEST(LastingObject, a_fifo_is_listed_with_kind_owner_mode_and_age) {
  const auto before = std::chrono::system_clock::now() - 1s;  // file times lag by a clock tick
  auto ours = fifo::create("here").value();
  ASSERT_EQ(::chmod(ours.path().c_str(), 0620), 0);
  const auto found = listed("here.fifo");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->kind, lasting_kind::fifo);
  EXPECT_EQ(found->owner, ::geteuid());
  EXPECT_EQ(found->mode, 0620U);
  EXPECT_EQ(found->size, 0U);
  EXPECT_GE(found->used_at, before);
  EXPECT_LE(found->age(), std::chrono::system_clock::now() - before);
}

TEST(LastingObject, a_fifo_is_in_use_while_a_process_has_it_open) {
  auto ours = fifo::create("line").value();
  EXPECT_EQ(listed("line.fifo")->used,
            test::all_processes_are_visible() ? in_use::no : in_use::unknown);
  const rendezvous opened;
  child reader{[&] {
    const unique_fd end{::open(ours.path().c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)};
    opened.arrive();
    ::pause();
  }};
  opened.wait();
  const auto found = listed("line.fifo");
  EXPECT_EQ(found->used, in_use::yes);
  ASSERT_EQ(found->users.size(), 1U);
  EXPECT_EQ(found->users[0], (last_user{.id = reader.id(), .lives = true}));
  reader.kill();
  EXPECT_NE(listed("line.fifo")->used, in_use::yes);
}

TEST(LastingObject, memory_is_in_use_while_it_is_only_mapped) {
  const std::string path = in_runtime_directory("table.memory");
  make_file(path);
  const rendezvous mapped;
  child user{[&] {
    {
      const unique_fd file{::open(path.c_str(), O_RDWR | O_CLOEXEC)};
      ASSERT_EQ(::ftruncate(file.get(), 4096), 0);
      ASSERT_NE(::mmap(nullptr, 4096, PROT_READ, MAP_SHARED, file.get(), 0), MAP_FAILED);
    }
    mapped.arrive();
    ::pause();
  }};
  mapped.wait();
  const auto found = listed("table.memory");
  EXPECT_EQ(found->kind, lasting_kind::file);
  EXPECT_EQ(found->size, 4096U);
  EXPECT_EQ(found->used, in_use::yes);
  user.kill();
  EXPECT_NE(listed("table.memory")->used, in_use::yes);
  EXPECT_TRUE(unlink(*listed("table.memory")));
  EXPECT_FALSE(listed("table.memory"));
}

TEST(LastingObject, a_socket_is_in_use_while_somebody_has_bound_it) {
  const std::string path = in_runtime_directory("desk.sock");
  const rendezvous bound;
  child server{[&] {
    const unique_fd socket = test::bound_socket(path);
    bound.arrive();
    ::pause();
  }};
  bound.wait();
  EXPECT_EQ(listed("desk.sock")->kind, lasting_kind::socket);
  EXPECT_EQ(listed("desk.sock")->used, in_use::yes);
  server.kill();
  const auto stale = listed("desk.sock");
  EXPECT_EQ(stale->used, in_use::no);
  EXPECT_TRUE(unlink(*stale));
  EXPECT_FALSE(listed("desk.sock"));
}

TEST(LastingObject, a_socket_bound_under_a_relative_path_is_not_called_unused) {
  const std::string path = in_runtime_directory("near.sock");
  const rendezvous bound;
  child server{[&] {
    ASSERT_EQ(::chdir(private_runtime_directory::current().c_str()), 0);
    const unique_fd socket = test::bound_socket("near.sock");
    bound.arrive();
    ::pause();
  }};
  bound.wait();
  EXPECT_EQ(listed("near.sock")->used, in_use::unknown);
  server.kill();
  EXPECT_TRUE(unlink(*listed("near.sock")));
}

TEST(LastingObject, names_of_unfinished_objects_are_listed) {
  make_file(in_runtime_directory(".ticks.fifo"));
  const auto found = listed(".ticks.fifo");
  ASSERT_TRUE(found);
  EXPECT_TRUE(unlink(*found));
}

TEST(LastingObject, a_runtime_directory_that_is_not_there_has_nothing_and_is_not_made) {
  const std::string path = in_runtime_directory("absent");
  EXPECT_TRUE(list_runtime_directory({.path = path}).value().empty());
  EXPECT_NE(::access(path.c_str(), F_OK), 0);
}

TEST(LastingObject, a_runtime_directory_open_to_all_is_refused_with_advice) {
  const std::string path = in_runtime_directory("open");
  ASSERT_EQ(::mkdir(path.c_str(), 0700), 0);
  ASSERT_EQ(::chmod(path.c_str(), 0777), 0);
  auto refused = list_runtime_directory({.path = path});
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error() == std::errc::permission_denied);
  EXPECT_STRNE(refused.error().hint(), "");
  ASSERT_EQ(::rmdir(path.c_str()), 0);
}

TEST(LastingObject, another_object_of_the_same_name_is_left_alone) {
  const std::string path = in_runtime_directory("spot.memory");
  make_file(path);
  const auto first = listed("spot.memory");
  // Kept under another name, so that the new one cannot get its inode.
  ASSERT_EQ(::rename(path.c_str(), (path + ".old").c_str()), 0);
  make_file(path);
  EXPECT_TRUE(unlink(*first).error() == errc::removed);
  EXPECT_TRUE(unlink(*listed("spot.memory")));
  EXPECT_TRUE(unlink(*listed("spot.memory.old")));
  EXPECT_TRUE(unlink(*first).error() == errc::removed);
}

TEST(LastingObject, names_that_no_listing_returns_are_refused) {
  lasting_object made_up{.kind = lasting_kind::fifo, .name = "no path"};
  EXPECT_TRUE(unlink(made_up).error() == std::errc::invalid_argument);
  made_up = {.kind = lasting_kind::posix_memory, .name = "/../etc/passwd"};
  EXPECT_TRUE(unlink(made_up).error() == std::errc::invalid_argument);
  made_up = {.kind = lasting_kind::posix_queue, .name = ""};
  EXPECT_TRUE(unlink(made_up).error() == std::errc::invalid_argument);
}

TEST(LastingObject, files_of_somebody_else_cannot_be_removed_and_may_be_in_use) {
  if (!may_change_user()) GTEST_SKIP() << "only root can become another user";
  const std::string name = "/" + test::unique_name();
  // Closed at once: a child would have it open as well, and nobody may look at itself.
  ASSERT_TRUE((unique_fd{::shm_open(name.c_str(), O_CREAT | O_EXCL | O_RDWR, 0600)}));
  as_nobody([&] {
    const auto found = find(list_posix_memory().value(), name);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->owner, 0U);
    EXPECT_EQ(found->used, in_use::unknown);  // root's processes are not for nobody to look at
    auto refused = unlink(*found);
    ASSERT_FALSE(refused);
    EXPECT_TRUE(refused.error() == std::errc::operation_not_permitted ||
                refused.error() == std::errc::permission_denied);
  });
  ASSERT_EQ(::shm_unlink(name.c_str()), 0);
}

TEST(LastingObject, one_part_that_cannot_be_listed_does_not_hide_the_others) {
  auto ours = fifo::create("seen").value();
  const std::string path = in_runtime_directory("file");
  make_file(path);
  const auto all = list_lasting_objects();
  EXPECT_TRUE(find(all.found, ours.path()));
  const auto less = list_lasting_objects({.path = path});  // not a directory
  EXPECT_EQ(less.not_listed.size(), all.not_listed.size() + 1);
  EXPECT_TRUE(less.not_listed.front() == std::errc::not_a_directory);
  EXPECT_TRUE(unlink(*listed("file")));
}

TEST(LastingObject, a_listing_is_in_the_order_of_kinds) {
  auto ours = fifo::create("b").value();
  auto mine = fifo::create("a").value();
  make_file(in_runtime_directory("0"));
  const auto all = list_lasting_objects().found;
  EXPECT_TRUE(std::is_sorted(all.begin(), all.end(), [](const auto& left, const auto& right) {
    return left.kind < right.kind;
  }));
  EXPECT_TRUE(unlink(*listed("0")));
}

}  // namespace
}  // namespace sluice
