#pragma once
// Shared memory as a file: complete before it has a name, checked before it is mapped.

#include <functional>
#include <sluice/base/bytes.hpp>
#include <sluice/os/memory_map.hpp>
#include <sluice/os/owned_name.hpp>
#include <sluice/os/runtime_directory.hpp>
#include <sluice/os/unique_fd.hpp>

#include "os/named_file.hpp"

namespace sluice::memory_file {

/// What memory shall become.
struct blueprint {
  std::size_t size_bytes = 0;
  mode_t mode = 0600;
  std::function<result<void>(mutable_bytes)> initialize = {};
};

/// What existing memory must be.
struct expectation {
  map_access access = map_access::read_write;
  std::size_t size_bytes = 0;  // 0: any
  named_file::trust trusted;
};

struct mapped {
  unique_fd fd;
  memory_map map;
  file_identity identity;
};

/// Allocates a file that is still empty, maps and initialises it.
[[nodiscard]] result<memory_map> furnish(int fd, const blueprint& plan);

/// Makes a file under a name; `file_exists` if that is taken. The name appears in one step, when
/// everything is done and while the creator holds flock(2) on the file.
[[nodiscard]] result<mapped> create(const name_place& place, const blueprint& plan);

/// Opens and maps an existing one.
[[nodiscard]] result<mapped> open(const name_place& place, const expectation& wanted);

/// Makes memory without a name, sealed at its size and, if wanted, against writing by others.
[[nodiscard]] result<mapped> create_anonymous(const blueprint& plan, bool others_read_only);

/// Maps memory that was handed over: sealed against shrinking, unless that is waived; for reading
/// alone where the descriptor or a seal allows no more.
[[nodiscard]] result<mapped> adopt(unique_fd fd, const expectation& wanted, bool unsealed);

/// Whether the duty to remove the name of this open file is ours now: nobody alive has it.
[[nodiscard]] bool take_duty(int fd);

/// Joins those who remove the name together, the last one of them; false if that one is just doing
/// it. The share ends with the descriptor, however that ends.
[[nodiscard]] result<bool> share_duty(int fd);
/// Gives the share up; whether the duty is ours now because it was the last one.
[[nodiscard]] bool leave_duty(int fd);
/// Gives the share or the duty up, also where a forked child has a copy of the descriptor.
void give_duty_up(int fd) noexcept;

/// The same memory opened anew, for reading and writing.
[[nodiscard]] result<unique_fd> reopen(int fd);

/// The kind of file, for named_file.
[[nodiscard]] const named_file::kind& file_kind() noexcept;

}  // namespace sluice::memory_file
