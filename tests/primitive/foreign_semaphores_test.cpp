// Semaphores with programs that are not ours: Python's ctypes for those of the C library, Python's
// sysv_ipc and the tools ipcmk, ipcs and ipcrm for System V sets.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sluice/primitive/posix_semaphore.hpp>
#include <sluice/primitive/system_v_semaphore_set.hpp>
#include <string>
#include <vector>

#include "support/child.hpp"
#include "support/isolation.hpp"
#include "support/program_output.hpp"

namespace sluice {
namespace {

using test::has_python_module;
using test::output_of;
using test::run_python;

class ForeignPosixSemaphore : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!has_python_module("ctypes")) GTEST_SKIP() << "needs python3";
  }
  // What Python needs to use the C library's functions.
  static constexpr const char* library =
      "import ctypes, os\n"
      "c = ctypes.CDLL(None, use_errno=True)\n"
      "c.sem_open.restype = ctypes.c_void_p\n"
      "def check(outcome):\n"
      "    assert outcome == 0, os.strerror(ctypes.get_errno())\n";
  std::string name_ = "/sluice-" + test::unique_name();
};

TEST_F(ForeignPosixSemaphore, python_opens_takes_and_gives_what_we_made) {
  auto made = posix_semaphore::create(semaphore_name::posix(name_), {.initial = 2}).value();
  EXPECT_EQ(run_python(std::string{library} + "s = ctypes.c_void_p(c.sem_open(b'" + name_ +
                       "', 0))\n"
                       "assert s.value\n"
                       "check(c.sem_wait(s)); check(c.sem_wait(s))\n"
                       "assert c.sem_trywait(s) == -1\n"
                       "for i in range(5): check(c.sem_post(s))\n"
                       "print('done')\n"),
            "done\n");
  EXPECT_EQ(made.value(), 5U);
}

TEST_F(ForeignPosixSemaphore, we_open_wait_for_and_remove_what_python_made) {
  const auto name = semaphore_name::posix(name_);
  run_python(std::string{library} + "s = ctypes.c_void_p(c.sem_open(b'" + name_ + "', " +
             std::to_string(O_CREAT | O_EXCL) +
             ", 0o600, 3))\n"
             "assert s.value\n"
             "check(c.sem_wait(s))\n");
  auto opened = posix_semaphore::open(name);
  ASSERT_TRUE(opened) << opened.error().message();
  EXPECT_EQ(opened->value(), 2U);
  EXPECT_TRUE(opened->try_wait());
  EXPECT_TRUE(opened->try_wait());
  test::child waiter{[&] { EXPECT_TRUE(opened->wait(deadline{test::patience})); }};
  run_python(std::string{library} + "s = ctypes.c_void_p(c.sem_open(b'" + name_ +
             "', 0))\n"
             "check(c.sem_post(s))\n");
  waiter.wait_success();
  EXPECT_TRUE(posix_semaphore::unlink(name));
}

class ForeignSemaphoreSet : public ::testing::Test {
 protected:
  static int fresh_key() {
    static int last = 0;
    return (::getpid() << 8) + 60 + ++last;
  }
  int key_ = fresh_key();
};

TEST_F(ForeignSemaphoreSet, python_uses_what_we_made_and_we_what_python_made) {
  if (!has_python_module("sysv_ipc")) GTEST_SKIP() << "needs the Debian package python3-sysv-ipc";
  const std::string key = std::to_string(key_);
  {
    auto made = system_v_semaphore_set::create(system_v_name::key(key_), {.initial = {3}});
    ASSERT_TRUE(made) << made.error().message();
    EXPECT_EQ(run_python("import sysv_ipc\n"
                         "s = sysv_ipc.Semaphore(" +
                         key +
                         ")\n"
                         "s.acquire(); s.acquire()\n"
                         "print(s.value, oct(s.mode), s.o_time != 0)\n"),
              "1 0o600 True\n");
    EXPECT_EQ(made->values().value(), std::vector<std::uint16_t>{1});
  }
  run_python(
      "import sysv_ipc\n"
      "s = sysv_ipc.Semaphore(" +
      key +
      ", sysv_ipc.IPC_CREX, mode=0o600, initial_value=2)\n"
      "s.release()\n");
  auto opened = system_v_semaphore_set::open(system_v_name::key(key_), {.count = 1});
  ASSERT_TRUE(opened) << opened.error().message();
  EXPECT_EQ(opened->values().value(), std::vector<std::uint16_t>{3});
  EXPECT_TRUE(opened->unlink());
}

TEST_F(ForeignSemaphoreSet, we_open_by_its_number_what_ipcmk_made) {
  const std::string told = output_of({"ipcmk", "-S", "4", "-p", "0600"});
  const auto digits = told.find_first_of("0123456789");
  ASSERT_NE(digits, told.npos) << told;
  const auto name = system_v_name::id(std::stoi(told.substr(digits)));
  // Nobody has used it yet, as if its creator had been killed.
  EXPECT_FALSE(system_v_semaphore_set::open(name));
  auto opened = system_v_semaphore_set::open(name, {.untouched = true, .count = 4});
  ASSERT_TRUE(opened) << opened.error().message();
  EXPECT_TRUE(opened->try_apply({{.index = 3, .change = 1}}));
  EXPECT_TRUE(system_v_semaphore_set::unlink(name));
}

TEST_F(ForeignSemaphoreSet, ipcs_lists_what_we_made_and_ipcrm_removes_it) {
  const auto name = system_v_name::key(key_);
  auto made = system_v_semaphore_set::create(name, {.initial = {5, 6, 7}, .mode = 0640}).value();
  const std::string id = std::to_string(made.id());
  const std::string listed = output_of({"ipcs", "-s", "-i", id});
  EXPECT_NE(listed.find("nsems = 3"), std::string::npos) << listed;
  EXPECT_NE(listed.find("mode=0640"), std::string::npos) << listed;
  // F27
  test::child waiter{
      [&] { EXPECT_EQ(made.apply({{.index = 0, .change = -6}}).error(), errc::removed); }};
  while (made.semaphore(0).value().waiters().value() != 1) ::usleep(100);
  output_of({"ipcrm", "-s", id});
  waiter.wait_success();
  EXPECT_FALSE(made.is_intact().value());
  EXPECT_EQ(made.unlink().error(), errc::removed);
}

}  // namespace
}  // namespace sluice
