#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>
#include <mutex>
#include <sluice/os/memory_map.hpp>
#include <sluice/primitive/mutex.hpp>
#include <sluice/primitive/shared_memory.hpp>
#include <stdexcept>
#include <string>
#include <system_error>

#include "cell.hpp"
#include "machine.hpp"
#include "one_process.hpp"

namespace bench {

namespace {

void expect_success(bool good, const char* operation) {
  if (!good) throw std::system_error{errno, std::generic_category(), operation};
}

/// The mutex, free: locked and unlocked, with one word changed in between.
contest open_mutex(const cell_settings& settings) {
  struct guarded {
    sluice::mutex ours;
    pthread_mutex_t raw;
    std::uint64_t count = 0;
  };
  auto memory = std::make_shared<sluice::memory_map>(
      sluice::memory_map::create_anonymous(sizeof(guarded)).value());
  auto* shared = new (memory->writable_bytes().data()) guarded;
  pthread_mutexattr_t same;
  ::pthread_mutexattr_init(&same);
  ::pthread_mutexattr_setpshared(&same, PTHREAD_PROCESS_SHARED);
  ::pthread_mutexattr_setrobust(&same, PTHREAD_MUTEX_ROBUST);
  ::pthread_mutexattr_settype(&same, PTHREAD_MUTEX_ERRORCHECK);
  ::pthread_mutex_init(&shared->raw, &same);
  ::pthread_mutexattr_destroy(&same);
  const auto with_sluice = [memory, shared](std::uint64_t) {
    const std::lock_guard held{shared->ours};
    ++shared->count;
  };
  const auto with_raw = [memory, shared](std::uint64_t) {
    if (::pthread_mutex_lock(&shared->raw) != 0) throw std::runtime_error{"pthread_mutex_lock"};
    ++shared->count;
    ::pthread_mutex_unlock(&shared->raw);
  };
  return one_process(with_sluice, with_raw, settings, 0);
}

constexpr std::size_t memory_bytes = std::size_t{1} << 16;

// What a careful program asks before it maps what others named: the type, the owner, whether
// everybody may write, the size.
void expect_ours(const struct stat& found) {
  const bool good = S_ISREG(found.st_mode) && found.st_uid == ::geteuid() &&
                    (found.st_mode & S_IWOTH) == 0 &&
                    found.st_size == static_cast<off_t>(memory_bytes);
  if (!good) throw std::runtime_error{"somebody else's memory"};
}

// Maps a descriptor, looks at the first byte and gives both back.
void look_at(int fd) {
  void* const at = ::mmap(nullptr, memory_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  expect_success(at != MAP_FAILED, "mmap");
  if (*static_cast<const volatile char*>(at) != 0) throw std::runtime_error{"another memory"};
  ::munmap(at, memory_bytes);
  ::close(fd);
}

// The calls that keep what `shared_memory::open` promises: the name means one place from now on,
// no device is opened, and whose memory it is was looked at on the descriptor.
void open_with_care(const std::string& leaf) {
  const int directory = ::open("/dev/shm", O_PATH | O_DIRECTORY | O_CLOEXEC);
  expect_success(directory >= 0, "open");
  struct stat found {};
  expect_success(::fstatat(directory, leaf.c_str(), &found, AT_SYMLINK_NOFOLLOW) == 0, "fstatat");
  expect_ours(found);
  const int fd = ::openat(directory, leaf.c_str(), O_RDWR | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
  expect_success(fd >= 0, "openat");
  expect_success(::fstat(fd, &found) == 0, "fstat");
  expect_ours(found);
  look_at(fd);
  ::close(directory);
}

void open_barely(const std::string& leaf) {
  const int fd = ::shm_open(leaf.c_str(), O_RDWR, 0);
  expect_success(fd >= 0, "shm_open");
  look_at(fd);
}

/// A POSIX object that exists: opened, looked at, closed.
contest open_posix_memory(const cell_settings& settings, void (*with_raw)(const std::string&),
                          std::uint64_t raw_calls) {
  const std::string leaf = "sluice-bench-" + std::to_string(::getpid());
  const auto name = sluice::memory_name::posix("/" + leaf);
  auto made = std::make_shared<sluice::shared_memory>(
      sluice::shared_memory::create(name, {.size_bytes = memory_bytes}).value());
  const auto with_sluice = [made, name](std::uint64_t) {
    const auto opened = sluice::shared_memory::open(name).value();
    if (opened.bytes()[0] != std::byte{0}) throw std::runtime_error{"another memory"};
  };
  return one_process(
      with_sluice, [made, leaf, with_raw](std::uint64_t) { with_raw(leaf); }, settings, raw_calls);
}

contest open_carefully(const cell_settings& settings) {
  return open_posix_memory(settings, open_with_care, 8);
}

contest open_bare(const cell_settings& settings) {
  return open_posix_memory(settings, open_barely, 4);
}

/// A System V segment that exists: found, checked, attached, looked at, detached.
contest open_segment(const cell_settings& settings) {
  const key_t key = ::getpid() << 4;
  auto made = std::make_shared<sluice::shared_memory>(
      sluice::shared_memory::create(sluice::memory_name::system_v(key),
                                    {.size_bytes = memory_bytes})
          .value());
  const auto with_sluice = [made, key](std::uint64_t) {
    const auto opened = sluice::shared_memory::open(sluice::memory_name::system_v(key)).value();
    if (opened.bytes()[0] != std::byte{0}) throw std::runtime_error{"another memory"};
  };
  const auto with_raw = [made, key](std::uint64_t) {
    const int id = ::shmget(key, 0, 0);
    expect_success(id >= 0, "shmget");
    struct shmid_ds found {};
    expect_success(::shmctl(id, IPC_STAT, &found) == 0, "shmctl");
    const bool good = found.shm_perm.uid == ::geteuid() && (found.shm_perm.mode & S_IWOTH) == 0 &&
                      found.shm_segsz == memory_bytes;
    if (!good) throw std::runtime_error{"somebody else's memory"};
    void* const at = ::shmat(id, nullptr, 0);
    expect_success(at != MAP_FAILED, "shmat");
    if (*static_cast<const volatile char*>(at) != 0) throw std::runtime_error{"another memory"};
    ::shmdt(at);
  };
  return one_process(with_sluice, with_raw, settings, 4);
}

}  // namespace

std::vector<cell> memory_cells() {
  return {
      {.name = "mutex/one_process", .message_bytes = 0, .open = open_mutex},
      {.name = "posix_memory/open", .message_bytes = 0, .open = open_carefully},
      {.name = "posix_memory/open_bare", .message_bytes = 0, .open = open_bare},
      {.name = "segment/open", .message_bytes = 0, .open = open_segment},
  };
}

}  // namespace bench
