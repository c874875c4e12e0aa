#pragma once
// By what shared memory is found. A text is the name of a file, as everywhere in Sluice; the names
// of other worlds are said explicitly:
//
//     shared_memory::open("ticks");                         // $SLUICE_RUNTIME_DIR/ticks.shm
//     shared_memory::open("/tmp/ticks.shm");                // any file
//     shared_memory::open(memory_name::posix("/ticks"));    // shm_open(3): /dev/shm/ticks
//     shared_memory::open(memory_name::system_v(0x5a11));   // shmget(2), as `ipcs -m` lists it
//     shared_memory::open(memory_name::system_v("ticks"));  // the same, by a name of ours

#include <sys/types.h>

#include <sluice/base/result.hpp>
#include <string>
#include <string_view>

namespace sluice {

enum class memory_kind {
  file,       ///< A file in the runtime directory, or at a path.
  posix,      ///< A POSIX shared memory object.
  system_v,   ///< A System V segment.
  anonymous,  ///< No name: handed on as a descriptor.
};

/// A name of shared memory, not yet checked.
///
/// *Semantics*: a value; says in which world to look and for what. *Threads*: a value. *Errors*:
/// only `file_key` fails; bad names are refused where they are used. *Lifetime*: owns its text.
/// *Crash*: leaves nothing.
class memory_name {
 public:
  memory_name(std::string text) : memory_name(memory_kind::file, std::move(text), 0, way::text) {}
  memory_name(std::string_view text) : memory_name(std::string{text}) {}
  memory_name(const char* text) : memory_name(std::string{text}) {}

  /// A name as of shm_open(3): without a slash, except at its start, where one may stand.
  [[nodiscard]] static memory_name posix(std::string_view name) {
    return {memory_kind::posix, std::string{name}, 0, way::text};
  }
  /// A System V key; 0 (IPC_PRIVATE) is refused where it is used.
  [[nodiscard]] static memory_name system_v(key_t key) {
    return {memory_kind::system_v, {}, key, way::key};
  }
  /// A System V segment by a plain name: a file in the runtime directory, `name`.shm.sysv, holds
  /// the key, which is drawn so that nobody else has it, and the id, so that a segment that others
  /// made under the key later is not taken for ours.
  [[nodiscard]] static memory_name system_v(std::string_view name) {
    return {memory_kind::system_v, std::string{name}, 0, way::text};
  }
  /// The number that the kernel gave to a segment, as ipcmk(1) prints it: to open, not to create.
  [[nodiscard]] static memory_name system_v_id(int id) {
    return {memory_kind::system_v, {}, id, way::id};
  }
  /// The key that ftok(3) makes of an existing file and a project number (1 to 255). Two files may
  /// have the same key: it is made of 16 bits of the inode and 8 of the device.
  [[nodiscard]] static result<memory_name> file_key(std::string_view path, int project);

  [[nodiscard]] memory_kind kind() const noexcept { return kind_; }
  /// Found by its text; else a System V segment found by its number.
  [[nodiscard]] bool is_text() const noexcept { return way_ == way::text; }
  [[nodiscard]] const std::string& text() const noexcept { return text_; }
  /// The key or id of a System V segment.
  [[nodiscard]] int number() const noexcept { return number_; }
  [[nodiscard]] bool is_id() const noexcept { return way_ == way::id; }

 private:
  enum class way { text, key, id };
  memory_name(memory_kind kind, std::string text, int number, way found_by)
      : kind_(kind), text_(std::move(text)), number_(number), way_(found_by) {}
  memory_kind kind_;
  std::string text_;
  int number_;
  way way_;
};

}  // namespace sluice
