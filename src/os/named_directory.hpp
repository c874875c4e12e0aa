#pragma once
// The runtime directory itself: which one it is, whether it can be trusted, and its lock.

#include <sluice/os/runtime_directory.hpp>
#include <sluice/os/unique_fd.hpp>
#include <string>

namespace sluice {

struct named_directory {
  unique_fd fd;
  std::string path;
};

/// A directory that the options name is never made: it was meant to be there.
enum class missing_directory : bool { is_an_error, is_made };

/// Opens the runtime directory that `options` lead to, and checks that it can be trusted.
[[nodiscard]] result<named_directory> open_runtime_directory(
    const runtime_directory_options& options, missing_directory missing);

/// Keeps everybody else from changing names in `directory`: see name_place::lock.
[[nodiscard]] result<directory_lock> lock_directory(int directory);

}  // namespace sluice
