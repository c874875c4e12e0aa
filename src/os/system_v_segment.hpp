#pragma once
// Shared memory as a System V segment. The kernel gives a segment its key before it has content;
// what marks one as unfinished until then is its mode.

#include <sys/types.h>

#include <sluice/os/memory_map.hpp>

#include "os/memory_file.hpp"

namespace sluice::system_v_segment {

/// A segment that is attached.
struct attached {
  int id;
  memory_map map;
  /// Nobody else had it attached, so whoever had the duty to remove it is gone.
  bool was_orphaned = false;
};

/// Makes a segment under a key; `file_exists` if there is one. An unfinished one whose creator was
/// killed is removed first.
[[nodiscard]] result<attached> create(key_t key, const memory_file::blueprint& plan);

/// The two halves of `create`, for who keeps others away from the key by other means: makes an
/// unfinished segment and returns its id (`file_exists` if the key is taken); finishes it, or
/// removes it where that fails.
[[nodiscard]] result<int> begin(key_t key, const memory_file::blueprint& plan);
[[nodiscard]] result<attached> complete(int id, const memory_file::blueprint& plan);

/// Attaches what stands under a key or has an id. `no_such_file_or_directory` for an unfinished one
/// whose creator was killed.
/// With `adopting`, of several that do this at once only one finds it orphaned.
[[nodiscard]] result<attached> open(int number, bool is_id, const memory_file::expectation& wanted,
                                    bool adopting);

/// Attaches a finished segment.
[[nodiscard]] result<attached> attach(int id, const memory_file::expectation& wanted);

/// Removes a segment that is what it should be; it goes when the last one detaches.
[[nodiscard]] result<void> unlink(int number, bool is_id, const named_file::trust& trusted);

/// Removes the segment with this id; `errc::removed` if it was removed before.
[[nodiscard]] result<void> remove(int id);

/// Whether it still can be found.
[[nodiscard]] result<bool> is_intact(int id);
[[nodiscard]] result<std::size_t> attach_count(int id);

}  // namespace sluice::system_v_segment
