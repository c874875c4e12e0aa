#include "support/leftovers.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <functional>

#include "support/isolation.hpp"
#include "support/runtime_directory.hpp"

namespace {

using namespace sluice::test;

// What the comparison says about a test that does only this.
std::string said_about(const std::function<void()>& leak) {
  const process_state before = process_state::now();
  leak();
  std::string all;
  for (const std::string& sentence : leftovers(before, process_state::now()))
    all += sentence + "\n";
  return all;
}

bool says(const std::string& all, const std::string& part) {
  return all.find(part) != std::string::npos;
}

TEST(Leftovers, nothing_is_said_when_nothing_was_left) {
  EXPECT_EQ(said_about([] {}), "");
  EXPECT_EQ(said_about([] { ::close(::open("/dev/null", O_RDONLY)); }), "");
}

TEST(Leftovers, an_open_descriptor_is_noticed) {
  int fd = -1;
  const std::string said = said_about([&] { fd = ::open("/dev/null", O_RDONLY); });
  EXPECT_TRUE(says(said, "descriptor " + std::to_string(fd) + " (/dev/null)")) << said;
  EXPECT_TRUE(says(said_about([&] { ::close(fd); }), "is gone"));
}

TEST(Leftovers, a_descriptor_that_leads_elsewhere_is_noticed) {
  const int fd = ::open("/dev/null", O_RDONLY);
  const int other = ::open("/dev/zero", O_RDONLY);
  EXPECT_TRUE(says(said_about([&] { ::dup2(other, fd); }), "/dev/zero"));
  ::close(fd);
  ::close(other);
}

TEST(Leftovers, a_child_is_noticed_alive_and_unreaped) {
  pid_t id = 0;
  const std::string said = said_about([&] {
    id = ::fork();
    if (id == 0)
      for (;;) ::pause();
  });
  EXPECT_TRUE(says(said, "child process")) << said;
  const process_state alive = process_state::now();
  ::kill(id, SIGKILL);
  siginfo_t info{};
  ::waitid(P_PID, static_cast<id_t>(id), &info, WEXITED | WNOWAIT);
  EXPECT_EQ(process_state::now().children, alive.children);
  ::waitpid(id, nullptr, 0);
  EXPECT_TRUE(process_state::now().children.empty());
}

TEST(Leftovers, a_name_in_the_runtime_directory_is_noticed) {
  const std::string path = private_runtime_directory::current() + "/left.fifo";
  const std::string said = said_about([&] { ::mkfifo(path.c_str(), 0600); });
  EXPECT_TRUE(says(said, "left.fifo")) << said;
  ::unlink(path.c_str());
}

TEST(Leftovers, a_name_in_shared_memory_is_noticed) {
  const std::string path = "/dev/shm/" + unique_name();
  const std::string said = said_about([&] { std::ofstream{path} << "left"; });
  EXPECT_TRUE(says(said, "in /dev/shm")) << said;
  ::unlink(path.c_str());
}

TEST(Leftovers, a_system_v_object_is_noticed) {
  int memory = -1;
  const std::string said =
      said_about([&] { memory = ::shmget(IPC_PRIVATE, 100, IPC_CREAT | 0600); });
  EXPECT_TRUE(says(said, "shm " + std::to_string(memory))) << said;
  ::shmctl(memory, IPC_RMID, nullptr);

  if (!has_own_ipc()) GTEST_SKIP() << "semaphores of others cannot be told from ours without root";
  int semaphores = -1;
  const std::string of_semaphores =
      said_about([&] { semaphores = ::semget(IPC_PRIVATE, 1, IPC_CREAT | 0600); });
  EXPECT_TRUE(says(of_semaphores, "sem " + std::to_string(semaphores))) << of_semaphores;
  ::semctl(semaphores, 0, IPC_RMID);
}

TEST(Leftovers, a_changed_signal_disposition_is_noticed) {
  for (const int signal : {SIGPIPE, SIGINT, SIGCHLD, SIGRTMIN}) {
    const std::string said = said_about([&] { ::signal(signal, SIG_IGN); });
    EXPECT_TRUE(says(said, "signal " + std::to_string(signal) + " is handled")) << said;
    ::signal(signal, SIG_DFL);
  }
}

TEST(Leftovers, a_changed_signal_mask_and_a_pending_signal_are_noticed) {
  sigset_t one;
  ::sigemptyset(&one);
  ::sigaddset(&one, SIGUSR1);
  const std::string masked = said_about([&] { ::pthread_sigmask(SIG_BLOCK, &one, nullptr); });
  EXPECT_TRUE(says(masked, "in the signal mask, signal " + std::to_string(SIGUSR1))) << masked;
  const std::string pending = said_about([] { ::raise(SIGUSR1); });
  EXPECT_TRUE(says(pending, "pending signal " + std::to_string(SIGUSR1))) << pending;
  int taken = 0;
  ::sigwait(&one, &taken);
  ::pthread_sigmask(SIG_UNBLOCK, &one, nullptr);
}

TEST(Leftovers, a_changed_umask_is_noticed) {
  mode_t before = 0;
  const std::string said = said_about([&] { before = ::umask(0123); });
  EXPECT_TRUE(says(said, "umask")) << said;
  ::umask(before);
}

TEST(Leftovers, a_changed_environment_is_noticed) {
  const std::string said = said_about([] { ::setenv("SLUICE_LEFT", "1", 1); });
  EXPECT_TRUE(says(said, "SLUICE_LEFT=1")) << said;
  ::unsetenv("SLUICE_LEFT");
}

TEST(PrivateRuntimeDirectory, every_test_has_one_that_is_private_and_empty) {
  struct stat found {};
  ASSERT_EQ(::stat(private_runtime_directory::current().c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 07777, 0700U);
  EXPECT_TRUE(process_state::now().runtime_entries.empty());
}

TEST(PrivateRuntimeDirectory, restores_the_environment_and_removes_what_is_in_it) {
  const std::string outer = private_runtime_directory::current();
  std::string inner;
  {
    const private_runtime_directory directory;
    inner = directory.path();
    EXPECT_EQ(private_runtime_directory::current(), inner);
    std::ofstream{inner + "/file"} << "content";
  }
  EXPECT_EQ(private_runtime_directory::current(), outer);
  EXPECT_NE(::access(inner.c_str(), F_OK), 0);
}

}  // namespace
