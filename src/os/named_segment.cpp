#include "os/named_segment.hpp"

#include <optional>
#include <utility>

#include "os/syscall.hpp"
#include "os/syscall_memory.hpp"

namespace sluice::named_segment {

namespace {

// What makes nothing: to find and to remove segments of a user.
key_file::objects segments_of(const named_file::trust& trusted) {
  return {.kind = "segment",
          .suffix = ".shm.sysv",
          .operation = "shared_memory",
          .make = {},
          .find = [](key_t key) { return syscall::segment_find(key); },
          .remove = [trusted](int id) { return system_v_segment::unlink(id, true, trusted); }};
}

}  // namespace

result<name_place> locate(const std::string& name, const runtime_directory_options& directory) {
  return key_file::locate(name, segments_of({.owner = 0}), directory);
}

result<attached> create(const name_place& place, const memory_file::blueprint& plan) {
  // Empty until a key was found that is free; what happens then is no matter of keys any more.
  std::optional<result<system_v_segment::attached>> made;
  key_file::objects kind =
      segments_of({.owner = syscall::effective_user(), .world_writable = true});
  kind.make = [&made, &plan](key_t key) -> result<int> {
    auto id = system_v_segment::begin(key, plan);
    if (!id) return id;
    made.emplace(system_v_segment::complete(*id, plan));
    if (!*made) return failure{std::errc::operation_canceled, "shared_memory"};
    return id;
  };
  auto entry = key_file::create(place, kind, plan.mode);
  if (made && !*made) return failure{made->error()};
  if (!entry) return failure{entry.error()};
  return attached{std::move(**made), entry->identity};
}

result<attached> open(const name_place& place, const memory_file::expectation& wanted,
                      bool adopting) {
  std::optional<directory_lock> lock;
  if (adopting) {
    auto taken = place.lock();
    if (!taken) return failure{taken.error()};
    lock.emplace(std::move(*taken));
  }
  auto entry = key_file::open(place, segments_of(wanted.trusted), wanted.trusted);
  if (!entry) return failure{entry.error()};
  auto segment = system_v_segment::attach(entry->id, wanted);
  if (!segment) return failure{segment.error()};
  return attached{std::move(*segment), entry->identity};
}

result<void> unlink(const name_place& place, const named_file::trust& trusted) {
  return key_file::unlink(place, segments_of(trusted), trusted);
}

}  // namespace sluice::named_segment
