// Message queues with programs that are not ours: ipcs, ipcmk and ipcrm of util-linux, and Python.

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <sluice/channel/posix_queue_receiver.hpp>
#include <sluice/channel/posix_queue_sender.hpp>
#include <sluice/channel/system_v_queue_receiver.hpp>
#include <sluice/channel/system_v_queue_sender.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "channel/system_v_fixture.hpp"
#include "support/asleep.hpp"
#include "support/child.hpp"
#include "support/program.hpp"
#include "support/program_output.hpp"
#include "support/runtime_directory.hpp"

namespace sluice::test {
namespace {

constexpr const char* needs_sysv_ipc = "needs the Debian package python3-sysv-ipc";
constexpr const char* needs_util_linux = "needs ipcs, ipcmk and ipcrm of util-linux";

bool has_ipc_tools() { return has_program("ipcs") && has_program("ipcmk") && has_program("ipcrm"); }

bool has_sysv_ipc() { return has_python_module("sysv_ipc"); }

std::string receive_text(auto& receiver, auto... which) {
  std::array<std::byte, 100> buffer;
  auto got = receiver.receive(buffer, which..., deadline{patience});
  EXPECT_TRUE(got) << got.error().message();
  return got ? std::string{text_of(const_bytes{buffer}.first(*got))} : "";
}

TEST(SystemVQueueTools, ipcmk_makes_a_queue_that_we_use_and_ipcrm_removes_it) {
  if (!has_ipc_tools()) GTEST_SKIP() << needs_util_linux;
  const std::string told = output_of({"ipcmk", "-Q", "-p", "600"});
  const std::string id = told.substr(told.rfind(' ') + 1);
  const auto name = system_v_name::id(std::stoi(id));
  {
    auto sender = system_v_queue_sender::open(name).value();
    auto receiver = system_v_queue_receiver::open(name).value();
    EXPECT_TRUE(sender.try_send(bytes_of("hello")));
    EXPECT_EQ(receive_text(receiver), "hello");
  }
  EXPECT_EQ(output_of({"ipcrm", "-q", std::to_string(name.number())}), "");
  EXPECT_EQ(system_v_queue::open(name).error(), errc::removed);
}

TEST(SystemVQueueTools, ipcs_shows_ours_with_key_mode_and_messages) {
  if (!has_ipc_tools()) GTEST_SKIP() << needs_util_linux;
  auto made = system_v_queue::create("ticks").value();
  auto sender = system_v_queue_sender::over(made).value();
  ASSERT_TRUE(sender.try_send(bytes_of("12345")));
  ASSERT_TRUE(sender.try_send(bytes_of("6789")));
  std::array<char, 16> key{};
  std::snprintf(key.data(), key.size(), "0x%08x", static_cast<unsigned>(made.key()));
  const std::string all = output_of({"ipcs", "-q"});
  const auto at = all.find(key.data());
  ASSERT_NE(at, std::string::npos) << all;
  std::istringstream row{all.substr(at, all.find('\n', at) - at)};
  std::string shown, id, owner, mode, bytes, messages;
  row >> shown >> id >> owner >> mode >> bytes >> messages;
  EXPECT_EQ(id, std::to_string(made.id()));
  EXPECT_EQ(mode, "600");
  EXPECT_EQ(bytes, "9");
  EXPECT_EQ(messages, "2");
}

// F27
TEST(SystemVQueueTools, ipcrm_wakes_whoever_waits) {
  if (!has_ipc_tools()) GTEST_SKIP() << needs_util_linux;
  auto made = system_v_queue::create("ticks").value();
  child waiting{[&made] {
    auto receiver = system_v_queue_receiver::over(made).value();
    std::array<std::byte, 10> buffer;
    EXPECT_EQ(receiver.receive(buffer).error(), errc::removed);
  }};
  wait_until_asleep(waiting.id());
  EXPECT_EQ(output_of({"ipcrm", "-Q", std::to_string(made.key())}), "");
  waiting.wait_success();
  EXPECT_FALSE(made.is_intact().value());
}

TEST(SystemVQueuePython, sends_to_us_and_receives_from_us_by_type) {
  if (!has_sysv_ipc()) GTEST_SKIP() << needs_sysv_ipc;
  const std::string path = private_runtime_directory::current();
  auto made = system_v_queue::create(system_v_name::of_file(path, 5).value()).value();
  // Its ftok is our of_file.
  run_python(
      "import sys, sysv_ipc\n"
      "queue = sysv_ipc.MessageQueue(sysv_ipc.ftok(sys.argv[1], 5, True))\n"
      "queue.send(b'first', type=3)\n"
      "queue.send(b'second', type=7)\n",
      {path});
  auto receiver = system_v_queue_receiver::over(made).value();
  EXPECT_EQ(receive_text(receiver, message_selection::exactly(7)), "second");
  EXPECT_EQ(receive_text(receiver), "first");
  EXPECT_EQ(receiver.last_type(), 3);

  auto sender = system_v_queue_sender::over(made).value();
  ASSERT_TRUE(sender.try_send(bytes_of("five"), 5));
  ASSERT_TRUE(sender.try_send(bytes_of("two"), 2));
  EXPECT_EQ(run_python("import sys, sysv_ipc\n"
                       "queue = sysv_ipc.MessageQueue(int(sys.argv[1]))\n"
                       "for wanted in (-9, 0):\n"
                       "    message, kind = queue.receive(type=wanted)\n"
                       "    print(message.decode(), kind)\n",
                       {std::to_string(made.key())}),
            "two 2\nfive 5\n");
}

TEST(SystemVQueuePython, makes_a_queue_that_we_find_by_its_key) {
  if (!has_sysv_ipc()) GTEST_SKIP() << needs_sysv_ipc;
  const auto key = unique_key();
  run_python(
      "import sys, sysv_ipc\n"
      "queue = sysv_ipc.MessageQueue(int(sys.argv[1]), sysv_ipc.IPC_CREX)\n"
      "queue.send(b'left behind', type=4)\n",
      {std::to_string(key)});
  auto receiver = system_v_queue_receiver::open(system_v_name::key(key)).value();
  EXPECT_EQ(receive_text(receiver), "left behind");
  EXPECT_TRUE(system_v_queue::unlink(system_v_name::key(key)));
}

// Through the C library: Python has no module of its own for these.
constexpr const char* python_queue =
    "import ctypes, os, sys\n"
    "libc = ctypes.CDLL(None, use_errno=True)\n"
    "size = 8192\n"
    "def check(outcome):\n"
    "    if outcome < 0: sys.exit(os.strerror(ctypes.get_errno()))\n"
    "    return outcome\n"
    "queue = check(libc.mq_open(sys.argv[1].encode(), os.O_RDWR))\n";

TEST(PosixQueuePython, sends_to_us_and_receives_from_us_by_priority) {
  if (!has_python_module("ctypes")) GTEST_SKIP() << "needs python3";
  const std::string name = unique_name();
  const auto made = posix_queue::create(name).value();
  auto receiver = posix_queue_receiver::open(name).value();
  auto sender = posix_queue_sender::open(name).value();
  run_python(std::string{python_queue} +
                 "check(libc.mq_send(queue, b'low', 3, 1))\n"
                 "check(libc.mq_send(queue, b'high', 4, 9))\n",
             {made.name()});
  EXPECT_EQ(receive_text(receiver), "high");
  EXPECT_EQ(receiver.last_priority(), 9U);
  EXPECT_EQ(receive_text(receiver), "low");
  ASSERT_TRUE(sender.try_send(bytes_of("one")));
  ASSERT_TRUE(sender.try_send(bytes_of("two"), 2));
  EXPECT_EQ(run_python(std::string{python_queue} +
                           "for turn in range(2):\n"
                           "    text = ctypes.create_string_buffer(size)\n"
                           "    priority = ctypes.c_uint()\n"
                           "    got = check(libc.mq_receive(queue, text, size,\n"
                           "                                ctypes.byref(priority)))\n"
                           "    print(text.raw[:got].decode(), priority.value)\n",
                       {made.name()}),
            "two 2\none 0\n");
}

}  // namespace
}  // namespace sluice::test
