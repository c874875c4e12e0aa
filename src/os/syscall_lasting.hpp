#pragma once
// The door's calls for objects that outlive processes: listing directories and System V objects.

#include <sys/stat.h>
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <sluice/base/result.hpp>
#include <string>
#include <vector>

namespace sluice::syscall {

/// The names in a directory, without "." and "..", in the order of the kernel.
[[nodiscard]] result<std::vector<std::string>> directory_entries(int directory);
/// What a path leads to, symbolic links followed.
[[nodiscard]] result<struct stat> status_followed(const char* path);
/// All of a small file, as those of /proc.
[[nodiscard]] result<std::string> file_text(const char* path);
/// Which file system a path is on: the f_type of statfs(2).
[[nodiscard]] result<std::int64_t> file_system(const char* path);
inline constexpr std::int64_t queue_file_system = 0x19800202;  // MQUEUE_MAGIC

enum class system_v : std::uint8_t { queue, memory, semaphores };

/// What the kernel says of one System V object. Times are seconds since 1970, 0 for never.
struct system_v_status {
  int id = -1;
  int key = 0;
  uid_t owner = 0;
  mode_t mode = 0;
  std::uint64_t size = 0;      // bytes; of a set of semaphores their number
  std::uint64_t attached = 0;  // memory only
  std::int64_t changed = 0;
  std::int64_t used = 0;          // the last send, receive, attach, detach, semop
  std::vector<pid_t> last_users;  // those that the kernel names
};
/// The highest index in use, for status_at_index.
[[nodiscard]] result<int> highest_index(system_v kind);
/// The object at an index of the kernel's table, whoever owns it; nothing where there is none.
[[nodiscard]] result<std::optional<system_v_status>> status_at_index(system_v kind, int index);
/// By its id; `errc::removed` when there is none (any more). Needs permission to read it.
[[nodiscard]] result<system_v_status> status_of(system_v kind, int id);
[[nodiscard]] result<void> remove_object(system_v kind, int id);

}  // namespace sluice::syscall
