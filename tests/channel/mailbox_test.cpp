#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <sluice/channel/mailbox.hpp>
#include <string>
#include <vector>

#include "support/another_user.hpp"
#include "support/asleep.hpp"
#include "support/child.hpp"
#include "support/runtime_directory.hpp"

namespace sluice {
namespace {

using namespace std::chrono_literals;
using test::as_nobody;
using test::child;
using test::patience;

std::string path_of(const std::string& name) {
  return test::private_runtime_directory::current() + "/" + name + ".mailbox.shm";
}

class Mailbox : public testing::Test {
 protected:
  mailbox box = mailbox::create("box", {.capacity_messages = 3, .max_message_bytes = 100}).value();
  mailbox_sender sender = mailbox_sender::open("box").value();
  mailbox_receiver receiver = mailbox_receiver::open("box").value();

  std::string next() {
    auto got = receive_message(receiver, deadline{patience});
    return got ? std::string{text_of(*got)} : got.error().message();
  }
};

TEST_F(Mailbox, hands_messages_out_in_the_order_they_came) {
  for (const char* text : {"one", "", "three"}) ASSERT_TRUE(sender.try_send(bytes_of(text)));
  EXPECT_EQ(box.messages(), 3U);
  EXPECT_EQ(next(), "one");
  EXPECT_EQ(next(), "");
  EXPECT_EQ(next(), "three");
  EXPECT_EQ(box.messages(), 0U);
  EXPECT_TRUE(would_block(receiver.next_size().error()));
}

TEST_F(Mailbox, has_room_for_exactly_its_capacity_again_and_again) {
  for (int round = 0; round < 10; ++round) {
    for (int i = 0; i < 3; ++i)
      ASSERT_TRUE(sender.try_send(bytes_of(std::to_string(10 * round + i))));
    EXPECT_TRUE(would_block(sender.try_send(bytes_of("more")).error()));
    for (int i = 0; i < 3; ++i) EXPECT_EQ(next(), std::to_string(10 * round + i));
  }
}

TEST_F(Mailbox, takes_messages_up_to_its_maximum_and_names_the_option_above) {
  EXPECT_EQ(sender.max_message_bytes(), 100U);
  ASSERT_TRUE(sender.try_send(bytes_of(std::string(100, 'x'))));
  auto refused = sender.try_send(bytes_of(std::string(101, 'x')));
  EXPECT_TRUE(refused.error() == std::errc::message_size);
  EXPECT_NE(refused.error().message().find("max_message_bytes"), std::string::npos);
  EXPECT_EQ(next(), std::string(100, 'x'));
}

TEST_F(Mailbox, keeps_messages_when_all_who_had_it_open_are_gone) {
  {
    auto lasting = mailbox::create("lasting").value();
    lasting.persist();
    ASSERT_TRUE(mailbox_sender::open("lasting").value().try_send(bytes_of("still here")));
  }
  auto later = mailbox_receiver::open("lasting").value();
  EXPECT_EQ(text_of(receive_message(later, deadline::now()).value()), "still here");
  EXPECT_TRUE(mailbox::unlink("lasting"));
  EXPECT_FALSE(mailbox_receiver::open("lasting"));
}

TEST_F(Mailbox, left_behind_is_taken_over_with_its_messages) {
  const mailbox_create_options options{.capacity_messages = 5, .max_message_bytes = 10};
  {
    auto made = mailbox::create("left", options).value();
    made.persist();
    ASSERT_TRUE(mailbox_sender::open("left").value().try_send(bytes_of("old")));
  }
  auto other = mailbox::open_or_create("left", {.capacity_messages = 10, .max_message_bytes = 2});
  EXPECT_TRUE(other.error() == errc::incompatible) << other.error().message();
  auto taken = mailbox::open_or_create("left", options);
  ASSERT_TRUE(taken) << taken.error().message();
  EXPECT_EQ(taken->messages(), 1U);
}

TEST_F(Mailbox, name_is_taken_once_and_goes_with_its_owner) {
  EXPECT_TRUE(mailbox::create("box").error() == std::errc::file_exists);
  {
    auto gone = mailbox::create("gone").value();
    EXPECT_EQ(::access(path_of("gone").c_str(), F_OK), 0);
  }
  EXPECT_NE(::access(path_of("gone").c_str(), F_OK), 0);
  EXPECT_TRUE(mailbox_sender::open("gone").error() == std::errc::no_such_file_or_directory);
}

TEST_F(Mailbox, unlinked_under_its_users_goes_on_for_them) {
  ASSERT_TRUE(box.unlink());
  ASSERT_TRUE(sender.try_send(bytes_of("on")));
  EXPECT_EQ(next(), "on");
  EXPECT_TRUE(box.unlink().error() == errc::removed);
}

TEST_F(Mailbox, impossible_options_are_refused_with_the_reason) {
  for (const mailbox_create_options& options :
       {mailbox_create_options{.capacity_messages = 0},
        mailbox_create_options{.max_message_bytes = 0},
        mailbox_create_options{.max_message_bytes = (std::size_t{64} << 20) + 1},
        mailbox_create_options{.capacity_messages = SIZE_MAX},
        mailbox_create_options{.capacity_messages = SIZE_MAX / 4096}}) {
    auto refused = mailbox::create("impossible", options);
    ASSERT_FALSE(refused);
    EXPECT_TRUE(refused.error() == std::errc::invalid_argument);
    EXPECT_STRNE(refused.error().hint(), "");
  }
  EXPECT_NE(::access(path_of("impossible").c_str(), F_OK), 0);
}

// F22
TEST_F(Mailbox, larger_than_the_memory_there_is_leaves_no_name) {
  auto refused = mailbox::create("large", {.capacity_messages = std::size_t{1} << 40});
  ASSERT_FALSE(refused);
  EXPECT_STRNE(refused.error().hint(), "");
  EXPECT_NE(::access(path_of("large").c_str(), F_OK), 0);
}

TEST_F(Mailbox, names_that_cannot_be_are_refused) {
  for (const char* name : {"", "a/../b", ".."}) {
    EXPECT_FALSE(mailbox::create(name)) << name;
    EXPECT_FALSE(mailbox_sender::open(name)) << name;
    EXPECT_FALSE(mailbox_receiver::open(name)) << name;
    EXPECT_FALSE(mailbox::unlink(name)) << name;
  }
  EXPECT_FALSE(mailbox::create(std::string(300, 'x')));
}

TEST_F(Mailbox, of_another_user_is_refused) {
  if (!test::may_change_user()) GTEST_SKIP() << "only root can become another user";
  const std::string path = "/dev/shm/sluice-mailbox-" + std::to_string(::getpid());
  auto ours = mailbox::create(path, {.mode = 0644}).value();
  as_nobody([&] {
    EXPECT_TRUE(mailbox_receiver::open(path).error() == std::errc::permission_denied);
    EXPECT_FALSE(mailbox_receiver::open(path, {.owner = 0}));  // may read, may not write
    EXPECT_FALSE(mailbox::unlink(path, {.owner = 0}));
  });
  EXPECT_EQ(::access(path.c_str(), F_OK), 0);
}

TEST_F(Mailbox, sender_waits_for_room_and_receiver_for_messages_in_another_process) {
  child other{[] {
    auto from = mailbox_receiver::open("box").value();
    for (int i = 0; i < 1000; ++i) {
      auto got = receive_message(from, deadline{patience});
      ASSERT_TRUE(got) << got.error().message();
      EXPECT_EQ(text_of(*got), std::to_string(i));
    }
  }};
  test::wait_until_asleep(other.id());
  for (int i = 0; i < 1000; ++i)
    ASSERT_TRUE(sender.send(bytes_of(std::to_string(i)), deadline{patience}));
  other.wait_success();
}

TEST_F(Mailbox, waits_end_at_their_deadline) {
  EXPECT_TRUE(receiver.wait_readable(10ms).error() == std::errc::timed_out);
  while (sender.try_send({})) continue;
  const deadline until{120ms};  // longer than one sleep
  EXPECT_TRUE(sender.wait_writable(until).error() == std::errc::timed_out);
  EXPECT_TRUE(until.has_passed());
}

// H1, H2, H3: what lies at the name was written by somebody else.
class ForgedMailbox : public Mailbox {
 protected:
  // The layout as docs/mailbox-format.md has it.
  template <class Number>
  static void put(std::size_t offset, Number number) {
    const unique_fd file{::open(path_of("box").c_str(), O_RDWR | O_CLOEXEC)};
    ASSERT_EQ(::pwrite(file.get(), &number, sizeof number, static_cast<off_t>(offset)),
              static_cast<ssize_t>(sizeof number));
  }
  template <class Number>
  static Number get(std::size_t offset) {
    const unique_fd file{::open(path_of("box").c_str(), O_RDONLY | O_CLOEXEC)};
    Number number{};
    EXPECT_EQ(::pread(file.get(), &number, sizeof number, static_cast<off_t>(offset)),
              static_cast<ssize_t>(sizeof number));
    return number;
  }
  static void expect_refused(errc code) {
    auto refused = mailbox_sender::open("box");
    ASSERT_FALSE(refused);
    EXPECT_TRUE(refused.error() == code) << refused.error().message();
    EXPECT_STRNE(refused.error().hint(), "");
  }
};

TEST_F(ForgedMailbox, is_laid_out_as_the_page_says) {
  for (const char* text : {"abcdefgh", "12", "3"}) ASSERT_TRUE(sender.try_send(bytes_of(text)));
  EXPECT_EQ(next(), "abcdefgh");
  ASSERT_TRUE(sender.try_send(bytes_of("fourth")));
  EXPECT_EQ(get<std::uint64_t>(16), 3U);
  EXPECT_EQ(get<std::uint64_t>(24), 100U);
  EXPECT_EQ(get<std::uint64_t>(144), 4U);
  EXPECT_EQ(get<std::uint64_t>(152), 1U);
  constexpr std::size_t slot = 8 + 104;    // 100 rounded up
  EXPECT_EQ(get<std::uint64_t>(192), 6U);  // the fourth lies where the first lay
  EXPECT_EQ(get<char>(200), 'f');
  EXPECT_EQ(get<std::uint64_t>(192 + slot), 2U);
  EXPECT_EQ(get<char>(200 + slot), '1');
  struct stat found {};
  ASSERT_EQ(::stat(path_of("box").c_str(), &found), 0);
  EXPECT_EQ(found.st_size, static_cast<off_t>(192 + 3 * slot));
}

TEST_F(ForgedMailbox, of_a_wrong_magic_or_version_is_told_apart) {
  put(0, std::uint64_t{0});
  expect_refused(errc::incompatible);
  put(0, std::uint64_t{0x786f'626c'6961'6d73});
  put(8, std::uint32_t{7});
  expect_refused(errc::incompatible);
  put(8, std::uint32_t{1});
  EXPECT_TRUE(mailbox_sender::open("box"));
}

TEST_F(ForgedMailbox, of_impossible_geometry_is_corrupt) {
  for (const std::uint64_t capacity : {std::uint64_t{0}, std::uint64_t{4}, UINT64_MAX}) {
    put(16, capacity);
    expect_refused(errc::corrupt);
  }
  put(16, std::uint64_t{3});
  for (const std::uint64_t size : {std::uint64_t{0}, std::uint64_t{1000}, UINT64_MAX}) {
    put(24, size);
    expect_refused(errc::corrupt);
  }
}

TEST_F(ForgedMailbox, geometry_that_changes_later_is_not_asked_again) {
  put(16, UINT64_MAX);
  put(24, UINT64_MAX);
  ASSERT_TRUE(sender.try_send(bytes_of("safe")));
  EXPECT_EQ(next(), "safe");
  EXPECT_EQ(sender.max_message_bytes(), 100U);
}

// H4, H6
TEST_F(ForgedMailbox, counters_and_sizes_that_cannot_be_are_corrupt) {
  ASSERT_TRUE(sender.try_send(bytes_of("real")));
  for (const std::uint64_t size : {std::uint64_t{101}, std::uint64_t{1} << 31, UINT64_MAX}) {
    put(192, size);
    EXPECT_TRUE(receiver.next_size().error() == errc::corrupt);
    std::vector<std::byte> buffer(4096);
    EXPECT_TRUE(receiver.try_receive(buffer).error() == errc::corrupt);
  }
  for (const std::uint64_t sent : {std::uint64_t{4}, UINT64_MAX}) {
    put(144, sent);
    EXPECT_TRUE(sender.try_send({}).error() == errc::corrupt);
    EXPECT_TRUE(receiver.next_size().error() == errc::corrupt);
    EXPECT_TRUE(receiver.wait_readable(deadline::now()).error() == errc::corrupt);
    EXPECT_LE(box.messages(), 3U);
  }
}

// F44
TEST_F(ForgedMailbox, counters_go_through_their_largest_value) {
  // A capacity that divides 2^64, so that slots stay the same ones.
  auto made = mailbox::create("wrap", {.capacity_messages = 4, .max_message_bytes = 8}).value();
  auto to = mailbox_sender::open("wrap").value();
  auto from = mailbox_receiver::open("wrap").value();
  const unique_fd file{::open(path_of("wrap").c_str(), O_RDWR | O_CLOEXEC)};
  const std::uint64_t late[2] = {UINT64_MAX - 1, UINT64_MAX - 1};
  ASSERT_EQ(::pwrite(file.get(), late, sizeof late, 144), 16);
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(to.try_send(bytes_of(std::to_string(i))));
    EXPECT_EQ(text_of(receive_message(from, deadline::now()).value()), std::to_string(i));
  }
}

TEST_F(ForgedMailbox, memory_that_is_no_mailbox_is_refused) {
  auto other = shared_memory::create("other.mailbox", {.size_bytes = 100}).value();
  EXPECT_TRUE(mailbox_sender::open("other").error() == errc::incompatible);
  auto larger = shared_memory::create("larger.mailbox", {.size_bytes = 8192}).value();
  EXPECT_TRUE(mailbox_receiver::open("larger").error() == errc::incompatible);
}

}  // namespace
}  // namespace sluice
