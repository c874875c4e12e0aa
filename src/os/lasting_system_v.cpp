#include <algorithm>
#include <array>
#include <sluice/os/lasting_object.hpp>

#include "os/lasting_sources.hpp"
#include "os/process_table.hpp"
#include "os/syscall_lasting.hpp"

namespace sluice {

namespace {

using std::chrono::system_clock;

struct pair_of_kinds {
  lasting_kind listed;
  syscall::system_v kernel;
};

// With a deduced type g++ 12 leaves a constant in writable memory.
constexpr std::array<pair_of_kinds, 3> kinds{
    pair_of_kinds{lasting_kind::system_v_queue, syscall::system_v::queue},
    pair_of_kinds{lasting_kind::system_v_memory, syscall::system_v::memory},
    pair_of_kinds{lasting_kind::system_v_semaphores, syscall::system_v::semaphores},
};

lasting_object described(const pair_of_kinds& kind, const syscall::system_v_status& status) {
  lasting_object object;
  object.kind = kind.listed;
  object.key = status.key;
  object.id = status.id;
  object.owner = status.owner;
  object.mode = status.mode;
  object.size = status.size;
  object.used_at = system_clock::from_time_t(std::max(status.changed, status.used));
  // The kernel cuts its times to whole seconds, so a user may have begun within that second.
  const auto last_moment = object.used_at + std::chrono::seconds{1};
  for (const pid_t id : status.last_users)
    object.users.push_back({.id = id, .lives = lived_at(id, last_moment)});
  const bool one_lives = std::any_of(object.users.begin(), object.users.end(),
                                     [](const last_user& user) { return user.lives; });
  if (kind.kernel == syscall::system_v::memory)
    object.used = status.attached > 0 ? in_use::yes : in_use::no;
  else if (one_lives)
    object.used = in_use::yes;
  else
    // Nobody has used it yet, or we may not read who did.
    object.used = object.users.empty() ? in_use::unknown : in_use::no;
  return object;
}

}  // namespace

namespace lasting {

listing list_system_v() {
  std::vector<lasting_object> found;
  for (const pair_of_kinds& kind : kinds) {
    auto highest = syscall::highest_index(kind.kernel);
    if (!highest) return failure{highest.error()};
    for (int index = 0; index <= *highest; ++index) {
      auto status = syscall::status_at_index(kind.kernel, index);
      if (!status) return failure{status.error()};
      if (*status) found.push_back(described(kind, **status));
    }
  }
  return found;
}

result<void> unlink_system_v(const lasting_object& object) {
  const auto kind = std::find_if(kinds.begin(), kinds.end(), [&](const pair_of_kinds& candidate) {
    return candidate.listed == object.kind;
  });
  auto now = syscall::status_of(kind->kernel, object.id);
  // Its owner may remove what he may not read; as for ipcrm, the id alone is its identity then.
  const bool unreadable = !now && now.error() == std::errc::permission_denied;
  if (!now && !unreadable) return failure{now.error()};
  if (now && (now->key != object.key || now->owner != object.owner))
    return failure{errc::removed, "unlink", "another object has got this id"};
  return syscall::remove_object(kind->kernel, object.id);
}

}  // namespace lasting

}  // namespace sluice
