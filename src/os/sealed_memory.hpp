#pragma once
// Memory between two who do not trust each other: a file without a name that one of them writes and
// the other can only read, with nothing that could change about it later.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <sluice/base/bytes.hpp>
#include <sluice/base/result.hpp>
#include <sluice/os/unique_fd.hpp>

namespace sluice::sealed_memory {

/// Makes memory that is allocated and initialised, and not sealed yet: first come the mappings that
/// its owner wants to write by. Nobody but this user can open it (0600).
[[nodiscard]] result<unique_fd> create(
    std::size_t size_bytes, const std::function<result<void>(mutable_bytes)>& initialize);

/// Seals it against another size, against writing by anything mapped or called from now on, with
/// that against holes, and against other seals. Returns a descriptor for reading alone, to be
/// handed out.
[[nodiscard]] result<unique_fd> seal(int fd);

/// Whether what was handed over is such memory, complete: its size. To read all of that never
/// fails. `invalid_argument` for what cannot be read or has no seals at all; `permission_denied`
/// where some are missing, or memory is.
[[nodiscard]] result<std::uint64_t> check(int fd, const char* operation);

}  // namespace sluice::sealed_memory
