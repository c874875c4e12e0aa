#pragma once
// The memory of a ring: mapped, checked, and where it has a name, the care for that name. What
// ring_channel, ring_queue and ring_topic have in common before anybody takes part; those who do
// are ring_attachment's.

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <sluice/base/result.hpp>
#include <sluice/os/memory_map.hpp>
#include <sluice/os/owned_name.hpp>
#include <sluice/os/runtime_directory.hpp>
#include <sluice/os/unique_fd.hpp>
#include <sluice/ring/layout.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

/// How the name of a ring is made and found.
struct ring_name_options {
  mode_t mode = 0600;  ///< Exact: the umask does not change it.
  /// Whose ring it may be; without a value ours only.
  std::optional<uid_t> owner = {};
  runtime_directory_options directory = {};
};

/// The memory of one ring.
///
/// *Semantics*: a plain name is a file of the runtime directory, `name`.ring; a path is taken as it
/// is. The name appears when the memory is complete; all of it is allocated then. Memory without a
/// name is sealed at its size and handed on as a descriptor. *Threads*: any, except moving.
/// *Errors*: `errc::incompatible` for memory that is no ring, or one of another version, kind,
/// processor or page size; `errc::corrupt` for one whose numbers cannot be; those of
/// `shared_memory`. *Lifetime*: whoever goes last, of all who have it open, removes the name,
/// except after `persist`. *Crash*: killed while making it: no name. When all were killed the name
/// stays, and the next one takes over.
class ring_memory {
 public:
  [[nodiscard]] static result<ring_memory> create(std::string_view name,
                                                  const ring::geometry& wanted,
                                                  const ring_name_options& options = {});
  /// `kind` is the one wanted; the rest is as it was made.
  [[nodiscard]] static result<ring_memory> open(std::string_view name, ring::segment_kind kind,
                                                const ring_name_options& options = {});
  /// What exists must have been made with the same numbers (`errc::incompatible`).
  [[nodiscard]] static result<ring_memory> open_or_create(std::string_view name,
                                                          const ring::geometry& wanted,
                                                          const ring_name_options& options = {});
  [[nodiscard]] static result<ring_memory> create_anonymous(const ring::geometry& wanted);
  /// Memory that was handed to us: `permission_denied` unless it is sealed against shrinking.
  [[nodiscard]] static result<ring_memory> from_native(unique_fd fd, ring::segment_kind kind);
  /// Removes a name, whoever made it; `no_such_file_or_directory` if there is none.
  [[nodiscard]] static result<void> unlink(std::string_view name,
                                           const ring_name_options& options = {});

  ring_memory(ring_memory&&) noexcept = default;
  ring_memory& operator=(ring_memory&& other) noexcept;
  ~ring_memory() { leave(); }

  /// The same memory once more, opened anew: for one more participant. Also in a forked child.
  [[nodiscard]] result<ring_memory> duplicate() const;

  [[nodiscard]] const ring::geometry& shape() const noexcept { return shape_; }
  [[nodiscard]] ring::segment_header& header() const noexcept { return *header_; }
  [[nodiscard]] ring::participant_slot& slot(std::uint32_t index) const noexcept;
  [[nodiscard]] ring::log lane(std::uint32_t index) const noexcept;
  [[nodiscard]] ring::log_control& lane_control(std::uint32_t index) const noexcept;
  /// What the kind of ring needs besides.
  [[nodiscard]] mutable_bytes extra() const noexcept;
  [[nodiscard]] std::uint32_t slots() const noexcept { return shape_.senders + shape_.receivers; }

  [[nodiscard]] bool is_named() const noexcept { return name_.has_value(); }
  /// The name stays, and what is in the ring, when the last one has gone.
  void persist() noexcept;
  /// Whether the name still leads to this memory; without a name always.
  [[nodiscard]] result<bool> is_intact() const;
  /// To be handed to another process. Stays ours.
  [[nodiscard]] int native_handle() const noexcept { return fd_.get(); }

 private:
  struct name_of_it {
    std::string text;
    ring_name_options options;
    name_place place;
    file_identity identity;
  };
  ring_memory(unique_fd fd, memory_map whole, const ring::geometry& shape,
              const ring::layout& layout, std::vector<memory_map> lanes) noexcept;
  [[nodiscard]] static result<ring_memory> check(unique_fd fd, memory_map whole,
                                                 ring::segment_kind kind);
  [[nodiscard]] static result<ring_memory> join(result<ring_memory> checked, name_of_it& name);
  void leave() noexcept;

  unique_fd fd_;  // where there is a name: holds flock(2), shared with all who use it
  memory_map whole_;
  ring::segment_header* header_;   // in the memory
  std::vector<memory_map> lanes_;  // each lane's data, twice in a row
  ring::geometry shape_;           // read once: what the memory says later is not asked
  ring::layout layout_;
  std::optional<name_of_it> name_;
  pid_t process_;  // that opened it: what a forked child inherits is not its own
};

}  // namespace sluice
