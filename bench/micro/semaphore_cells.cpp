#include <semaphore.h>
#include <sys/ipc.h>
#include <sys/sem.h>

#include <atomic>
#include <memory>
#include <new>
#include <sluice/os/memory_map.hpp>
#include <sluice/primitive/posix_semaphore.hpp>
#include <sluice/primitive/shared_event.hpp>
#include <sluice/primitive/system_v_semaphore_set.hpp>
#include <stdexcept>
#include <system_error>

#include "cell.hpp"
#include "one_process.hpp"

namespace bench {

namespace {

void expect_success(int outcome, const char* operation) {
  if (outcome != 0) throw std::system_error{errno, std::generic_category(), operation};
}

/// A POSIX semaphore in shared memory, given and taken.
contest open_posix_semaphore(const cell_settings& settings) {
  struct both {
    sem_t ours;
    sem_t raw;
  };
  auto memory = std::make_shared<sluice::memory_map>(
      sluice::memory_map::create_anonymous(sizeof(both)).value());
  auto* shared = new (memory->writable_bytes().data()) both;
  auto semaphore = std::make_shared<sluice::posix_semaphore>(
      sluice::posix_semaphore::create_at(memory->writable_bytes()).value());
  expect_success(::sem_init(&shared->raw, 1, 0), "sem_init");
  const auto with_sluice = [memory, semaphore](std::uint64_t) {
    semaphore->notify().value();
    semaphore->wait().value();
  };
  const auto with_raw = [memory, shared](std::uint64_t) {
    expect_success(::sem_post(&shared->raw), "sem_post");
    expect_success(::sem_wait(&shared->raw), "sem_wait");
  };
  return one_process(with_sluice, with_raw, settings, 0);
}

/// A semaphore of a System V set, given and taken.
contest open_system_v_semaphore(const cell_settings& settings) {
  auto set = std::make_shared<sluice::system_v_semaphore_set>(
      sluice::system_v_semaphore_set::create_private({.initial = {0, 0}}).value());
  const auto with_sluice = [set, one = set->semaphore(0).value()](std::uint64_t) mutable {
    one.notify().value();
    one.wait().value();
  };
  const auto with_raw = [set](std::uint64_t) {
    sembuf step{.sem_num = 1, .sem_op = 1, .sem_flg = 0};
    expect_success(::semop(set->id(), &step, 1), "semop");
    step.sem_op = -1;
    expect_success(::semop(set->id(), &step, 1), "semop");
  };
  return one_process(with_sluice, with_raw, settings);
}

/// An event in shared memory, notified and taken while nobody sleeps; beside it the two locked
/// instructions that it takes at least.
contest open_shared_event(const cell_settings& settings) {
  struct both {
    sluice::shared_event ours;
    std::atomic<std::uint32_t> raw{0};
  };
  auto memory = std::make_shared<sluice::memory_map>(
      sluice::memory_map::create_anonymous(sizeof(both)).value());
  auto* shared = new (memory->writable_bytes().data()) both;
  const auto with_sluice = [memory, shared](std::uint64_t) {
    shared->ours.notify().value();
    shared->ours.wait().value();
  };
  const auto with_raw = [memory, shared](std::uint64_t) {
    std::uint32_t none = 0;
    std::uint32_t one = 1;
    if (!shared->raw.compare_exchange_strong(none, 1) ||
        !shared->raw.compare_exchange_strong(one, 0))
      throw std::runtime_error{"an event was lost or invented"};
  };
  return one_process(with_sluice, with_raw, settings, 0);
}

}  // namespace

std::vector<cell> semaphore_cells() {
  return {
      {.name = "posix_semaphore/one_process", .message_bytes = 0, .open = open_posix_semaphore},
      {.name = "system_v_semaphore/one_process",
       .message_bytes = 0,
       .open = open_system_v_semaphore},
      {.name = "shared_event/one_process", .message_bytes = 0, .open = open_shared_event},
  };
}

}  // namespace bench
