#include "os/semaphore_object.hpp"

#include <array>
#include <sluice/base/name.hpp>
#include <sluice/os/runtime_directory.hpp>
#include <vector>

#include "os/syscall.hpp"

namespace sluice::semaphore_object {

namespace {

constexpr const char* operation = "system_v_semaphore_set";

// Creators hold the lock of the runtime directory until their set is complete, so an incomplete one
// that is seen under the lock was left by a creator that died, or made by another program. Other
// users' creators have another lock, but nobody completes the set of another user.
result<directory_lock> lock_creation() {
  auto place = channel_name::parse("system_v").and_then([](const channel_name& name) {
    return name_place::resolve(name, ".lock");
  });
  if (!place) return failure{place.error()};
  return place->lock();
}

// Gives a set its values. All but the first semaphore's are set; the first is given its value by an
// operation, which in the same step marks the set as complete. As often as it takes: whoever
// completes what another left begins anew.
result<void> initialize(int id, std::span<const std::uint16_t> initial) {
  std::vector<std::uint16_t> values(initial.begin(), initial.end());
  values.front() = 0;
  if (auto set = syscall::semaphores_set_all(id, values); !set) return set;
  const std::array<syscall::semaphore_step, 1> mark{
      {{.change = static_cast<std::int16_t>(initial.front()), .flags = syscall::step_no_wait}}};
  return syscall::semaphores_operate(id, mark, deadline::never());
}

result<void> check(const syscall::semaphore_set_status& status, const expectation& wanted) {
  if (status.owner != wanted.trusted.owner)
    return failure{std::errc::permission_denied, operation,
                   "the set belongs to another user: name the owner in the options to accept it"};
  if ((status.mode & 0002) != 0 && !wanted.trusted.world_writable)
    return failure{std::errc::permission_denied, operation,
                   "everybody may change the set: change its mode, or accept that in the options"};
  if (wanted.count != 0 && status.count != wanted.count)
    return failure{errc::incompatible, operation,
                   "the set has another number of semaphores than expected"};
  return {};
}

bool is_complete(const syscall::semaphore_set_status& status) noexcept {
  return status.last_operation != 0;
}

}  // namespace

result<int> make(key_t key, const blueprint& plan) {
  auto id = syscall::semaphores_create(key, plan.initial.size(), plan.mode);
  if (!id && id.error() == std::errc::file_exists)
    return failure{id.error().with_hint(
        "there is a set with this key (ipcs -s); open_or_create uses it, and completes one whose "
        "creator was killed")};
  if (!id) return id;
  if (auto filled = initialize(*id, plan.initial); !filled) {
    static_cast<void>(syscall::semaphores_remove(*id));
    return failure{filled.error()};
  }
  return id;
}

result<found> create(key_t key, const blueprint& plan) {
  auto lock = lock_creation();
  if (!lock) return failure{lock.error()};
  auto id = make(key, plan);
  if (!id) return failure{id.error()};
  return found{*id, plan.initial.size(), true};
}

result<found> open(int id, const expectation& wanted) {
  auto status = syscall::semaphores_inspect(id);
  if (status && !is_complete(*status) && !wanted.untouched) {
    auto lock = lock_creation();
    if (!lock) return failure{lock.error()};
    status = syscall::semaphores_inspect(id);
    if (status && !is_complete(*status))
      return failure{std::errc::no_such_file_or_directory, operation,
                     "no operation was ever made on this set: its creator was killed before it was "
                     "complete (open_or_create completes it), or another program left it so "
                     "(accept that in the options)"};
  }
  if (!status) return failure{status.error()};
  if (auto good = check(*status, wanted); !good) return failure{good.error()};
  return found{id, status->count, false};
}

result<found> open_or_create(key_t key, const blueprint& plan) {
  const expectation wanted{.trusted = {.owner = syscall::effective_user()},
                           .count = plan.initial.size()};
  auto lock = lock_creation();
  if (!lock) return failure{lock.error()};
  // Another user, or a program that is not ours, may make or remove one between the two calls.
  constexpr int most_attempts = 100;
  for (int attempt = 1;; ++attempt) {
    auto id = syscall::semaphores_find(key);
    if (!id && id.error() == std::errc::no_such_file_or_directory) {
      auto made = make(key, plan);
      if (made) return found{*made, plan.initial.size(), true};
      if (!(made.error() == std::errc::file_exists) || attempt == most_attempts)
        return failure{made.error()};
      continue;
    }
    if (!id) return failure{id.error()};
    auto status = syscall::semaphores_inspect(*id);
    if (!status && status.error() == errc::removed && attempt < most_attempts) continue;
    if (!status) return failure{status.error()};
    if (auto good = check(*status, wanted); !good) return failure{good.error()};
    if (is_complete(*status)) return found{*id, status->count, false};
    auto exact = syscall::semaphores_set_access(*id, plan.mode, status->owner, status->group);
    if (!exact) return failure{exact.error()};
    if (auto filled = initialize(*id, plan.initial); !filled) return failure{filled.error()};
    return found{*id, status->count, true};
  }
}

result<void> remove(int id, const named_file::trust& trusted) {
  auto status = syscall::semaphores_inspect(id);
  if (!status) return failure{status.error()};
  if (auto good = check(*status, {.trusted = trusted}); !good) return good;
  return syscall::semaphores_remove(id);
}

key_file::objects objects(const blueprint& plan, const named_file::trust& trusted) {
  return {.kind = "semaphores",
          .suffix = ".sem.sysv",
          .operation = operation,
          .make = [&plan](key_t key) { return make(key, plan); },
          .find = [](key_t key) { return syscall::semaphores_find(key); },
          .remove = [&trusted](int id) { return remove(id, trusted); }};
}

}  // namespace sluice::semaphore_object
