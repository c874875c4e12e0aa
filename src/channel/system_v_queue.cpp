#include <limits>
#include <sluice/channel/system_v_queue.hpp>
#include <utility>

#include "channel/system_v_queue_state.hpp"
#include "os/key_file.hpp"
#include "os/syscall.hpp"

namespace sluice {

namespace {

constexpr const char* operation = "system_v_queue";

namespace state = system_v_queue_state;

result<void> check(const syscall::queue_record& found, const system_v_queue_open_options& options) {
  if (found.owner != options.owner.value_or(syscall::effective_user()))
    return failure{std::errc::permission_denied, operation,
                   "the queue belongs to another user, who took the key first: name the owner in "
                   "the options to accept it"};
  if ((found.mode & 0002) != 0 && !options.world_writable)
    return failure{std::errc::permission_denied, operation,
                   "everybody may write to the queue: change its mode, or accept that in the "
                   "options"};
  return {};
}

result<void> check_capacity(std::size_t bytes, const char* zero) {
  // The kernel's queues count in an unsigned long, and its limits in an int.
  if (bytes > static_cast<std::size_t>(std::numeric_limits<int>::max()))
    return failure{std::errc::invalid_argument, operation, "a queue holds at most 2 GiB - 1"};
  if (bytes == 0 && zero != nullptr) return failure{std::errc::invalid_argument, operation, zero};
  return {};
}

result<void> check_mode(mode_t mode) {
  if ((mode & ~mode_t{0666}) != 0)
    return failure{std::errc::invalid_argument, operation,
                   "mode has permissions to read and write only: 0 to 0666"};
  return {};
}

result<void> check(const system_v_queue_create_options& options) {
  if (auto good = check_mode(options.mode); !good) return good;
  return check_capacity(options.capacity_bytes, nullptr);
}

// A queue with all that the options say; of a failure nothing is left.
result<int> make(key_t key, const system_v_queue_create_options& options) {
  auto id = syscall::queue_create(key, options.mode);
  if (!id || options.capacity_bytes == 0) return id;
  auto found = state::inspect(*id);
  if (found) {
    found->capacity_bytes = options.capacity_bytes;
    auto set = syscall::queue_change(*id, *found);
    if (set) return id;
    found = failure{set.error()};
  }
  static_cast<void>(syscall::queue_remove(*id));
  return failure{found.error()};
}

result<void> remove(int id) {
  auto gone = syscall::queue_remove(id);
  if (!gone && state::is_removed(gone.error())) return state::removed("msgctl(IPC_RMID)");
  return gone;
}

// The key files of queues that belong to `owner`.
key_file::objects key_files(uid_t owner, const system_v_queue_create_options& options = {}) {
  return {.kind = "queue",
          .suffix = ".msg.sysv",
          .operation = operation,
          .make = [options](key_t key) { return make(key, options); },
          .find = [](key_t key) { return syscall::queue_find(key); },
          .remove = [owner](int id) -> result<void> {
            auto found = state::inspect(id);
            if (!found) return failure{found.error()};
            if (found->owner != owner)
              return failure{std::errc::operation_not_permitted, operation,
                             "the queue belongs to another user"};
            return remove(id);
          }};
}

// The id of what has a key, or of what was said to have this id.
result<int> find(const system_v_name& name) {
  if (name.what() == system_v_name::kind::id) {
    if (name.number() < 0)
      return failure{std::errc::invalid_argument, operation, "an id is 0 or above"};
    return name.number();
  }
  if (name.number() == 0)
    return failure{std::errc::invalid_argument, operation,
                   "the key 0 (IPC_PRIVATE) names nothing: create_private makes such a queue"};
  auto id = syscall::queue_find(name.number());
  if (!id && id.error() == std::errc::no_such_file_or_directory)
    return failure{id.error().with_hint("no queue has this key")};
  return id;
}

system_v_queue_status::time_point at(std::int64_t seconds) {
  return system_v_queue_status::time_point{std::chrono::seconds{seconds}};
}

}  // namespace

system_v_queue system_v_queue::own(int id, key_t key, std::optional<our_name> name) {
  return {{.id = id, .key = key, .creator = syscall::effective_user()},
          std::move(name),
          syscall::process_id()};
}

result<system_v_queue> system_v_queue::adopt(int id, const system_v_queue_open_options& options,
                                             std::optional<our_name> name) {
  auto found = state::inspect(id);
  if (!found) return failure{found.error()};
  if (auto good = check(*found, options); !good) return failure{good.error()};
  return system_v_queue{state::identity_of(*found), std::move(name), 0};
}

result<system_v_queue> system_v_queue::create(const system_v_name& name,
                                              const system_v_queue_create_options& options) {
  if (auto good = check(options); !good) return failure{good.error()};
  if (name.what() == system_v_name::kind::id)
    return failure{std::errc::invalid_argument, operation,
                   "the kernel chooses the id of a new queue: create it by name or key"};
  if (name.what() == system_v_name::kind::name) {
    const key_file::objects files = key_files(syscall::effective_user(), options);
    auto place = key_file::locate(name.text(), files, options.directory);
    if (!place) return failure{place.error()};
    auto good = named_file::check_mode(options.mode, *place, options.directory, operation);
    if (!good) return failure{good.error()};
    auto made = key_file::create(*place, files, options.mode);
    if (!made) return failure{made.error()};
    return own(made->id, made->key, our_name{std::move(*place), made->identity});
  }
  if (name.number() == 0) return failure{find(name).error()};
  auto id = make(name.number(), options);
  if (!id && id.error() == std::errc::file_exists)
    return failure{
        id.error().with_hint("there is a queue with this key (ipcs -q); open_or_create opens it")};
  if (!id) return failure{id.error()};
  return own(*id, name.number(), std::nullopt);
}

result<system_v_queue> system_v_queue::create_private(
    const system_v_queue_create_options& options) {
  if (auto good = check(options); !good) return failure{good.error()};
  constexpr key_t no_key = 0;  // IPC_PRIVATE
  auto id = make(no_key, options);
  if (!id) return failure{id.error()};
  return own(*id, no_key, std::nullopt);
}

result<system_v_queue> system_v_queue::open(const system_v_name& name,
                                            const system_v_queue_open_options& options) {
  if (name.what() == system_v_name::kind::name) {
    const uid_t owner = options.owner.value_or(syscall::effective_user());
    const key_file::objects files = key_files(owner);
    auto place = key_file::locate(name.text(), files, options.directory);
    if (!place) return failure{place.error()};
    auto found = key_file::open(*place, files, {.owner = owner});
    if (!found) return failure{found.error()};
    return adopt(found->id, options, our_name{std::move(*place), found->identity});
  }
  auto id = find(name);
  if (!id) return failure{id.error()};
  return adopt(*id, options, std::nullopt);
}

result<system_v_queue> system_v_queue::open_or_create(
    const system_v_name& name, const system_v_queue_create_options& options) {
  // Others may create and remove meanwhile, but not for ever.
  constexpr int patience = 100;
  for (int turn = 1;; ++turn) {
    auto made = create(name, options);
    if (made || !(made.error() == std::errc::file_exists)) return made;
    auto found = open(name, {.directory = options.directory});
    const bool vanished = !found && (found.error() == std::errc::no_such_file_or_directory ||
                                     found.error() == errc::removed);
    if (!vanished || turn == patience) return found;
  }
}

result<void> system_v_queue::unlink(const system_v_name& name,
                                    const system_v_queue_open_options& options) {
  if (name.what() == system_v_name::kind::name) {
    const uid_t owner = options.owner.value_or(syscall::effective_user());
    const key_file::objects files = key_files(owner);
    auto place = key_file::locate(name.text(), files, options.directory);
    if (!place) return failure{place.error()};
    return key_file::unlink(*place, files, {.owner = owner});
  }
  auto found = open(name, options);
  if (!found) return failure{found.error()};
  return remove(found->id());
}

system_v_queue::system_v_queue(system_v_queue&& other) noexcept
    : identity_(other.identity_),
      name_(std::move(other.name_)),
      duty_of_(std::exchange(other.duty_of_, 0)) {}

system_v_queue& system_v_queue::operator=(system_v_queue&& other) noexcept {
  std::swap(identity_, other.identity_);
  std::swap(name_, other.name_);
  std::swap(duty_of_, other.duty_of_);
  return *this;
}

system_v_queue::~system_v_queue() {
  if (duty_of_ != 0 && duty_of_ == syscall::process_id()) static_cast<void>(unlink());
}

result<system_v_queue_status> system_v_queue::status() const {
  auto found = state::inspect(identity_);
  if (!found) return failure{found.error()};
  system_v_queue_status told{.key = found->key,
                             .owner = found->owner,
                             .group = found->group,
                             .creator = found->creator,
                             .mode = found->mode,
                             .messages = found->messages,
                             .bytes = found->bytes,
                             .capacity_bytes = found->capacity_bytes,
                             .last_sender = found->last_sender,
                             .last_receiver = found->last_receiver};
  if (found->last_send != 0) told.last_send = at(found->last_send);
  if (found->last_receive != 0) told.last_receive = at(found->last_receive);
  if (found->last_change != 0) told.last_change = at(found->last_change);
  return told;
}

result<void> system_v_queue::set(const system_v_queue_settings& settings) {
  if (settings.mode) {
    if (auto good = check_mode(*settings.mode); !good) return good;
  }
  if (settings.capacity_bytes) {
    auto good = check_capacity(*settings.capacity_bytes, "a queue without room passes nothing on");
    if (!good) return good;
  }
  auto wanted = state::inspect(identity_);
  if (!wanted) return failure{wanted.error()};
  wanted->mode = settings.mode.value_or(wanted->mode);
  wanted->capacity_bytes = settings.capacity_bytes.value_or(wanted->capacity_bytes);
  wanted->owner = settings.owner.value_or(wanted->owner);
  wanted->group = settings.group.value_or(wanted->group);
  auto done = syscall::queue_change(identity_.id, *wanted);
  if (!done && state::is_removed(done.error())) return state::removed("msgctl(IPC_SET)");
  return done;
}

result<void> system_v_queue::unlink() {
  auto found = state::inspect(identity_);
  // The queue first: a key file that is left over is cleared away by the next creator.
  auto gone = found ? remove(identity_.id) : result<void>{failure{found.error()}};
  if (!gone && !(gone.error() == errc::removed)) return gone;
  duty_of_ = 0;
  if (name_) {
    owned_name file{std::move(name_->place), name_->file};
    name_.reset();
    auto unlinked = file.unlink();
    if (gone && !unlinked && !(unlinked.error() == errc::removed)) return unlinked;
  }
  return gone;
}

result<bool> system_v_queue::is_intact() const {
  auto found = state::inspect(identity_);
  if (!found && found.error() == errc::removed) return false;
  if (!found) return failure{found.error()};
  if (!name_) return true;
  return key_file::is_intact(name_->place, key_files(identity_.creator),
                             {.key = identity_.key, .id = identity_.id, .identity = name_->file});
}

}  // namespace sluice
