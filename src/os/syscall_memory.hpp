#pragma once
// The door, memory part: unnamed files that get a name later, seals, limits, and System V segments.
// The policy is that of syscall.hpp.

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <sluice/base/result.hpp>
#include <sluice/os/unique_fd.hpp>

namespace sluice::syscall {

/// A regular file without a name in `directory`, for reading and writing. The umask applies.
/// `operation_not_supported` where the file system has no such files.
[[nodiscard]] result<unique_fd> unnamed_file(int directory, mode_t mode);
/// Gives an unnamed file its name, if nobody has that (`file_exists`), in one step.
[[nodiscard]] result<void> name_file(int fd, int directory, const char* leaf);
/// Whether the file's content lies in memory (tmpfs, ramfs, hugetlbfs, memfd).
[[nodiscard]] result<bool> lies_in_memory(int fd);

/// Seals of a file in memory (fcntl(2)); `invalid_argument` for files that have none.
[[nodiscard]] result<int> seals(int fd);
[[nodiscard]] result<void> add_seals(int fd, int more);
inline constexpr int seal_seal = 0x0001;          // F_SEAL_SEAL
inline constexpr int seal_shrink = 0x0002;        // F_SEAL_SHRINK
inline constexpr int seal_grow = 0x0004;          // F_SEAL_GROW
inline constexpr int seal_write = 0x0008;         // F_SEAL_WRITE
inline constexpr int seal_future_write = 0x0010;  // F_SEAL_FUTURE_WRITE, Linux 5.1

/// Gives every page of a mapping its memory now. Linux 5.14; `invalid_argument` before that.
[[nodiscard]] result<void> populate(void* address, std::size_t bytes);

/// What the kernel knows of a System V segment.
struct segment_status {
  std::size_t size_bytes = 0;
  key_t key = 0;  // 0 once it is marked for removal
  uid_t owner = 0;
  mode_t mode = 0;
  bool marked = false;  // goes when the last one detaches
  pid_t creator = 0;
  std::size_t attached = 0;
};
[[nodiscard]] result<int> segment_create(key_t key, std::size_t bytes, mode_t mode);
[[nodiscard]] result<int> segment_find(key_t key);
[[nodiscard]] result<segment_status> segment_inspect(int id);
[[nodiscard]] result<void> segment_set_mode(int id, mode_t mode);
[[nodiscard]] result<void> segment_remove(int id);
/// Unmapping the whole of it detaches.
[[nodiscard]] result<void*> segment_attach(int id, bool writable);

}  // namespace sluice::syscall
