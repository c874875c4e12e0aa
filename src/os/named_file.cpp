#include "os/named_file.hpp"

#include <string>

#include "os/syscall.hpp"

namespace sluice::named_file {

file_identity identity_of(const struct stat& found) noexcept {
  return {.device = found.st_dev, .inode = found.st_ino};
}

result<bool> leads_to(const name_place& place, file_identity identity) {
  auto found = syscall::status_at(place.directory(), place.leaf().c_str());
  if (!found && found.error() == std::errc::no_such_file_or_directory) return false;
  if (!found) return failure{found.error()};
  return identity == identity_of(*found);
}

result<void> check(const struct stat& found, const kind& wanted, const trust& trusted) {
  if (S_ISLNK(found.st_mode))
    return failure{std::errc::too_many_symbolic_link_levels, wanted.operation,
                   "the name is a symbolic link: those are not followed"};
  if ((found.st_mode & S_IFMT) != wanted.type)
    return failure{std::errc::invalid_argument, wanted.operation, wanted.other_type};
  if (found.st_uid != trusted.owner)
    return failure{std::errc::permission_denied, wanted.operation, wanted.other_owner};
  if ((found.st_mode & S_IWOTH) != 0 && !trusted.world_writable)
    return failure{std::errc::permission_denied, wanted.operation, wanted.open_to_all};
  return {};
}

result<void> check_mode(mode_t mode, const name_place& place,
                        const runtime_directory_options& directory, const char* operation) {
  if ((mode & ~mode_t{0777}) != 0)
    return failure{std::errc::invalid_argument, operation,
                   "mode has permission bits only: 0 to 0777"};
  const bool is_private = place.in_runtime_directory() && directory.path.empty();
  if (is_private && (mode & 077) != 0)
    return failure{std::errc::invalid_argument, operation,
                   "nobody else can reach the private runtime directory: name a directory made "
                   "for sharing in the options, or use a path"};
  return {};
}

result<file_identity> publish(const name_place& place,
                              const std::function<result<file_identity>(const char* leaf)>& make) {
  if (!place.in_runtime_directory()) return make(place.leaf().c_str());
  const char* leaf = place.leaf().c_str();
  if (auto taken = syscall::status_at(place.directory(), leaf); taken)
    return failure{std::errc::file_exists, "renameat2"};
  // There is one creator at a time, so what already bears the temporary name was left by one that
  // died.
  const std::string unfinished = "." + place.leaf();
  auto cleared = syscall::unlink_at(place.directory(), unfinished.c_str());
  if (!cleared && !(cleared.error() == std::errc::no_such_file_or_directory))
    return failure{cleared.error().with_hint(
        "something that is not ours bears the name of an unfinished file: a dot and the name")};
  auto made = make(unfinished.c_str());
  if (!made) return made;
  auto published = syscall::rename_exclusive(place.directory(), unfinished.c_str(), leaf);
  if (published) return made;
  static_cast<void>(syscall::unlink_at(place.directory(), unfinished.c_str()));
  return failure{published.error()};
}

result<void> unlink(const name_place& place, const kind& wanted, const trust& trusted) {
  auto lock = place.lock();
  if (!lock) return failure{lock.error()};
  auto found = syscall::status_at(place.directory(), place.leaf().c_str());
  if (!found) return failure{found.error()};
  if (auto checked = check(*found, wanted, trusted); !checked) return checked;
  return syscall::unlink_at(place.directory(), place.leaf().c_str());
}

}  // namespace sluice::named_file
