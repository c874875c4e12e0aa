#pragma once
// Proves that a test left nothing behind: what the process and its surroundings looked like before,
// and what they look like after.

#include <signal.h>
#include <sys/types.h>

#include <array>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace sluice::test {

/// How one signal is handled; two are equal when the process would react in the same way.
struct signal_disposition {
  void (*handler)(int) = nullptr;
  int flags = 0;
  friend bool operator==(const signal_disposition&, const signal_disposition&) = default;
};

inline constexpr int signal_count = 64;

/// Everything that a test could leave behind, as it is now.
struct process_state {
  std::map<int, std::string> descriptors;  ///< What each leads to, as /proc says.
  std::set<pid_t> children;                ///< Living or not reaped.
  std::set<std::string> runtime_entries;   ///< Of the runtime directory in the environment.
  std::set<std::string> shared_memory;     ///< Names in /dev/shm that can be ours.
  std::set<std::string> system_v;          ///< "shm 3": objects that can be ours.
  std::array<signal_disposition, signal_count + 1> dispositions{};
  std::set<int> blocked_signals;  ///< Of the calling thread.
  std::set<int> pending_signals;
  std::string umask;
  std::vector<std::string> environment;

  [[nodiscard]] static process_state now();
};

/// One sentence per difference; empty when all is as before.
[[nodiscard]] std::vector<std::string> leftovers(const process_state& before,
                                                 const process_state& after);

}  // namespace sluice::test
