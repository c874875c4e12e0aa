#pragma once
// Files without content that are there to be locked (liveness.hpp): whose name was agreed upon
// finds in them who lives.

#include <sys/types.h>

#include <sluice/os/owned_name.hpp>
#include <sluice/os/runtime_directory.hpp>
#include <sluice/os/unique_fd.hpp>

#include "os/named_file.hpp"

namespace sluice::presence_file {

/// Open for reading and writing, which locks need; a description that nobody else has.
struct opened {
  unique_fd fd;
  file_identity identity;
};

/// Makes the file, of exactly this mode; `file_exists` if the name is taken.
[[nodiscard]] result<opened> create(const name_place& place, mode_t mode);

/// Opens what is there, if its type, owner and mode are right.
[[nodiscard]] result<opened> open(const name_place& place, const named_file::trust& trusted);

/// Removes what is such a file.
[[nodiscard]] result<void> unlink(const name_place& place, const named_file::trust& trusted);

}  // namespace sluice::presence_file
