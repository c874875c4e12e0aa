#pragma once
// Files that hold one POSIX semaphore, as sem_open(3) makes them. We make them ourselves: with an
// exact mode whatever the umask, checked before they are trusted, and through our door.

#include <sys/types.h>

#include <cstdint>
#include <sluice/os/memory_map.hpp>
#include <sluice/os/owned_name.hpp>
#include <sluice/os/unique_fd.hpp>

#include "os/named_file.hpp"

namespace sluice::semaphore_file {

/// A file whose semaphore is mapped.
struct opened {
  unique_fd fd;
  memory_map map;
  file_identity identity;
};

[[nodiscard]] const named_file::kind& file_kind() noexcept;

/// Makes a complete file and gives it its name in one step; `file_exists` if that is taken. Its
/// lock (flock(2)), which stands for the duty to remove the name, is held by `fd`.
[[nodiscard]] result<opened> create(const name_place& place, std::uint32_t value, mode_t mode);

[[nodiscard]] result<opened> open(const name_place& place, const named_file::trust& trusted);

/// Takes the duty to remove the name, if nobody has it.
[[nodiscard]] bool take_duty(int fd);

/// Whether what lies here can be a semaphore that processes share.
[[nodiscard]] bool is_shared_semaphore(const void* where) noexcept;

}  // namespace sluice::semaphore_file
