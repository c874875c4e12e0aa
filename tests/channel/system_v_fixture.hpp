#pragma once
// What the tests of System V queues have in common: keys that nobody else uses, and the kernel's
// limits, which a test may change in an IPC namespace of its own.

#include <gtest/gtest.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <sluice/channel/system_v_queue.hpp>
#include <string>
#include <vector>

#include "support/isolation.hpp"

namespace sluice::test {

/// A key of this process's own.
[[nodiscard]] inline key_t unique_key() {
  static std::atomic<int> made{0};
  return static_cast<key_t>((::getpid() << 8) + ++made);
}

/// A sysctl with another value while this lives. To be asked before: has_own_ipc().
class changed_sysctl {
 public:
  changed_sysctl(const std::string& name, long value) : path_("/proc/sys/" + name) {
    std::ifstream{path_} >> before_;
    write(value);
  }
  changed_sysctl(const changed_sysctl&) = delete;
  changed_sysctl& operator=(const changed_sysctl&) = delete;
  ~changed_sysctl() { write(before_); }

  void write(long value) {
    std::ofstream file{path_};
    file << value << std::flush;
    EXPECT_TRUE(file.good()) << path_ << " cannot be " << value;
  }

 private:
  std::string path_;
  long before_ = 0;
};

inline constexpr const char* needs_own_ipc =
    "needs an IPC namespace of its own, which only root may make";

/// A queue by plain calls, as a program that does not use Sluice has it; removed at the end.
class raw_queue {
 public:
  explicit raw_queue(key_t key, int mode = 0600) : id_(::msgget(key, IPC_CREAT | IPC_EXCL | mode)) {
    EXPECT_GE(id_, 0) << "msgget";
  }
  raw_queue(const raw_queue&) = delete;
  raw_queue& operator=(const raw_queue&) = delete;
  ~raw_queue() { remove(); }

  void remove() { ::msgctl(id_, IPC_RMID, nullptr); }
  [[nodiscard]] int id() const noexcept { return id_; }

 private:
  int id_;
};

/// Whether the kernel has a queue with this id.
[[nodiscard]] inline bool exists(int id) {
  msqid_ds found{};
  return ::msgctl(id, IPC_STAT, &found) == 0;
}

}  // namespace sluice::test
