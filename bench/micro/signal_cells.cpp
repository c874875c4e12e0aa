#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <memory>
#include <sluice/channel/signal_channel.hpp>
#include <sluice/primitive/scoped_signal_handler.hpp>
#include <sluice/primitive/scoped_signal_mask.hpp>
#include <sluice/primitive/signal_receiver.hpp>
#include <sluice/primitive/signal_sender.hpp>
#include <sluice/primitive/stop_signal.hpp>
#include <stdexcept>
#include <system_error>

#include "one_process.hpp"

namespace bench {

namespace {

void expect(bool went_well, const char* operation) {
  if (!went_well) throw std::system_error{errno, std::generic_category(), operation};
}

// What sigqueue(3) fills in; pidfd_send_signal(2) and the others want the same.
siginfo_t filled(int number, std::uint64_t payload) {
  siginfo_t info{};
  info.si_signo = number;
  info.si_code = SI_QUEUE;
  info.si_pid = ::getpid();
  info.si_uid = ::getuid();
  info.si_value.sival_ptr = reinterpret_cast<void*>(payload);
  return info;
}

std::uint64_t read_one(int fd) {
  signalfd_siginfo got{};
  expect(::read(fd, &got, sizeof got) == sizeof got, "read");
  return got.ssi_ptr;
}

void expect_payload(std::uint64_t got, std::uint64_t sent) {
  if (got != sent) throw std::runtime_error{"a signal carried something else"};
}

// One signal to ourselves and back out of the descriptor.
contest open_to_self(const cell_settings& settings) {
  const int number = SIGRTMIN;
  struct state {
    sluice::scoped_signal_mask mask;
    sluice::signal_receiver receiver;
    sluice::signal_sender sender;
  };
  auto mask = sluice::scoped_signal_mask::block({number}).value();
  auto receiver = sluice::signal_receiver::create({number}).value();
  auto both = std::make_shared<state>(
      state{std::move(mask), std::move(receiver), sluice::signal_sender::to_self()});
  const auto with_sluice = [=](std::uint64_t i) {
    both->sender.send(number, i).value();
    expect_payload(both->receiver.try_take().value().payload, i);
  };
  const auto with_raw = [=](std::uint64_t i) {
    const siginfo_t info = filled(number, i);
    expect(::syscall(SYS_rt_sigqueueinfo, info.si_pid, number, &info) == 0, "rt_sigqueueinfo");
    expect_payload(read_one(both->receiver.native_handle()), i);
  };
  return one_process(with_sluice, with_raw, settings, 4);
}

// To a process by its descriptor. Raw code that shall not lose a signal to a dead process that
// nobody has reaped asks first, too.
contest open_to_process(const cell_settings& settings) {
  const int number = SIGRTMIN;
  struct state {
    sluice::scoped_signal_mask mask;
    sluice::signal_receiver receiver;
    sluice::process self;
    sluice::signal_sender sender;
  };
  auto mask = sluice::scoped_signal_mask::block({number}).value();
  auto receiver = sluice::signal_receiver::create({number}).value();
  auto self = sluice::process::open(::getpid()).value();
  auto sender = sluice::signal_sender::to_process(self).value();
  auto both = std::make_shared<state>(
      state{std::move(mask), std::move(receiver), std::move(self), std::move(sender)});
  const auto with_sluice = [=](std::uint64_t i) {
    both->sender.send(number, i).value();
    expect_payload(both->receiver.try_take().value().payload, i);
  };
  const auto with_raw = [=](std::uint64_t i) {
    pollfd watched{.fd = both->self.native_handle(), .events = POLLIN, .revents = 0};
    constexpr timespec at_once{};
    expect(::ppoll(&watched, 1, &at_once, nullptr) == 0, "ppoll");
    const siginfo_t info = filled(number, i);
    expect(::syscall(SYS_pidfd_send_signal, both->self.native_handle(), number, &info, 0) == 0,
           "pidfd_send_signal");
    expect_payload(read_one(both->receiver.native_handle()), i);
  };
  return one_process(with_sluice, with_raw, settings, 5);
}

// Messages of the channel: as above, with room for 32 of them in each read, and getpid(2) once more
// on either side, which tells a forked copy.
contest open_channel(const cell_settings& settings) {
  const sluice::signal_pair pair = sluice::signal_pair::nth(0);
  struct state {
    sluice::scoped_signal_mask mask;
    sluice::process self;
    sluice::signal_channel_receiver receiver;
    sluice::signal_channel_sender sender;
    sluice::signal_receiver raw_receiver;
  };
  auto mask = sluice::scoped_signal_mask::block(pair.signals()).value();
  auto self = sluice::process::open(::getpid()).value();
  auto receiver = sluice::signal_channel_receiver::create(pair).value();
  auto sender = sluice::signal_channel_sender::open(self, pair).value();
  if (receiver.next_size()) throw std::runtime_error{"a message before the first"};
  auto both = std::make_shared<state>(
      state{std::move(mask), std::move(self), std::move(receiver), std::move(sender),
            sluice::signal_receiver::create(pair.signals()).value()});
  const auto with_sluice = [=](std::uint64_t i) {
    both->sender.try_send(sluice::bytes_of(i)).value();
    std::uint64_t got = 0;
    static_cast<void>(both->receiver.try_receive(sluice::writable_bytes_of(got)).value());
    expect_payload(got, i);
  };
  const auto with_raw = [=](std::uint64_t i) {
    pollfd watched{.fd = both->self.native_handle(), .events = POLLIN, .revents = 0};
    constexpr timespec at_once{};
    expect(::ppoll(&watched, 1, &at_once, nullptr) == 0, "ppoll");
    expect(::getpid() == both->self.id(), "getpid");
    const siginfo_t info = filled(pair.data, i);
    expect(::syscall(SYS_pidfd_send_signal, both->self.native_handle(), pair.data, &info, 0) == 0,
           "pidfd_send_signal");
    std::array<signalfd_siginfo, 32> found;
    expect(::getpid() == both->self.id(), "getpid");
    const ssize_t got = ::read(both->raw_receiver.native_handle(), found.data(), sizeof found);
    expect(got == static_cast<ssize_t>(sizeof found[0]), "read");
    expect_payload(found[0].ssi_ptr, i);
  };
  return one_process(with_sluice, with_raw, settings, 7);
}

// Looking in passing whether a stop was asked for, which it was not. getpid(2) tells a forked copy.
contest open_stop(const cell_settings& settings) {
  auto stop = std::make_shared<sluice::stop_signal>(sluice::stop_signal::create({SIGUSR1}).value());
  const auto with_sluice = [=](std::uint64_t) {
    if (stop->try_wait()) throw std::runtime_error{"a signal that nobody sent"};
  };
  const auto with_raw = [=, self = ::getpid()](std::uint64_t) {
    expect(::getpid() == self, "getpid");
    signalfd_siginfo got{};
    const ssize_t size = ::read(stop->native_handle(), &got, sizeof got);
    expect(size == -1 && errno == EAGAIN, "read");
  };
  return one_process(with_sluice, with_raw, settings);
}

contest open_mask(const cell_settings& settings) {
  const auto with_sluice = [](std::uint64_t) {
    const auto scope = sluice::scoped_signal_mask::block({SIGUSR1}).value();
  };
  const auto with_raw = [](std::uint64_t) {
    sigset_t one;
    sigset_t before;
    ::sigemptyset(&one);
    ::sigaddset(&one, SIGUSR1);
    expect(::pthread_sigmask(SIG_BLOCK, &one, &before) == 0, "pthread_sigmask");
    expect(::pthread_sigmask(SIG_SETMASK, &before, nullptr) == 0, "pthread_sigmask");
  };
  return one_process(with_sluice, with_raw, settings);
}

contest open_handler(const cell_settings& settings) {
  const auto with_sluice = [](std::uint64_t) {
    const auto scope = sluice::scoped_signal_handler::ignore(SIGUSR1).value();
  };
  const auto with_raw = [](std::uint64_t) {
    struct sigaction ignore {};
    struct sigaction before {};
    ignore.sa_handler = SIG_IGN;
    expect(::sigaction(SIGUSR1, &ignore, &before) == 0, "sigaction");
    expect(::sigaction(SIGUSR1, &before, nullptr) == 0, "sigaction");
  };
  return one_process(with_sluice, with_raw, settings);
}

}  // namespace

std::vector<cell> signal_cells() {
  return {
      {.name = "signal_to_self/one_process", .message_bytes = 8, .open = open_to_self},
      {.name = "signal_to_process/one_process", .message_bytes = 8, .open = open_to_process},
      {.name = "signal_channel/one_process", .message_bytes = 8, .open = open_channel},
      {.name = "stop_signal/one_process", .message_bytes = 0, .open = open_stop},
      {.name = "scoped_signal_mask", .message_bytes = 0, .open = open_mask},
      {.name = "scoped_signal_handler", .message_bytes = 0, .open = open_handler},
  };
}

}  // namespace bench
