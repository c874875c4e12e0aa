#pragma once
// Where lasting objects come from, and how each source removes one of its own. What the functions
// do is said in the public header.

#include <sluice/os/lasting_object.hpp>
#include <vector>

namespace sluice::lasting {

using listing = result<std::vector<lasting_object>>;
[[nodiscard]] listing list_runtime_directory(const runtime_directory_options& options);
[[nodiscard]] listing list_posix_memory();
[[nodiscard]] listing list_posix_queues();
[[nodiscard]] listing list_system_v();

[[nodiscard]] result<void> unlink_in_runtime_directory(const lasting_object& object);
[[nodiscard]] result<void> unlink_posix(const lasting_object& object);
[[nodiscard]] result<void> unlink_system_v(const lasting_object& object);

}  // namespace sluice::lasting
