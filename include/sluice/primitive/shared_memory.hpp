#pragma once
// Memory that processes share, whatever the kernel calls it: a file in the runtime directory, a
// POSIX object, a System V segment (memory_name.hpp says how each is named), or memory without a
// name that is handed on as a descriptor. Raw bytes: managed_segment.hpp puts objects into them.

#include <sys/types.h>

#include <cstddef>
#include <functional>
#include <optional>
#include <sluice/base/bytes.hpp>
#include <sluice/base/result.hpp>
#include <sluice/os/memory_map.hpp>
#include <sluice/os/owned_name.hpp>
#include <sluice/os/owned_segment.hpp>
#include <sluice/os/runtime_directory.hpp>
#include <sluice/os/unique_fd.hpp>
#include <sluice/primitive/memory_name.hpp>

namespace sluice {

struct memory_create_options {
  std::size_t size_bytes = 0;  ///< Above 0; exact.
  mode_t mode = 0600;  ///< Exact: the umask does not change it. System V: read and write bits only.
  /// Fills the memory, which is zero, before anybody else can open it. A failure is passed on, and
  /// nothing is left behind. While it runs for a System V segment, other users of these wait.
  std::function<result<void>(mutable_bytes)> initialize = {};
  /// Anonymous memory: whoever it is handed to can read it and nothing more (F_SEAL_FUTURE_WRITE).
  bool others_read_only = false;
  runtime_directory_options directory = {};
};

struct memory_open_options {
  map_access access = map_access::read_write;
  std::size_t size_bytes = 0;  ///< Not 0: the size it must have (`errc::incompatible`).
  /// Whose memory it may be; without a value ours only.
  std::optional<uid_t> owner = {};
  /// Accept memory that everybody may write (refused otherwise: any user could change it).
  bool world_writable = false;
  /// `from_native`: accept a file that its holders may shrink, which kills who touches what is
  /// gone.
  bool unsealed = false;
  runtime_directory_options directory = {};
};

/// One piece of shared memory, mapped.
///
/// *Semantics*: `create` fails with `file_exists` when the name is taken. All of the memory is
/// allocated at creation, so that using it cannot fail later, and what plainly exceeds free memory
/// or the control group's limit is refused before that (best effort). A name appears when the
/// memory has its size, mode and content, never before (System V: whoever comes earlier waits).
/// `open_or_create` takes over what a process left behind, and with it the duty to remove the name.
/// *Threads*: the bytes as their users arrange it; the object like any value. *Errors*:
/// `not_enough_memory`, `no_space_on_device` and `file_too_large` name the limit; names that lead
/// to something else, to somebody else's or to everybody's memory are refused, with the reason.
/// *Lifetime*: whoever created the name removes it at its end, except after `persist`; those who
/// have the memory mapped keep it, and it is freed with the last of them. *Crash*: the name stays
/// until `open_or_create` or `unlink`; a creator that is killed leaves no name. Named memory can be
/// shrunk by whoever may write it; anonymous memory is sealed against that.
class shared_memory {
 public:
  [[nodiscard]] static result<shared_memory> create(const memory_name& name,
                                                    const memory_create_options& options);
  [[nodiscard]] static result<shared_memory> open(const memory_name& name,
                                                  const memory_open_options& options = {});
  /// What exists must have the size wanted.
  [[nodiscard]] static result<shared_memory> open_or_create(const memory_name& name,
                                                            const memory_create_options& options);
  /// Removes a name, whoever made it; `no_such_file_or_directory` if there is none.
  [[nodiscard]] static result<void> unlink(const memory_name& name,
                                           const memory_open_options& options = {});

  /// Memory without a name, sealed at its size; `mode` means nothing for it. Hand `native_handle`
  /// to others.
  [[nodiscard]] static result<shared_memory> create_anonymous(const memory_create_options& options);
  /// Maps memory that was handed to us, for reading alone if the descriptor allows no more.
  /// `permission_denied` unless it is sealed against shrinking.
  [[nodiscard]] static result<shared_memory> from_native(unique_fd fd,
                                                         const memory_open_options& options = {});

  [[nodiscard]] const_bytes bytes() const noexcept { return map_.bytes(); }
  /// Empty if it was opened for reading.
  [[nodiscard]] mutable_bytes writable_bytes() const noexcept { return map_.writable_bytes(); }
  [[nodiscard]] std::size_t size_bytes() const noexcept { return map_.size_bytes(); }
  [[nodiscard]] memory_kind kind() const noexcept { return kind_; }

  /// Removes the name now, if it still leads to this memory (`errc::removed` if not), whoever has
  /// the duty to. System V: it goes when the last one detaches. Anonymous: nothing to do.
  [[nodiscard]] result<void> unlink();
  /// The name stays after us.
  void persist();
  /// Whether the name still leads to this memory. After it was removed and made anew under the same
  /// name, it does not.
  [[nodiscard]] result<bool> is_intact() const;
  /// Which memory this is: equal for two objects that share it. System V: device 0, inode the id.
  [[nodiscard]] file_identity identity() const noexcept { return identity_; }
  /// System V: how many mappings of it there are, ours included. `not_supported` for the others.
  [[nodiscard]] result<std::size_t> attach_count() const;

  /// Anonymous memory and files: the descriptor. System V: -1.
  [[nodiscard]] int native_handle() const noexcept { return fd_.get(); }
  /// Gives the descriptor up, and with it the duty to remove the name; unmaps the memory.
  [[nodiscard]] unique_fd release_handle() &&;

 private:
  shared_memory(memory_kind kind, memory_map map, file_identity identity, unique_fd fd = {})
      : map_(std::move(map)), fd_(std::move(fd)), identity_(identity), kind_(kind) {}
  [[nodiscard]] static result<shared_memory> make_file(const memory_name& name,
                                                       const memory_create_options& options);
  [[nodiscard]] static result<shared_memory> make_segment(const memory_name& name,
                                                          const memory_create_options& options);
  [[nodiscard]] static result<shared_memory> make_named_segment(
      const memory_name& name, const memory_create_options& options);
  enum class duty { none, of_the_dead };
  [[nodiscard]] static result<shared_memory> open_file(const memory_name& name,
                                                       const memory_open_options& options,
                                                       duty taken);
  [[nodiscard]] static result<shared_memory> open_segment(const memory_name& name,
                                                          const memory_open_options& options,
                                                          duty taken);
  [[nodiscard]] static result<shared_memory> open_named_segment(const memory_name& name,
                                                                const memory_open_options& options,
                                                                duty taken);
  void own(name_place place, file_identity bearer);
  void use(name_place place, file_identity bearer);
  [[nodiscard]] result<void> unlink_name();
  [[nodiscard]] result<bool> is_name_intact() const;
  [[nodiscard]] int segment_id() const noexcept { return static_cast<int>(identity_.inode); }

  memory_map map_;
  // For files also what shows that somebody alive will remove the name: the one with that duty
  // holds flock(2) on it.
  unique_fd fd_;
  file_identity identity_;
  memory_kind kind_;
  // The file that bears the name: the memory itself, or the key file of a System V segment.
  file_identity bearer_ = {};
  bool is_named_ = false;            // has or had such a file
  std::optional<name_place> place_;  // of a name that is not ours to remove
  std::optional<owned_name> name_;   // a name that is
  std::optional<owned_segment> segment_;
};

}  // namespace sluice
