#include <sluice/base/name.hpp>
#include <sluice/primitive/shared_memory.hpp>
#include <string>
#include <utility>

#include "os/memory_file.hpp"
#include "os/named_file.hpp"
#include "os/named_segment.hpp"
#include "os/syscall.hpp"
#include "os/system_v_segment.hpp"

namespace sluice {

namespace {

constexpr const char* operation = "shared_memory";

failure refused(const char* why) { return {std::errc::invalid_argument, operation, why}; }

// Where a file or POSIX object is or would be.
result<name_place> place_of(const memory_name& name, const runtime_directory_options& directory) {
  std::string text = name.text();
  if (name.kind() == memory_kind::posix) {
    if (text.starts_with('/')) text.erase(0, 1);
    if (text.empty() || text.find('/') != text.npos || text == "." || text == "..")
      return refused("the name of a POSIX object has no slash, except that one may begin it");
    if (text.size() > 254)  // NAME_MAX, and shm_open(3) counts the slash
      return failure{std::errc::filename_too_long, operation,
                     "the name of a POSIX object has at most 254 bytes"};
    text.insert(0, "/dev/shm/");  // where the C library of Linux keeps them (shm_overview(7))
  }
  auto parsed = channel_name::parse(text);
  if (!parsed) return failure{parsed.error()};
  return name_place::resolve(*parsed, ".shm", directory);
}

memory_file::blueprint plan_of(const memory_create_options& options) {
  return {.size_bytes = options.size_bytes, .mode = options.mode, .initialize = options.initialize};
}

named_file::trust trust_of(const memory_open_options& options) {
  return {.owner = options.owner.value_or(syscall::effective_user()),
          .world_writable = options.world_writable};
}

memory_file::expectation expectation_of(const memory_open_options& options) {
  return {.access = options.access, .size_bytes = options.size_bytes, .trusted = trust_of(options)};
}

result<void> check(const memory_create_options& options, bool is_anonymous) {
  if (options.size_bytes == 0) return refused("size_bytes must be above 0");
  if (options.others_read_only && !is_anonymous)
    return refused("others_read_only is for anonymous memory: use the mode of named memory");
  return {};
}

file_identity identity_of_segment(int id) noexcept {
  return {.device = 0, .inode = static_cast<std::uint64_t>(id)};
}

}  // namespace

result<shared_memory> shared_memory::make_file(const memory_name& name,
                                               const memory_create_options& options) {
  auto place = place_of(name, options.directory);
  if (!place) return failure{place.error()};
  if (auto good = named_file::check_mode(options.mode, *place, options.directory, operation); !good)
    return failure{good.error()};
  auto made = memory_file::create(*place, plan_of(options));
  if (!made) return failure{made.error()};
  shared_memory memory{name.kind(), std::move(made->map), made->identity, std::move(made->fd)};
  memory.own(std::move(*place), made->identity);
  return memory;
}

result<shared_memory> shared_memory::make_named_segment(const memory_name& name,
                                                        const memory_create_options& options) {
  auto place = named_segment::locate(name.text(), options.directory);
  if (!place) return failure{place.error()};
  if (auto good = named_file::check_mode(options.mode, *place, options.directory, operation); !good)
    return failure{good.error()};
  auto made = named_segment::create(*place, plan_of(options));
  if (!made) return failure{made.error()};
  const int id = made->segment.id;
  shared_memory memory{name.kind(), std::move(made->segment.map), identity_of_segment(id)};
  memory.own(std::move(*place), made->name);
  memory.segment_.emplace(id);
  return memory;
}

result<shared_memory> shared_memory::make_segment(const memory_name& name,
                                                  const memory_create_options& options) {
  if ((options.mode & ~mode_t{0666}) != 0)
    return refused("a segment has permissions to read and write only: 0 to 0666");
  if (name.is_text()) return make_named_segment(name, options);
  if (name.is_id())
    return refused("the id of a segment is given by the kernel: create needs a key");
  if (name.number() == 0)
    return refused("key 0 is IPC_PRIVATE: for memory without a name use create_anonymous");
  auto made = system_v_segment::create(name.number(), plan_of(options));
  if (!made) return failure{made.error()};
  shared_memory memory{name.kind(), std::move(made->map), identity_of_segment(made->id)};
  memory.segment_.emplace(made->id);
  return memory;
}

result<shared_memory> shared_memory::create(const memory_name& name,
                                            const memory_create_options& options) {
  if (auto good = check(options, false); !good) return failure{good.error()};
  return name.kind() == memory_kind::system_v ? make_segment(name, options)
                                              : make_file(name, options);
}

result<shared_memory> shared_memory::open_file(const memory_name& name,
                                               const memory_open_options& options, duty taken) {
  auto place = place_of(name, options.directory);
  if (!place) return failure{place.error()};
  auto opened = memory_file::open(*place, expectation_of(options));
  if (!opened) return failure{opened.error()};
  const int fd = opened->fd.get();
  shared_memory memory{name.kind(), std::move(opened->map), opened->identity,
                       std::move(opened->fd)};
  if (taken == duty::of_the_dead && memory_file::take_duty(fd))
    memory.own(std::move(*place), opened->identity);
  else
    memory.use(std::move(*place), opened->identity);
  return memory;
}

result<shared_memory> shared_memory::open_named_segment(const memory_name& name,
                                                        const memory_open_options& options,
                                                        duty taken) {
  auto place = named_segment::locate(name.text(), options.directory);
  if (!place) return failure{place.error()};
  const bool adopting = taken == duty::of_the_dead;
  auto opened = named_segment::open(*place, expectation_of(options), adopting);
  if (!opened) return failure{opened.error()};
  const int id = opened->segment.id;
  shared_memory memory{name.kind(), std::move(opened->segment.map), identity_of_segment(id)};
  if (adopting && opened->segment.was_orphaned) {
    memory.own(std::move(*place), opened->name);
    memory.segment_.emplace(id);
  } else {
    memory.use(std::move(*place), opened->name);
  }
  return memory;
}

result<shared_memory> shared_memory::open_segment(const memory_name& name,
                                                  const memory_open_options& options, duty taken) {
  if (name.is_text()) return open_named_segment(name, options, taken);
  if (!name.is_id() && name.number() == 0)
    return refused("key 0 is IPC_PRIVATE: nothing can be found under it");
  const bool adopting = taken == duty::of_the_dead;
  auto opened =
      system_v_segment::open(name.number(), name.is_id(), expectation_of(options), adopting);
  if (!opened) return failure{opened.error()};
  shared_memory memory{name.kind(), std::move(opened->map), identity_of_segment(opened->id)};
  if (adopting && opened->was_orphaned) memory.segment_.emplace(opened->id);
  return memory;
}

result<shared_memory> shared_memory::open(const memory_name& name,
                                          const memory_open_options& options) {
  return name.kind() == memory_kind::system_v ? open_segment(name, options, duty::none)
                                              : open_file(name, options, duty::none);
}

result<shared_memory> shared_memory::open_or_create(const memory_name& name,
                                                    const memory_create_options& options) {
  const memory_open_options existing{.size_bytes = options.size_bytes,
                                     .directory = options.directory};
  // What `initialize` reports is not about the name, whatever its code is.
  bool refused = false;
  memory_create_options watched = options;
  if (options.initialize) {
    watched.initialize = [&](mutable_bytes bytes) {
      auto filled = options.initialize(bytes);
      refused = !filled;
      return filled;
    };
  }
  // The name may vanish between "it exists" and opening it; that can only go on while others keep
  // making and removing it.
  for (;;) {
    auto created = create(name, watched);
    if (created || refused || !(created.error() == std::errc::file_exists)) return created;
    auto opened = name.kind() == memory_kind::system_v
                      ? open_segment(name, existing, duty::of_the_dead)
                      : open_file(name, existing, duty::of_the_dead);
    if (opened) return opened;
    const bool vanished =
        opened.error() == std::errc::no_such_file_or_directory || opened.error() == errc::removed;
    if (!vanished) return opened;
  }
}

result<void> shared_memory::unlink(const memory_name& name, const memory_open_options& options) {
  if (name.kind() == memory_kind::system_v && name.is_text()) {
    auto place = named_segment::locate(name.text(), options.directory);
    if (!place) return failure{place.error()};
    return named_segment::unlink(*place, trust_of(options));
  }
  if (name.kind() == memory_kind::system_v)
    return system_v_segment::unlink(name.number(), name.is_id(), trust_of(options));
  auto place = place_of(name, options.directory);
  if (!place) return failure{place.error()};
  return named_file::unlink(*place, memory_file::file_kind(), trust_of(options));
}

result<shared_memory> shared_memory::create_anonymous(const memory_create_options& options) {
  if (auto good = check(options, true); !good) return failure{good.error()};
  auto made = memory_file::create_anonymous(plan_of(options), options.others_read_only);
  if (!made) return failure{made.error()};
  return shared_memory{memory_kind::anonymous, std::move(made->map), made->identity,
                       std::move(made->fd)};
}

result<shared_memory> shared_memory::from_native(unique_fd fd, const memory_open_options& options) {
  auto mapped = memory_file::adopt(std::move(fd), expectation_of(options), options.unsealed);
  if (!mapped) return failure{mapped.error()};
  return shared_memory{memory_kind::anonymous, std::move(mapped->map), mapped->identity,
                       std::move(mapped->fd)};
}

void shared_memory::own(name_place place, file_identity bearer) {
  bearer_ = bearer;
  is_named_ = true;
  name_.emplace(std::move(place), bearer);
}

void shared_memory::use(name_place place, file_identity bearer) {
  bearer_ = bearer;
  is_named_ = true;
  place_.emplace(std::move(place));
}

result<void> shared_memory::unlink_name() {
  if (name_) return name_->unlink();
  if (!place_) return failure{errc::removed, "unlink", "the name was removed before"};
  return owned_name{*std::exchange(place_, std::nullopt), bearer_}.unlink();
}

result<void> shared_memory::unlink() {
  if (kind_ == memory_kind::anonymous) return {};
  if (kind_ != memory_kind::system_v) return unlink_name();
  if (segment_) segment_->persist();
  auto removed = system_v_segment::remove(segment_id());
  if (!is_named_) return removed;
  auto unlinked = unlink_name();
  // Without its segment the name is free: somebody may have made it anew meanwhile.
  const bool gone = unlinked || unlinked.error() == errc::removed;
  return removed && !gone ? unlinked : removed;
}

void shared_memory::persist() {
  if (segment_) segment_->persist();
  if (name_) place_ = name_->release();
  name_.reset();
}

result<bool> shared_memory::is_name_intact() const {
  if (name_) return name_->is_intact();
  if (place_) return named_file::leads_to(*place_, bearer_);
  return false;
}

result<bool> shared_memory::is_intact() const {
  if (kind_ == memory_kind::anonymous) return true;
  if (kind_ != memory_kind::system_v) return is_name_intact();
  auto there = system_v_segment::is_intact(segment_id());
  return there && *there && is_named_ ? is_name_intact() : there;
}

result<std::size_t> shared_memory::attach_count() const {
  if (kind_ != memory_kind::system_v)
    return failure{std::errc::not_supported, "attach_count",
                   "the kernel counts the mappings of System V segments alone"};
  return system_v_segment::attach_count(segment_id());
}

unique_fd shared_memory::release_handle() && {
  persist();
  const memory_map unmapped = std::move(map_);
  return std::move(fd_);
}

}  // namespace sluice
