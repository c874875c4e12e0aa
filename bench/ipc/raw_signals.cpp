// Raw signals: a real-time one with eight bytes, queued by rt_sigqueueinfo(2), which is what
// sigqueue(3) calls, and taken by sigwaitinfo(2), or polled with sigtimedwait(2) and no time.

#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <bit>

#include "call_count.hpp"
#include "make_transport.hpp"
#include "raw_ends.hpp"
#include "shared_bytes.hpp"
#include "transports.hpp"

namespace bench {

namespace {

sigset_t the_signal() noexcept {
  sigset_t only;
  ::sigemptyset(&only);
  ::sigaddset(&only, SIGRTMIN + 5);
  return only;
}

template <bool Polls>
class raw_signal_link {
 public:
  explicit raw_signal_link(const link_options& options) : wait_(options.wait), shared_(0) {}

  struct sender {
    pid_t to;
    wait_loop wait;
    void send(sluice::const_bytes message) {
      sigval value{};
      std::memcpy(&value.sival_ptr, message.data(), word_bytes);
      while (counted([&] { return ::sigqueue(to, SIGRTMIN + 5, value); }) != 0) {
        if (errno != EAGAIN) fail("sigqueue");
        pause();
      }
    }
    // The kernel tells nobody when the queue has room again.
    void pause() const {
      const timespec moment{.tv_sec = 0, .tv_nsec = 50'000};
      if (Polls) {
        wait();
      } else {
        counted([&] { return ::nanosleep(&moment, nullptr); });
      }
    }
  };
  struct receiver {
    wait_loop wait;
    sigset_t only = the_signal();
    std::size_t receive(sluice::mutable_bytes into) {
      const timespec none{};
      siginfo_t got{};
      while (counted([&] { return ::sigtimedwait(&only, &got, Polls ? &none : nullptr); }) < 0) {
        if (!is_worth_another_try()) fail("sigtimedwait");
        wait();
      }
      std::memcpy(into.data(), &got.si_value.sival_ptr, word_bytes);
      return word_bytes;
    }
  };

  sender become_sender() { return {shared_.control().receiver.load(), wait_}; }
  receiver become_receiver() {
    const sigset_t only = the_signal();
    if (::sigprocmask(SIG_BLOCK, &only, nullptr) != 0) fail("sigprocmask");
    shared_.control().receiver.store(::getpid());
    return {wait_};
  }

 private:
  struct control {
    std::atomic<pid_t> receiver{0};
  };
  wait_loop wait_;
  shared_bytes<control> shared_;
};

}  // namespace

void add_raw_signals(std::vector<transport>& to) {
  add_both<raw_signal_link<true>, raw_signal_link<false>>(to, "raw_signals", role::floor,
                                                          {.from = word_bytes, .to = word_bytes});
}

}  // namespace bench
