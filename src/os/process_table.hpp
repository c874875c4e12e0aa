#pragma once
// Who uses a file, and whether a process that was named once still lives: what /proc tells.

#include <sys/types.h>

#include <chrono>
#include <map>
#include <sluice/os/owned_name.hpp>
#include <utility>
#include <vector>

namespace sluice {

/// Which processes have which files open or mapped, as it was when this was made.
class open_files {
 public:
  open_files();
  /// Those that have it; each once.
  [[nodiscard]] std::vector<pid_t> users_of(const file_identity& file) const;
  /// Whether every process could be looked at: root may look at all, others at their own.
  [[nodiscard]] bool is_complete() const noexcept { return complete_; }

 private:
  void look_at(pid_t id);
  void add(const file_identity& file, pid_t id);

  std::map<std::pair<std::uint64_t, std::uint64_t>, std::vector<pid_t>> users_;
  bool complete_ = true;
};

/// Whether a process lives that bears this number and began before `then`: one that began later is
/// another one with the same number. The kernel counts in hundredths of seconds.
[[nodiscard]] bool lived_at(pid_t id, std::chrono::system_clock::time_point then);

}  // namespace sluice
