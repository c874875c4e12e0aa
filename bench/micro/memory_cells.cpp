#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/shm.h>
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

/// A POSIX object that exists: opened, looked at, closed.
contest open_posix_memory(const cell_settings& settings) {
  const std::string name = "/sluice-bench-" + std::to_string(::getpid());
  auto made = std::make_shared<sluice::shared_memory>(
      sluice::shared_memory::create(sluice::memory_name::posix(name), {.size_bytes = memory_bytes})
          .value());
  const auto with_sluice = [made, name](std::uint64_t) {
    const auto opened = sluice::shared_memory::open(sluice::memory_name::posix(name)).value();
    if (opened.bytes()[0] != std::byte{0}) throw std::runtime_error{"another memory"};
  };
  const auto with_raw = [made, name](std::uint64_t) {
    const int fd = ::shm_open(name.c_str(), O_RDWR, 0);
    expect_success(fd >= 0, "shm_open");
    void* const at = ::mmap(nullptr, memory_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    expect_success(at != MAP_FAILED, "mmap");
    if (*static_cast<const volatile char*>(at) != 0) throw std::runtime_error{"another memory"};
    ::munmap(at, memory_bytes);
    ::close(fd);
  };
  return one_process(with_sluice, with_raw, settings, 4);
}

/// A System V segment that exists: found, attached, looked at, detached.
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
    void* const at = ::shmat(id, nullptr, 0);
    expect_success(at != MAP_FAILED, "shmat");
    if (*static_cast<const volatile char*>(at) != 0) throw std::runtime_error{"another memory"};
    ::shmdt(at);
  };
  return one_process(with_sluice, with_raw, settings, 3);
}

}  // namespace

std::vector<cell> memory_cells() {
  return {
      {.name = "mutex/one_process", .message_bytes = 0, .open = open_mutex},
      {.name = "posix_memory/open", .message_bytes = 0, .open = open_posix_memory},
      {.name = "segment/open", .message_bytes = 0, .open = open_segment},
  };
}

}  // namespace bench
