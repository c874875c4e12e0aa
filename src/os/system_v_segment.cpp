#include "os/system_v_segment.hpp"

#include <optional>
#include <sluice/base/name.hpp>
#include <sluice/os/runtime_directory.hpp>

#include "os/memory_budget.hpp"
#include "os/syscall.hpp"
#include "os/syscall_memory.hpp"

namespace sluice::system_v_segment {

namespace {

constexpr const char* operation = "shared_memory";

// The mode of a segment in the making. The permissions to execute mean nothing for segments
// (shmget(2)), so that no other program sets just these; the owner can attach it, nobody else.
constexpr mode_t unfinished = 0611;

// Creators hold the lock of the runtime directory until their segment is finished, so an unfinished
// one that is seen under the lock was left by a creator that died. Other users' creators have
// another lock, but theirs cannot be attached either.
result<directory_lock> lock_creation() {
  auto place = channel_name::parse("system_v").and_then([](const channel_name& name) {
    return name_place::resolve(name, ".lock");
  });
  if (!place) return failure{place.error()};
  return place->lock();
}

bool is_removed(const error& reason) noexcept {
  return reason == std::errc::identifier_removed || reason == std::errc::invalid_argument;
}

result<syscall::segment_status> inspect(int id) {
  auto found = syscall::segment_inspect(id);
  if (!found && is_removed(found.error()))
    return failure{errc::removed, operation, "there is no segment with this id any more"};
  return found;
}

result<void> check(const syscall::segment_status& found, const named_file::trust& trusted) {
  if (found.marked)
    return failure{errc::removed, operation, "the segment was removed and is still attached"};
  if (found.owner != trusted.owner)
    return failure{std::errc::permission_denied, operation,
                   "the segment belongs to another user: name the owner in the options to accept "
                   "it"};
  if ((found.mode & 0002) != 0 && !trusted.world_writable)
    return failure{std::errc::permission_denied, operation,
                   "everybody may write to the segment: change its mode, or accept that in the "
                   "options"};
  return {};
}

result<memory_map> finish(int id, const memory_file::blueprint& plan) {
  auto map = memory_map::attach(id, {.size_bytes = plan.size_bytes});
  if (!map) return map;
  const mutable_bytes bytes = map->writable_bytes();
  auto populated = syscall::populate(bytes.data(), bytes.size());
  if (!populated && populated.error() == std::errc::invalid_argument) {
    // Older kernels: a touch of each page allocates it. There is no gentle failure there.
    for (std::size_t at = 0; at < bytes.size(); at += 4096) bytes[at] = std::byte{0};
  } else if (!populated) {
    return failure{populated.error()};
  }
  if (plan.initialize) {
    if (auto filled = plan.initialize(bytes); !filled) return failure{filled.error()};
  }
  if (auto published = syscall::segment_set_mode(id, plan.mode); !published)
    return failure{published.error()};
  return map;
}

// A segment under `key` that nobody will finish, if there is one, is removed.
result<bool> clear_unfinished(key_t key) {
  auto id = syscall::segment_find(key);
  if (!id) return id.error() == std::errc::no_such_file_or_directory;
  auto found = syscall::segment_inspect(*id);
  if (!found) return is_removed(found.error());
  if (found->mode != unfinished || found->attached != 0 ||
      found->owner != syscall::effective_user())
    return false;
  return syscall::segment_remove(*id).has_value();
}

result<attached> attach_found(int id, const syscall::segment_status& found,
                              const memory_file::expectation& wanted) {
  if (found.mode == unfinished)
    return failure{std::errc::no_such_file_or_directory, operation,
                   "the creator of this segment died while making it; create makes it anew"};
  if (auto good = check(found, wanted.trusted); !good) return failure{good.error()};
  if (wanted.size_bytes != 0 && found.size_bytes != wanted.size_bytes)
    return failure{errc::incompatible, operation, "the memory has another size than expected"};
  auto map = memory_map::attach(id, {.size_bytes = found.size_bytes, .access = wanted.access});
  if (!map && is_removed(map.error()))
    return failure{errc::removed, operation, "the segment was removed meanwhile"};
  if (!map) return failure{map.error()};
  return attached{id, std::move(*map), found.attached == 0};
}

result<int> find(int number, bool is_id) {
  if (is_id) return number;
  auto id = syscall::segment_find(number);
  if (!id && id.error() == std::errc::no_such_file_or_directory)
    return failure{id.error().with_hint("no segment has this key")};
  return id;
}

}  // namespace

result<int> begin(key_t key, const memory_file::blueprint& plan) {
  if (auto enough = check_memory_budget(plan.size_bytes, operation); !enough)
    return failure{enough.error()};
  return syscall::segment_create(key, plan.size_bytes, unfinished);
}

result<attached> complete(int id, const memory_file::blueprint& plan) {
  try {
    auto map = finish(id, plan);
    if (map) return attached{id, std::move(*map)};
    static_cast<void>(syscall::segment_remove(id));
    return failure{map.error()};
  } catch (...) {  // of the caller's function, which fills the memory
    static_cast<void>(syscall::segment_remove(id));
    throw;
  }
}

result<attached> create(key_t key, const memory_file::blueprint& plan) {
  auto lock = lock_creation();
  if (!lock) return failure{lock.error()};
  for (;;) {
    auto id = begin(key, plan);
    if (id) return complete(*id, plan);
    if (!(id.error() == std::errc::file_exists)) return failure{id.error()};
    auto cleared = clear_unfinished(key);
    if (!cleared) return failure{cleared.error()};
    if (!*cleared)
      return failure{id.error().with_hint(
          "there is a segment with this key (ipcs -m); open_or_create takes over what was left "
          "behind")};
  }
}

result<attached> open(int number, bool is_id, const memory_file::expectation& wanted,
                      bool adopting) {
  std::optional<directory_lock> lock;
  const auto take_lock = [&lock]() -> result<void> {
    if (lock) return {};
    auto taken = lock_creation();
    if (!taken) return failure{taken.error()};
    lock.emplace(std::move(*taken));
    return {};
  };
  if (adopting) {
    if (auto locked = take_lock(); !locked) return failure{locked.error()};
  }
  auto id = find(number, is_id);
  if (!id) return failure{id.error()};
  auto found = inspect(*id);
  if (!found) return failure{found.error()};
  // Finished, as nearly always: what was found is what is attached.
  if (found->mode != unfinished) return attach_found(*id, *found, wanted);
  // Being made right now, or left like this. Its creator holds the lock until it is finished.
  if (auto locked = take_lock(); !locked) return failure{locked.error()};
  return attach(*id, wanted);
}

result<attached> attach(int id, const memory_file::expectation& wanted) {
  auto found = inspect(id);
  if (!found) return failure{found.error()};
  return attach_found(id, *found, wanted);
}

result<void> unlink(int number, bool is_id, const named_file::trust& trusted) {
  auto id = find(number, is_id);
  if (!id) return failure{id.error()};
  auto found = inspect(*id);
  if (!found) return failure{found.error()};
  if (auto good = check(*found, trusted); !good) return good;
  return remove(*id);
}

result<void> remove(int id) {
  auto found = inspect(id);
  if (!found) return failure{found.error()};
  if (found->marked) return failure{errc::removed, operation, "the segment was removed before"};
  auto removed = syscall::segment_remove(id);
  if (!removed && is_removed(removed.error())) return failure{errc::removed, operation};
  return removed;
}

result<bool> is_intact(int id) {
  auto found = inspect(id);
  if (!found && found.error() == errc::removed) return false;
  if (!found) return failure{found.error()};
  return !found->marked;
}

result<std::size_t> attach_count(int id) {
  auto found = inspect(id);
  if (!found) return failure{found.error()};
  return found->attached;
}

}  // namespace sluice::system_v_segment
