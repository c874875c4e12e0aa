#pragma once
// Key files: how a System V object gets a name of ours. The kernel knows these objects by numbers
// alone, which programs choose, and which collide. Here a file of the runtime directory (the name
// and a suffix) holds a key that was drawn at random until nobody else had it, the IPC namespace in
// which that means something, and the id of the object that was made under it. It is text, so that
// people can read it:
//
//     sluice-key 1 segment 0x1f3a90c4 ipc:[4026531839]
//     id 32769
//
// The first line is written before there is an object, the second after that was completed, and
// only then the file gets its name: when a creator is killed, the next one finds in the unfinished
// file the key of what is to be removed. An object counts as ours only while the key leads to the
// id: once it was removed (ipcrm), others may get the one or the other, but not both.

#include <sys/types.h>

#include <functional>
#include <sluice/os/owned_name.hpp>
#include <sluice/os/runtime_directory.hpp>
#include <string_view>

#include "os/named_file.hpp"

namespace sluice::key_file {

/// The calls of one kind of System V object. All texts are literals.
struct objects {
  const char* kind = "";       ///< One word, which stands in the file: "segment".
  const char* suffix = "";     ///< Of the file: ".shm.sysv".
  const char* operation = "";  ///< In whose name errors are reported.
  /// Makes one under a key, complete when this returns; `file_exists` if the key is taken, and then
  /// another one is tried. On failure nothing is left.
  std::function<result<int>(key_t)> make;
  /// The id of what has this key; `no_such_file_or_directory` if nothing has.
  std::function<result<int>(key_t)> find;
  /// Removes one of ours; must refuse what belongs to another user.
  std::function<result<void>(int id)> remove;
};

/// What a key file says, checked against the kernel.
struct entry {
  key_t key = 0;
  int id = 0;
  file_identity identity;  ///< Of the key file.
};

/// Where the key file of a plain name is or would be; paths are refused, since the lock of the
/// runtime directory is needed.
[[nodiscard]] result<name_place> locate(std::string_view name, const objects& kind,
                                        const runtime_directory_options& directory = {});

/// Makes an object and its name; `file_exists` if the name is taken. A name whose object was
/// removed, or never completed, is made anew. Readable for whom `mode` gives any permission.
[[nodiscard]] result<entry> create(const name_place& place, const objects& kind, mode_t mode);

/// Finds the object behind a name. `no_such_file_or_directory` without the name, `errc::removed` if
/// the object is gone or its key belongs to another one by now, `errc::corrupt` for a file that is
/// no key file, `errc::incompatible` for one of another kind, version or namespace.
[[nodiscard]] result<entry> open(const name_place& place, const objects& kind,
                                 const named_file::trust& trusted);

/// Whether the name still leads to this object, and the object is there.
[[nodiscard]] result<bool> is_intact(const name_place& place, const objects& kind,
                                     const entry& known);

/// Removes object and name; of an object that is gone the name.
[[nodiscard]] result<void> unlink(const name_place& place, const objects& kind,
                                  const named_file::trust& trusted);

}  // namespace sluice::key_file
