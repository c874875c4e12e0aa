#pragma once
// Who uses a file, and whether a process that was named once still lives: what /proc tells.

#include <sys/types.h>

#include <chrono>
#include <map>
#include <optional>
#include <sluice/os/owned_name.hpp>
#include <string_view>
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

/// When a process began, by what /proc/PID/stat says (proc(5)), from the start of the machine;
/// nothing of one that has ended, or where it does not say that.
[[nodiscard]] std::optional<std::chrono::nanoseconds> began_after_start(std::string_view stat);

/// Whether a process lives that bears this number and began before `then`: one that began later is
/// another one with the same number. The kernel counts in hundredths of seconds.
[[nodiscard]] bool lived_at(pid_t id, std::chrono::system_clock::time_point then);

}  // namespace sluice
