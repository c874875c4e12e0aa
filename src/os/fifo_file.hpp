#pragma once
// FIFOs as files: made with an exact mode, published in one step, opened only when they are what
// they should be. The channel classes of fifo.hpp put names and ends on top.

#include <sys/types.h>

#include <sluice/os/owned_name.hpp>
#include <sluice/os/runtime_directory.hpp>
#include <sluice/os/unique_fd.hpp>

#include "os/named_file.hpp"

namespace sluice::fifo_file {

using trust = named_file::trust;

enum class direction { read, write };

/// An open FIFO whose type, owner and mode were checked.
struct opened {
  unique_fd fd;
  file_identity identity;
};

/// Makes a FIFO of exactly this mode; `file_exists` if the name is taken. In the runtime directory
/// the name appears when the FIFO is complete; a path elsewhere may for an instant lack permissions
/// that the umask took.
[[nodiscard]] result<owned_name> create(name_place place, mode_t mode);

/// Takes over the FIFO that is there: checks it, sets its mode, and owns its name.
[[nodiscard]] result<owned_name> adopt(name_place place, mode_t mode);

/// Opens one end without waiting, with O_NONBLOCK cleared. `no_such_device_or_address` for writing
/// while nobody reads.
[[nodiscard]] result<opened> open(const name_place& place, direction which, const trust& trusted);

/// Removes a FIFO that is what it should be.
[[nodiscard]] result<void> unlink(const name_place& place, const trust& trusted);

}  // namespace sluice::fifo_file
