#pragma once
// What connecting to a Unix socket has in common, whatever goes through it.

#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <sluice/base/deadline.hpp>
#include <sluice/base/result.hpp>
#include <sluice/os/runtime_directory.hpp>
#include <sluice/os/socket_type.hpp>
#include <sluice/os/unique_fd.hpp>
#include <string_view>

namespace sluice {

struct unix_connect_options {
  /// Whose socket it may be; without a value ours only. Of an abstract address: who listens.
  std::optional<uid_t> owner = {};
  /// Wait for a server that is not there yet, or that just restarts, instead of reporting
  /// `no_such_file_or_directory` or `connection_refused` at once.
  bool wait_for_peer = false;
  runtime_directory_options directory = {};
};

namespace unix_connection {

/// A socket connected with the one at `address` (os/unix_address.hpp). Waits while more clients
/// stand before us than the listener lets queue, and where the options say so for the listener
/// itself: `timed_out` once the deadline passed, with what was waited for as the hint.
[[nodiscard]] result<unique_fd> open(socket_type type, std::string_view address, deadline until,
                                     const unix_connect_options& options);

/// The same for a datagram socket that exists.
[[nodiscard]] result<void> point(int socket, std::string_view address, deadline until,
                                 const unix_connect_options& options);

}  // namespace unix_connection

}  // namespace sluice
