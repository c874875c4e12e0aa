// Raw counters with messages in shared memory beside them: eventfd(2) as a semaphore, sem_t of the
// C library, and a System V semaphore. The places are slots.hpp's.

#include <semaphore.h>
#include <sys/eventfd.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "call_count.hpp"
#include "make_transport.hpp"
#include "raw_ends.hpp"
#include "slots.hpp"
#include "transports.hpp"

namespace bench {

namespace {

/// With EFD_SEMAPHORE each read takes one. A descriptor either waits or does not, so who polls
/// makes one that does not.
template <bool Polls>
class eventfd_counter {
 public:
  static constexpr std::uint32_t most = 1U << 20;
  eventfd_counter(std::byte* /*unused*/, std::uint32_t initial)
      : fd_(::eventfd(initial, EFD_CLOEXEC | EFD_SEMAPHORE | (Polls ? EFD_NONBLOCK : 0))) {
    if (!fd_) fail("eventfd");
  }
  void give() {
    const std::uint64_t one = 1;
    if (counted([&] { return ::write(fd_.get(), &one, sizeof one); }) < 0) fail("write");
  }
  bool try_take() {
    std::uint64_t taken = 0;
    if (counted([&] { return ::read(fd_.get(), &taken, sizeof taken); }) > 0) return true;
    if (errno != EAGAIN && errno != EINTR) fail("read");
    return false;
  }
  void take() {
    while (!try_take()) {
    }
  }

 private:
  sluice::unique_fd fd_;
};

class sem_counter {
 public:
  static constexpr std::uint32_t most = 1U << 20;
  sem_counter(std::byte* where, std::uint32_t initial) : made_(reinterpret_cast<sem_t*>(where)) {
    static_assert(sizeof(sem_t) <= apart_bytes);
    if (::sem_init(made_, 1, initial) != 0) fail("sem_init");
  }
  void give() {
    if (::sem_post(made_) != 0) fail("sem_post");
  }
  bool try_take() {
    if (::sem_trywait(made_) == 0) return true;
    if (errno != EAGAIN && errno != EINTR) fail("sem_trywait");
    return false;
  }
  void take() {
    while (::sem_wait(made_) != 0) {
      if (errno != EINTR) fail("sem_wait");
    }
  }

 private:
  sem_t* made_;
};

/// A set of one, removed by the supervisor.
class semop_counter {
 public:
  static constexpr std::uint32_t most = 32767;  // SEMVMX
  semop_counter(std::byte* /*unused*/, std::uint32_t initial)
      : id_(::semget(IPC_PRIVATE, 1, 0600)), owner_(::getpid()) {
    if (id_ < 0) fail("semget");
    union {  // as semctl(2) wants it declared
      int val;
      void* other;
    } value{.val = static_cast<int>(initial)};
    if (::semctl(id_, 0, SETVAL, value) != 0) fail("semctl");
  }
  semop_counter(const semop_counter&) = delete;
  semop_counter& operator=(const semop_counter&) = delete;
  ~semop_counter() {
    if (owner_ == ::getpid()) ::semctl(id_, 0, IPC_RMID);
  }
  void give() { static_cast<void>(apply(1, 0)); }
  bool try_take() { return apply(-1, IPC_NOWAIT); }
  void take() {
    while (!apply(-1, 0)) {
    }
  }

 private:
  bool apply(short change, short flags) {
    sembuf one{.sem_num = 0, .sem_op = change, .sem_flg = flags};
    if (counted([&] { return ::semop(id_, &one, 1); }) == 0) return true;
    if (errno != EAGAIN && errno != EINTR) fail("semop");
    return false;
  }
  int id_;
  pid_t owner_;
};

template <bool Polls>
using raw_eventfd_link = slots_link<eventfd_counter<Polls>, Polls>;
template <bool Polls>
using raw_sem_link = slots_link<sem_counter, Polls>;
template <bool Polls>
using raw_semop_link = slots_link<semop_counter, Polls>;

}  // namespace

void add_raw_counters(std::vector<transport>& to) {
  add_both<raw_eventfd_link<true>, raw_eventfd_link<false>>(to, "raw_eventfd", role::floor, {});
  add_both<raw_sem_link<true>, raw_sem_link<false>>(to, "raw_posix_semaphore", role::floor, {});
  not_counted(to, 2);
  add_both<raw_semop_link<true>, raw_semop_link<false>>(to, "raw_system_v_semaphore", role::floor,
                                                        {});
}

}  // namespace bench
