#pragma once
// The duty to remove a name: whoever creates a name unlinks it, and only while it still names the
// same object.

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <sluice/base/result.hpp>
#include <sluice/os/runtime_directory.hpp>
#include <string>
#include <utility>

namespace sluice {

/// Which file a name leads to: what stays the same when names change.
struct file_identity {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  friend bool operator==(const file_identity&, const file_identity&) = default;
};

/// Owns one name in the file system and unlinks it.
///
/// *Semantics*: made by whoever has just published an object under `place`. *Threads*: one thread
/// at a time. *Errors*: `unlink` reports `errc::removed` when the name is gone or names something
/// else by now, and leaves that alone. *Lifetime*: unlinks when it goes, silently, except after
/// `persist` and in a forked child (the name is the parent's). *Crash*: the name stays; for a FIFO
/// the next `open_or_create` takes it over.
class owned_name {
 public:
  owned_name(name_place place, file_identity identity);
  owned_name(owned_name&& other) noexcept;
  owned_name& operator=(owned_name&& other) noexcept;
  ~owned_name();

  /// Removes the name now.
  [[nodiscard]] result<void> unlink();
  /// Gives the duty up: the name stays after us.
  void persist() noexcept { place_.reset(); }
  /// Gives the duty up and tells where the name is; nothing if there is no duty (any more).
  [[nodiscard]] std::optional<name_place> release() noexcept {
    return std::exchange(place_, std::nullopt);
  }
  /// Whether the name still leads to our object.
  [[nodiscard]] result<bool> is_intact() const;
  /// For messages to people.
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  std::optional<name_place> place_;  // empty: no duty (any more)
  file_identity identity_;
  std::string path_;
  pid_t owner_;
};

}  // namespace sluice
