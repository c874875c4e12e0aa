#pragma once
// System V segments by a name of ours: a key file (key_file.hpp) leads to the segment.

#include "os/key_file.hpp"
#include "os/system_v_segment.hpp"

namespace sluice::named_segment {

/// A segment that is attached, and the key file that leads to it.
struct attached {
  system_v_segment::attached segment;
  file_identity name;
};

/// Where the key file of a plain name is or would be.
[[nodiscard]] result<name_place> locate(const std::string& name,
                                        const runtime_directory_options& directory);

/// Makes segment and name; `file_exists` if the name leads to a segment.
[[nodiscard]] result<attached> create(const name_place& place, const memory_file::blueprint& plan);

/// Attaches the segment behind a name. With `adopting`, of several that do this at once only one
/// finds it orphaned.
[[nodiscard]] result<attached> open(const name_place& place, const memory_file::expectation& wanted,
                                    bool adopting);

/// Removes segment and name; the segment goes when the last one detaches.
[[nodiscard]] result<void> unlink(const name_place& place, const named_file::trust& trusted);

}  // namespace sluice::named_segment
