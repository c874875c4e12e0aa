#include <algorithm>
#include <cassert>
#include <cerrno>
#include <climits>
#include <sluice/primitive/posix_semaphore.hpp>
#include <string_view>

#include "os/semaphore_file.hpp"
#include "os/syscall.hpp"
#include "os/syscall_semaphores.hpp"

namespace sluice {

namespace {

static_assert(posix_semaphore::size_bytes == sizeof(sem_t));
static_assert(posix_semaphore::alignment_bytes == alignof(sem_t));
static_assert(posix_semaphore::max_value == SEM_VALUE_MAX);

constexpr const char* operation = "posix_semaphore";

sem_t* native(void* at) noexcept { return static_cast<sem_t*>(at); }

failure refused(const char* why) { return {std::errc::invalid_argument, operation, why}; }

// Where the C library keeps a semaphore of this name. Source: sem_overview(7).
result<channel_name> posix_path(std::string_view name) {
  if (name.starts_with('/')) name.remove_prefix(1);
  if (name.empty()) return refused("the name is empty");
  if (name.find('/') != name.npos)
    return refused("a POSIX name has a slash at its start at most; a path is given as a text");
  constexpr std::size_t longest = 255 - 4;  // NAME_MAX less "sem."
  if (name.size() > longest)
    return failure{std::errc::filename_too_long, operation, "a POSIX name has at most 251 bytes"};
  return channel_name::parse("/dev/shm/sem." + std::string{name});
}

result<name_place> place_of(const semaphore_name& name,
                            const runtime_directory_options& directory) {
  auto parsed = name.is_posix() ? posix_path(name.text()) : channel_name::parse(name.text());
  if (!parsed) return failure{parsed.error()};
  return name_place::resolve(*parsed, ".sem", directory);
}

named_file::trust trust_of(const semaphore_open_options& options) {
  return {.owner = options.owner.value_or(syscall::effective_user()),
          .world_writable = options.world_writable};
}

// The place, for who is to create something there.
result<name_place> place_to_create(const semaphore_name& name,
                                   const semaphore_create_options& options) {
  if (options.initial > posix_semaphore::max_value) return refused("a semaphore counts to 2^31-1");
  auto place = place_of(name, options.directory);
  if (!place) return place;
  auto good = named_file::check_mode(options.mode, *place, options.directory, operation);
  if (!good) return failure{good.error()};
  return place;
}

result<void> check_memory(mutable_bytes where) {
  if (where.size() < posix_semaphore::size_bytes)
    return refused("a semaphore needs 32 bytes (posix_semaphore::size_bytes)");
  if (reinterpret_cast<std::uintptr_t>(where.data()) % posix_semaphore::alignment_bytes != 0)
    return refused("a semaphore lies at a multiple of 8 (posix_semaphore::alignment_bytes)");
  return {};
}

}  // namespace

result<posix_semaphore> posix_semaphore::create(const semaphore_name& name,
                                                const semaphore_create_options& options) {
  auto place = place_to_create(name, options);
  if (!place) return failure{place.error()};
  auto made = semaphore_file::create(*place, options.initial, options.mode);
  if (!made) return failure{made.error()};
  void* const at = made->map.writable_bytes().data();
  posix_semaphore semaphore{at, std::move(made->map)};
  semaphore.duty_ = std::move(made->fd);
  semaphore.name_.emplace(std::move(*place), made->identity);
  return semaphore;
}

result<posix_semaphore> posix_semaphore::open(const semaphore_name& name,
                                              const semaphore_open_options& options) {
  auto place = place_of(name, options.directory);
  if (!place) return failure{place.error()};
  auto found = semaphore_file::open(*place, trust_of(options));
  if (!found) return failure{found.error()};
  void* const at = found->map.writable_bytes().data();
  return posix_semaphore{at, std::move(found->map)};
}

result<posix_semaphore> posix_semaphore::adopt(const semaphore_name& name,
                                               const semaphore_create_options& options) {
  auto place = place_to_create(name, options);
  if (!place) return failure{place.error()};
  auto found = semaphore_file::open(*place, {.owner = syscall::effective_user()});
  if (!found) return failure{found.error()};
  void* const at = found->map.writable_bytes().data();
  posix_semaphore semaphore{at, std::move(found->map)};
  if (semaphore_file::take_duty(found->fd.get())) {
    semaphore.duty_ = std::move(found->fd);
    semaphore.name_.emplace(std::move(*place), found->identity);
    // Whoever had the duty may have removed the name before we had it.
    auto intact = semaphore.name_->is_intact();
    if (intact && !*intact) intact = failure{std::errc::no_such_file_or_directory, operation};
    if (!intact) {
      semaphore.persist();
      return failure{intact.error()};
    }
    auto exact = syscall::set_mode(semaphore.duty_.get(), options.mode);
    if (!exact) {
      semaphore.persist();
      return failure{exact.error()};
    }
  }
  return semaphore;
}

result<posix_semaphore> posix_semaphore::open_or_create(const semaphore_name& name,
                                                        const semaphore_create_options& options) {
  // Between the two looks somebody else may make it or remove it, but hardly again and again.
  constexpr int most_attempts = 100;
  for (int attempt = 1;; ++attempt) {
    auto found = adopt(name, options);
    if (found || !(found.error() == std::errc::no_such_file_or_directory)) return found;
    auto made = create(name, options);
    if (made || !(made.error() == std::errc::file_exists) || attempt == most_attempts) return made;
  }
}

result<void> posix_semaphore::unlink(const semaphore_name& name,
                                     const semaphore_open_options& options) {
  auto place = place_of(name, options.directory);
  if (!place) return failure{place.error()};
  return named_file::unlink(*place, semaphore_file::file_kind(), trust_of(options));
}

result<posix_semaphore> posix_semaphore::create_at(mutable_bytes where, std::uint32_t initial) {
  if (auto good = check_memory(where); !good) return failure{good.error()};
  if (initial > max_value) return refused("a semaphore counts to 2^31-1");
  std::fill_n(where.data(), size_bytes, std::byte{0});
  // Fails for values that are too large alone.
  syscall::posix_semaphore_init(native(where.data()), true, initial);
  return posix_semaphore{where.data(), std::nullopt};
}

result<posix_semaphore> posix_semaphore::open_at(mutable_bytes where) {
  if (auto good = check_memory(where); !good) return failure{good.error()};
  if (!semaphore_file::is_shared_semaphore(where.data()))
    return failure{errc::corrupt, operation,
                   "no semaphore that processes share was made in this memory"};
  return posix_semaphore{where.data(), std::nullopt};
}

result<void> posix_semaphore::notify() {
  const int outcome = syscall::posix_semaphore_post(native(native_));
  if (outcome == 0) [[likely]]
    return {};
  return failure{error::from_errno(outcome, "sem_post", "a semaphore counts to 2^31-1")};
}

result<void> posix_semaphore::try_wait() {
  const int outcome = syscall::posix_semaphore_try_wait(native(native_));
  if (outcome == 0) [[likely]]
    return {};
  return failure{error::from_errno(outcome, "sem_trywait")};
}

result<void> posix_semaphore::wait(deadline until) {
  for (;;) {
    const int taken = syscall::posix_semaphore_try_wait(native(native_));
    if (taken == 0) return {};
    if (taken != EAGAIN) return failure{error::from_errno(taken, "sem_trywait")};
    if (until.has_passed()) return failure{std::errc::timed_out, "sem_clockwait"};
    // Not one sleep to the end: a waiter that was woken and killed before it took its unit takes
    // the wake-up with it, and the C library tells nobody.
    const int slept = syscall::posix_semaphore_wait(native(native_), earlier(until, longest_sleep));
    if (slept == 0) return {};
    if (slept != ETIMEDOUT) return failure{error::from_errno(slept, "sem_clockwait")};
  }
}

std::uint32_t posix_semaphore::value() const noexcept {
  return static_cast<std::uint32_t>(syscall::posix_semaphore_value(native(native_)));
}

result<void> posix_semaphore::unlink() {
  if (!name_)
    return failure{errc::removed, "unlink", "this object has no name, or does not own it"};
  auto done = name_->unlink();
  if (done || done.error() == errc::removed) persist();
  return done;
}

void posix_semaphore::persist() noexcept {
  if (name_) name_->persist();
  name_.reset();
  duty_.reset();
}

}  // namespace sluice
