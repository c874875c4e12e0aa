#include <algorithm>
#include <array>
#include <sluice/primitive/system_v_semaphore_set.hpp>

#include "os/key_file.hpp"
#include "os/semaphore_object.hpp"
#include "os/syscall.hpp"
#include "os/syscall_semaphores.hpp"

namespace sluice {

namespace {

using kind = system_v_name::kind;

constexpr const char* operation = "system_v_semaphore_set";

failure refused(const char* why) { return {std::errc::invalid_argument, operation, why}; }

result<void> check_values(std::span<const std::uint16_t> values) {
  if (values.empty()) return refused("a set has one semaphore at least");
  const bool fit = std::ranges::all_of(
      values, [](std::uint16_t value) { return value <= system_v_semaphore::max_value; });
  if (!fit) return refused("a System V semaphore counts to 32767");
  return {};
}

result<void> check(const semaphore_set_create_options& options) {
  if ((options.mode & ~mode_t{0666}) != 0)
    return refused("the mode of a set has read and write bits only: 0 to 0666");
  return check_values(options.initial);
}

result<void> check(const system_v_name& name) {
  if (name.what() == kind::key && name.number() == 0)
    return refused("key 0 means private sets: create_private makes one");
  if (name.what() == kind::id && name.number() < 0) return refused("an id is 0 or more");
  return {};
}

semaphore_object::blueprint plan_of(const semaphore_set_create_options& options) {
  return {.initial = options.initial, .mode = options.mode};
}

named_file::trust trust_of(const semaphore_set_open_options& options) {
  return {.owner = options.owner.value_or(syscall::effective_user()),
          .world_writable = options.world_writable};
}

semaphore_object::expectation expectation_of(const semaphore_set_open_options& options) {
  return {.trusted = trust_of(options), .count = options.count, .untouched = options.untouched};
}

// The id of what has a key or is one.
result<int> find(const system_v_name& name) {
  if (name.what() == kind::id) return name.number();
  auto id = syscall::semaphores_find(name.number());
  if (!id && id.error() == std::errc::no_such_file_or_directory)
    return failure{id.error().with_hint("no set has this key")};
  return id;
}

// The calls for a key file whose set is not made now.
constexpr semaphore_object::blueprint no_plan{};

std::chrono::system_clock::time_point time_point_of(std::int64_t seconds) {
  return std::chrono::system_clock::time_point{std::chrono::seconds{seconds}};
}

}  // namespace

result<system_v_semaphore_set> system_v_semaphore_set::create(
    const system_v_name& name, const semaphore_set_create_options& options) {
  if (auto good = check(name); !good) return failure{good.error()};
  if (auto good = check(options); !good) return failure{good.error()};
  if (name.what() == kind::name) return make_named(name, options);
  if (name.what() == kind::id)
    return refused("the kernel chooses ids: create under a name or a key");
  auto made = semaphore_object::create(name.number(), plan_of(options));
  if (!made) return failure{made.error()};
  system_v_semaphore_set set{made->id, made->count, name.number()};
  set.own();
  return set;
}

result<system_v_semaphore_set> system_v_semaphore_set::create_private(
    const semaphore_set_create_options& options) {
  if (auto good = check(options); !good) return failure{good.error()};
  auto id = semaphore_object::make(0, plan_of(options));
  if (!id) return failure{id.error()};
  system_v_semaphore_set set{*id, options.initial.size(), 0};
  set.own();
  return set;
}

result<system_v_semaphore_set> system_v_semaphore_set::make_named(
    const system_v_name& name, const semaphore_set_create_options& options) {
  const auto plan = plan_of(options);
  const named_file::trust own{.owner = syscall::effective_user()};
  const auto calls = semaphore_object::objects(plan, own);
  auto place = key_file::locate(name.text(), calls, options.directory);
  if (!place) return failure{place.error()};
  auto good = named_file::check_mode(options.mode, *place, options.directory, operation);
  if (!good) return failure{good.error()};
  auto made = key_file::create(*place, calls, options.mode);
  if (!made) return failure{made.error()};
  system_v_semaphore_set set{made->id, options.initial.size(), made->key};
  set.name_.emplace(named{std::move(*place), made->identity});
  set.own();
  return set;
}

result<system_v_semaphore_set> system_v_semaphore_set::open_named(
    const system_v_name& name, const semaphore_set_open_options& options) {
  const auto trusted = trust_of(options);
  const auto calls = semaphore_object::objects(no_plan, trusted);
  auto place = key_file::locate(name.text(), calls, options.directory);
  if (!place) return failure{place.error()};
  auto known = key_file::open(*place, calls, trusted);
  if (!known) return failure{known.error()};
  auto found = semaphore_object::open(known->id, expectation_of(options));
  if (!found) return failure{found.error()};
  system_v_semaphore_set set{found->id, found->count, known->key};
  set.name_.emplace(named{std::move(*place), known->identity});
  return set;
}

result<system_v_semaphore_set> system_v_semaphore_set::open(
    const system_v_name& name, const semaphore_set_open_options& options) {
  if (auto good = check(name); !good) return failure{good.error()};
  if (name.what() == kind::name) return open_named(name, options);
  auto id = find(name);
  if (!id) return failure{id.error()};
  auto found = semaphore_object::open(*id, expectation_of(options));
  if (!found) return failure{found.error()};
  const key_t key = name.what() == kind::key ? name.number() : 0;
  return system_v_semaphore_set{found->id, found->count, key};
}

result<system_v_semaphore_set> system_v_semaphore_set::open_or_create(
    const system_v_name& name, const semaphore_set_create_options& options) {
  if (auto good = check(name); !good) return failure{good.error()};
  if (auto good = check(options); !good) return failure{good.error()};
  if (name.what() == kind::id)
    return refused("the kernel chooses ids: create under a name or a key");
  if (name.what() == kind::key) {
    auto found = semaphore_object::open_or_create(name.number(), plan_of(options));
    if (!found) return failure{found.error()};
    system_v_semaphore_set set{found->id, found->count, name.number()};
    if (found->is_new) set.own();
    return set;
  }
  // Between the two looks somebody else may make it or remove it, but hardly again and again.
  constexpr int most_attempts = 100;
  for (int attempt = 1;; ++attempt) {
    auto found =
        open_named(name, {.count = options.initial.size(), .directory = options.directory});
    const bool is_gone = !found && (found.error() == std::errc::no_such_file_or_directory ||
                                    found.error() == errc::removed);
    if (!is_gone) return found;
    auto made = make_named(name, options);
    if (made || !(made.error() == std::errc::file_exists) || attempt == most_attempts) return made;
  }
}

result<void> system_v_semaphore_set::unlink(const system_v_name& name,
                                            const semaphore_set_open_options& options) {
  if (auto good = check(name); !good) return good;
  const auto trusted = trust_of(options);
  if (name.what() == kind::name) {
    const auto calls = semaphore_object::objects(no_plan, trusted);
    auto place = key_file::locate(name.text(), calls, options.directory);
    if (!place) return failure{place.error()};
    return key_file::unlink(*place, calls, trusted);
  }
  auto id = find(name);
  if (!id) return failure{id.error()};
  return semaphore_object::remove(*id, trusted);
}

result<semaphore_set_limits> system_v_semaphore_set::limits() {
  auto known = syscall::semaphores_limits();
  if (!known) return failure{known.error()};
  return semaphore_set_limits{.sets = known->sets,
                              .semaphores = known->semaphores,
                              .semaphores_per_set = known->semaphores_per_set,
                              .operations = known->operations,
                              .value = known->value,
                              .sets_in_use = known->sets_in_use,
                              .semaphores_in_use = known->semaphores_in_use};
}

system_v_semaphore_set::system_v_semaphore_set(system_v_semaphore_set&& other) noexcept
    : id_(other.id_),
      count_(other.count_),
      key_(other.key_),
      owner_(std::exchange(other.owner_, 0)),
      name_(std::move(other.name_)) {}

system_v_semaphore_set& system_v_semaphore_set::operator=(system_v_semaphore_set&& other) noexcept {
  std::swap(id_, other.id_);
  std::swap(count_, other.count_);
  std::swap(key_, other.key_);
  std::swap(owner_, other.owner_);
  std::swap(name_, other.name_);
  return *this;
}

system_v_semaphore_set::~system_v_semaphore_set() {
  if (owner_ != 0 && owner_ == syscall::process_id()) static_cast<void>(unlink());
}

void system_v_semaphore_set::own() noexcept { owner_ = syscall::process_id(); }

result<void> system_v_semaphore_set::submit(std::span<const semaphore_operation> all, bool wait,
                                            deadline until) {
  constexpr std::size_t few = 16;
  if (all.empty()) return refused("no operation was given");
  const bool exist = std::ranges::all_of(
      all, [this](const semaphore_operation& one) { return one.index < count_; });
  if (!exist) return refused("the set has no semaphore with this index");
  const auto step_of = [wait](const semaphore_operation& one) {
    return syscall::semaphore_step{.index = one.index,
                                   .change = one.change,
                                   .flags = wait ? std::int16_t{0} : syscall::step_no_wait};
  };
  if (all.size() <= few) {
    std::array<syscall::semaphore_step, few> steps;
    std::ranges::transform(all, steps.begin(), step_of);
    return syscall::semaphores_operate(id_, std::span{steps}.first(all.size()), until);
  }
  std::vector<syscall::semaphore_step> steps(all.size());
  std::ranges::transform(all, steps.begin(), step_of);
  return syscall::semaphores_operate(id_, steps, until);
}

result<void> system_v_semaphore_set::try_apply(std::span<const semaphore_operation> all) {
  return submit(all, false, deadline::never());
}

result<void> system_v_semaphore_set::apply(std::span<const semaphore_operation> all,
                                           deadline until) {
  return submit(all, true, until);
}

result<system_v_semaphore> system_v_semaphore_set::semaphore(std::size_t index) const {
  if (index >= count_) return refused("the set has no semaphore with this index");
  return system_v_semaphore{id_, static_cast<std::uint16_t>(index)};
}

result<std::vector<std::uint16_t>> system_v_semaphore_set::values() const {
  std::vector<std::uint16_t> all(count_);
  if (auto got = syscall::semaphores_get_all(id_, all); !got) return failure{got.error()};
  return all;
}

result<void> system_v_semaphore_set::set_values(std::span<const std::uint16_t> values) {
  if (values.size() != count_) return refused("a set is given as many values as it has semaphores");
  if (auto good = check_values(values); !good) return good;
  return syscall::semaphores_set_all(id_, values);
}

result<semaphore_set_status> system_v_semaphore_set::status() const {
  auto known = syscall::semaphores_inspect(id_);
  if (!known) return failure{known.error()};
  semaphore_set_status told{.key = known->key,
                            .owner = known->owner,
                            .group = known->group,
                            .creator = known->creator,
                            .mode = known->mode,
                            .count = known->count,
                            .last_operation = {},
                            .last_change = time_point_of(known->last_change)};
  if (known->last_operation != 0) told.last_operation = time_point_of(known->last_operation);
  return told;
}

result<void> system_v_semaphore_set::set_access(const semaphore_set_access& wanted) {
  if ((wanted.mode & ~mode_t{0666}) != 0)
    return refused("the mode of a set has read and write bits only: 0 to 0666");
  auto known = syscall::semaphores_inspect(id_);
  if (!known) return failure{known.error()};
  return syscall::semaphores_set_access(id_, wanted.mode, wanted.owner.value_or(known->owner),
                                        wanted.group.value_or(known->group));
}

result<void> system_v_semaphore_set::unlink() {
  owner_ = 0;
  const named_file::trust anybodys{.owner = syscall::effective_user(), .world_writable = true};
  if (!name_) return semaphore_object::remove(id_, anybodys);
  // The key file goes with its set, but not one that leads to another set by now.
  const auto calls = semaphore_object::objects(no_plan, anybodys);
  auto leads = key_file::is_intact(name_->place, calls,
                                   {.key = key_, .id = id_, .identity = name_->identity});
  if (!leads) return failure{leads.error()};
  if (*leads) return key_file::unlink(name_->place, calls, anybodys);
  auto same_file = named_file::leads_to(name_->place, name_->identity);
  if (same_file && *same_file) static_cast<void>(key_file::unlink(name_->place, calls, anybodys));
  return semaphore_object::remove(id_, anybodys);
}

result<bool> system_v_semaphore_set::is_intact() const {
  if (name_) {
    const named_file::trust own{.owner = syscall::effective_user()};
    const auto calls = semaphore_object::objects(no_plan, own);
    return key_file::is_intact(name_->place, calls,
                               {.key = key_, .id = id_, .identity = name_->identity});
  }
  auto status = syscall::semaphores_inspect(id_);
  if (!status && status.error() == errc::removed) return false;
  if (!status) return failure{status.error()};
  return true;
}

}  // namespace sluice
