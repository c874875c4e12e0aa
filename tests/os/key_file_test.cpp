#include "os/key_file.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/msg.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "support/another_user.hpp"
#include "support/child.hpp"
#include "support/runtime_directory.hpp"

namespace sluice {

namespace {

using test::child;
using test::private_runtime_directory;

result<int> outcome(int got, const char* call) {
  if (got < 0) return failure{error::from_errno(errno, call)};
  return got;
}

// A queue will do: it needs nothing but its key.
key_file::objects queues() {
  return {
      .kind = "queue",
      .suffix = ".msg.sysv",
      .operation = "test",
      .make =
          [](key_t key) { return outcome(::msgget(key, IPC_CREAT | IPC_EXCL | 0600), "msgget"); },
      .find = [](key_t key) { return outcome(::msgget(key, 0), "msgget"); },
      .remove = [](int id) -> result<void> {
        if (auto done = outcome(::msgctl(id, IPC_RMID, nullptr), "msgctl"); !done)
          return failure{done.error()};
        return {};
      }};
}

std::string contents(const std::string& path) {
  std::ifstream file{path};
  return {std::istreambuf_iterator<char>{file}, {}};
}

void write(const std::string& path, const std::string& text) { std::ofstream{path} << text; }

bool exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

bool exists(int queue) {
  msqid_ds ignored{};
  return ::msgctl(queue, IPC_STAT, &ignored) == 0;
}

class KeyFile : public testing::Test {
 protected:
  KeyFile()
      : place_(key_file::locate("work", kind_).value()),
        path_(private_runtime_directory::current() + "/work.msg.sysv"),
        unfinished_(private_runtime_directory::current() + "/.work.msg.sysv") {}
  ~KeyFile() override { static_cast<void>(key_file::unlink(place_, kind_, own_)); }

  result<key_file::entry> create(mode_t mode = 0600) {
    return key_file::create(place_, kind_, mode);
  }
  result<key_file::entry> open() { return key_file::open(place_, kind_, own_); }

  key_file::objects kind_ = queues();
  named_file::trust own_{.owner = ::geteuid()};
  name_place place_;
  std::string path_;
  std::string unfinished_;
};

TEST_F(KeyFile, leads_to_the_object_that_was_made_under_the_name) {
  const auto made = create().value();
  const auto found = open().value();
  EXPECT_EQ(found.id, made.id);
  EXPECT_EQ(found.key, made.key);
  EXPECT_EQ(found.identity, made.identity);
  EXPECT_EQ(::msgget(made.key, 0), made.id);
  EXPECT_NE(made.key, IPC_PRIVATE);
  EXPECT_TRUE(key_file::is_intact(place_, kind_, made).value());
}

TEST_F(KeyFile, is_found_by_a_process_that_knows_only_the_name) {
  const auto made = create().value();
  child other{[&made] {
    const auto kind = queues();
    const auto found =
        key_file::open(key_file::locate("work", kind).value(), kind, {.owner = ::geteuid()});
    ASSERT_TRUE(found);
    EXPECT_EQ(found->id, made.id);
  }};
  other.wait_success();
}

TEST_F(KeyFile, is_text_that_people_can_read) {
  const auto made = create().value();
  const std::string text = contents(path_);
  EXPECT_TRUE(text.starts_with("sluice-key 1 queue 0x")) << text;
  EXPECT_TRUE(text.ends_with("\nid " + std::to_string(made.id) + "\n")) << text;
}

TEST_F(KeyFile, can_be_read_by_those_who_may_use_the_object_and_written_by_its_owner_alone) {
  for (const auto& [asked, given] :
       std::vector<std::pair<mode_t, mode_t>>{{0600, 0600}, {0620, 0640}, {0666, 0644}}) {
    const mode_t before = ::umask(0277);
    const auto made = create(asked);
    ::umask(before);
    ASSERT_TRUE(made);
    struct stat found {};
    ASSERT_EQ(::stat(path_.c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 07777, given);
    ASSERT_TRUE(key_file::unlink(place_, kind_, own_));
  }
}

TEST_F(KeyFile, name_that_is_taken_is_left_alone) {
  const auto made = create().value();
  const auto again = create();
  ASSERT_FALSE(again);
  EXPECT_TRUE(again.error() == std::errc::file_exists);
  EXPECT_EQ(open().value().id, made.id);
}

TEST_F(KeyFile, unlink_removes_object_and_name) {
  const auto made = create().value();
  ASSERT_TRUE(key_file::unlink(place_, kind_, own_));
  EXPECT_FALSE(exists(path_));
  EXPECT_FALSE(exists(made.id));
  EXPECT_TRUE(open().error() == std::errc::no_such_file_or_directory);
  EXPECT_TRUE(key_file::unlink(place_, kind_, own_).error() ==
              std::errc::no_such_file_or_directory);
}

// F27
TEST_F(KeyFile, object_that_was_removed_is_reported_and_the_name_can_be_made_anew) {
  const auto made = create().value();
  ASSERT_EQ(::msgctl(made.id, IPC_RMID, nullptr), 0);
  EXPECT_TRUE(open().error() == errc::removed);
  EXPECT_FALSE(key_file::is_intact(place_, kind_, made).value());
  const auto next = create().value();
  EXPECT_NE(next.id, made.id);
  EXPECT_EQ(open().value().id, next.id);
  EXPECT_FALSE(key_file::is_intact(place_, kind_, made).value());
}

// F27, F28
TEST_F(KeyFile, foreign_object_under_our_key_is_recognised_and_left_alone) {
  const auto made = create().value();
  ASSERT_EQ(::msgctl(made.id, IPC_RMID, nullptr), 0);
  const int foreign = ::msgget(made.key, IPC_CREAT | IPC_EXCL | 0600);
  ASSERT_GE(foreign, 0);
  EXPECT_TRUE(open().error() == errc::removed);
  EXPECT_FALSE(key_file::is_intact(place_, kind_, made).value());
  const auto next = create().value();
  EXPECT_NE(next.key, made.key);
  EXPECT_TRUE(exists(foreign));
  ASSERT_TRUE(key_file::unlink(place_, kind_, own_));
  EXPECT_TRUE(exists(foreign));
  ::msgctl(foreign, IPC_RMID, nullptr);
}

// F27
TEST_F(KeyFile, object_that_got_our_id_under_another_key_is_recognised_and_left_alone) {
  const int foreign = ::msgget(IPC_PRIVATE, 0600);
  ASSERT_GE(foreign, 0);
  const auto made = create().value();
  std::string text = contents(path_);
  text.replace(text.find("id "), text.npos, "id " + std::to_string(foreign) + "\n");
  write(path_, text);
  ASSERT_EQ(::msgctl(made.id, IPC_RMID, nullptr), 0);
  EXPECT_TRUE(open().error() == errc::removed);
  ASSERT_TRUE(key_file::unlink(place_, kind_, own_));
  EXPECT_TRUE(exists(foreign));
  ::msgctl(foreign, IPC_RMID, nullptr);
}

// F28
TEST_F(KeyFile, key_that_somebody_else_has_is_not_used) {
  int tries = 0;
  key_t taken = 0;
  key_file::objects unlucky = kind_;
  unlucky.make = [this, &tries, &taken](key_t key) -> result<int> {
    if (++tries > 1) return kind_.make(key);
    taken = key;
    return failure{std::errc::file_exists, "msgget"};
  };
  const auto made = key_file::create(place_, unlucky, 0600).value();
  EXPECT_EQ(tries, 2);
  EXPECT_NE(made.key, taken);
  EXPECT_EQ(open().value().key, made.key);
}

TEST_F(KeyFile, failure_to_make_the_object_is_passed_on_and_leaves_nothing) {
  key_file::objects refusing = kind_;
  refusing.make = [](key_t) -> result<int> {
    return failure{std::errc::no_space_on_device, "msgget"};
  };
  EXPECT_TRUE(key_file::create(place_, refusing, 0600).error() == std::errc::no_space_on_device);
  EXPECT_FALSE(exists(path_));
  EXPECT_FALSE(exists(unfinished_));
}

// F9
TEST_F(KeyFile, creator_that_is_killed_leaves_no_name_and_its_object_is_removed_by_the_next) {
  for (const bool has_object : {false, true}) {
    child creator{[has_object] {
      key_file::objects last = queues();
      last.make = [has_object](key_t key) -> result<int> {
        if (has_object) static_cast<void>(queues().make(key));
        ::raise(SIGKILL);
        return 0;
      };
      static_cast<void>(key_file::create(key_file::locate("work", last).value(), last, 0600));
    }};
    EXPECT_EQ(creator.wait().signal, SIGKILL);
    EXPECT_TRUE(open().error() == std::errc::no_such_file_or_directory);
    const std::string left = contents(unfinished_);
    const auto key = static_cast<key_t>(std::stoul(left.substr(left.find("0x")), nullptr, 16));
    EXPECT_EQ(::msgget(key, 0) >= 0, has_object);
    const auto made = create().value();
    EXPECT_LT(::msgget(key, 0), 0);
    EXPECT_FALSE(exists(unfinished_));
    EXPECT_EQ(open().value().id, made.id);
    ASSERT_TRUE(key_file::unlink(place_, kind_, own_));
  }
}

TEST_F(KeyFile, unfinished_file_without_content_is_cleared) {
  write(unfinished_, "");
  EXPECT_TRUE(create());
  EXPECT_FALSE(exists(unfinished_));
}

// H2, H13
TEST_F(KeyFile, file_that_says_anything_else_is_refused_and_left_alone) {
  const std::string good = "sluice-key 1 queue 0x7 ipc:[1]\nid 5\n";
  const std::vector<std::string> broken{"",
                                        "\n",
                                        "#!/bin/sh\n",
                                        "sluice-key",
                                        "sluice-key 1",
                                        "sluice-key 1 queue 0x7",
                                        "sluice-key 1 queue 0x0 ipc:[1]\nid 5\n",
                                        "sluice-key 1 queue 7 ipc:[1]\nid 5\n",
                                        "sluice-key 1 queue 0x123456789 ipc:[1]\nid 5\n",
                                        "sluice-key 1 queue 0x7 \nid 5\n",
                                        "sluice-key 1 queue 0x7 ipc:[1]\nid 5",
                                        "sluice-key 1 queue 0x7 ipc:[1]\nid -5\n",
                                        "sluice-key 1 queue 0x7 ipc:[1]\nid 99999999999\n",
                                        good + "x\n",
                                        good + std::string(500, 'x'),
                                        std::string(100'000, 's')};
  for (const std::string& text : broken) {
    write(path_, text);
    EXPECT_TRUE(open().error() == errc::corrupt) << text.substr(0, 80);
    EXPECT_TRUE(create().error() == errc::corrupt) << text.substr(0, 80);
    EXPECT_EQ(contents(path_), text);
  }
  ::unlink(path_.c_str());
}

// H2
TEST_F(KeyFile, other_versions_kinds_and_namespaces_are_told_apart) {
  for (const char* text :
       {"sluice-key 2 anything else\n", "sluice-key 1 segment 0x7 ipc:[1]\nid 5\n",
        "sluice-key 1 queue 0x7 ipc:[1]\nid 5\n"}) {
    write(path_, text);
    EXPECT_TRUE(open().error() == errc::incompatible) << text;
    EXPECT_TRUE(create().error() == errc::incompatible) << text;
    EXPECT_TRUE(exists(path_));
  }
  ::unlink(path_.c_str());
}

// H12
TEST_F(KeyFile, links_directories_and_files_that_everybody_may_write_are_refused) {
  ASSERT_EQ(::symlink("elsewhere", path_.c_str()), 0);
  EXPECT_TRUE(open().error() == std::errc::too_many_symbolic_link_levels);
  EXPECT_TRUE(create().error() == std::errc::too_many_symbolic_link_levels);
  ::unlink(path_.c_str());
  ASSERT_EQ(::mkdir(path_.c_str(), 0700), 0);
  EXPECT_TRUE(open().error() == std::errc::invalid_argument);
  ::rmdir(path_.c_str());
  ASSERT_TRUE(create());
  ::chmod(path_.c_str(), 0602);
  EXPECT_TRUE(open().error() == std::errc::permission_denied);
  ::chmod(path_.c_str(), 0600);
}

TEST_F(KeyFile, paths_and_bad_names_are_refused) {
  for (const char* name : {"", ".", "..", ".hidden", "/tmp/queue", "./queue", "a/b"})
    EXPECT_TRUE(key_file::locate(name, kind_).error() == std::errc::invalid_argument) << name;
  EXPECT_TRUE(key_file::locate(std::string(201, 'x'), kind_).error() ==
              std::errc::filename_too_long);
}

// F28
TEST_F(KeyFile, another_users_key_file_is_refused_unless_that_user_is_named) {
  if (!test::may_change_user()) GTEST_SKIP() << "needs root";
  const auto made = create().value();
  ASSERT_EQ(::chown(path_.c_str(), test::nobody, test::nobody), 0);
  EXPECT_TRUE(open().error() == std::errc::permission_denied);
  EXPECT_TRUE(create().error() == std::errc::permission_denied);
  EXPECT_TRUE(key_file::unlink(place_, kind_, own_).error() == std::errc::permission_denied);
  EXPECT_EQ(key_file::open(place_, kind_, {.owner = test::nobody}).value().id, made.id);
  ASSERT_EQ(::chown(path_.c_str(), ::geteuid(), ::getegid()), 0);
}

}  // namespace

}  // namespace sluice
