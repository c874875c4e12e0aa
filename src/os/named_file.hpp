#pragma once
// Files under a name, of whatever type: checked before they are trusted, and published only when
// they are complete. FIFOs (fifo_file.hpp) and shared memory (memory_file.hpp) stand on this.

#include <sys/stat.h>
#include <sys/types.h>

#include <functional>
#include <sluice/os/owned_name.hpp>
#include <sluice/os/runtime_directory.hpp>

namespace sluice::named_file {

/// What a name must lead to, and what an error says when it does not. All texts are literals.
struct kind {
  mode_t type = 0;  ///< S_IFIFO, S_IFREG.
  const char* operation = "";
  const char* other_type = "";
  const char* other_owner = "";
  const char* open_to_all = "";
};

/// Whose file is accepted, and how open it may be.
struct trust {
  uid_t owner;
  bool world_writable = false;
};

[[nodiscard]] file_identity identity_of(const struct stat& found) noexcept;

/// Type, owner and mode of what was found.
[[nodiscard]] result<void> check(const struct stat& found, const kind& wanted,
                                 const trust& trusted);

/// Whether a name leads to just this file.
[[nodiscard]] result<bool> leads_to(const name_place& place, file_identity identity);

/// Refuses modes with more than permission bits, and sharing in the private runtime directory.
[[nodiscard]] result<void> check_mode(mode_t mode, const name_place& place,
                                      const runtime_directory_options& directory,
                                      const char* operation);

/// Lets `make` build the file and gives it its name; `file_exists` if that is taken. In the runtime
/// directory, whose lock the caller holds, it is built under a temporary name; elsewhere nothing
/// could tell a temporary name that is in use from one that was left behind, so there the file is
/// built under its own.
[[nodiscard]] result<file_identity> publish(
    const name_place& place, const std::function<result<file_identity>(const char* leaf)>& make);

/// Removes a file that is what it should be.
[[nodiscard]] result<void> unlink(const name_place& place, const kind& wanted,
                                  const trust& trusted);

}  // namespace sluice::named_file
