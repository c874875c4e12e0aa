// A program that meets others, which it does not know, at an object that somebody else made:
//   meeting_program KIND send NAME SENDER COUNT       sends COUNT messages as SENDER
//   meeting_program KIND receive NAME SENDERS COUNT   receives COUNT of each, and judges them
// KIND is system-v-queue, posix-queue or mailbox.
//   meeting_program memory count NAME 0 COUNT         adds 1 COUNT times to a number under a mutex

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <mutex>
#include <sluice/channel/mailbox.hpp>
#include <sluice/channel/posix_queue_receiver.hpp>
#include <sluice/channel/posix_queue_sender.hpp>
#include <sluice/channel/system_v_queue_receiver.hpp>
#include <sluice/channel/system_v_queue_sender.hpp>
#include <sluice/primitive/shared_memory.hpp>
#include <string>

#include "process/guarded_number.hpp"
#include "support/history.hpp"

namespace {

using namespace std::chrono_literals;
using sluice::test::history_checker;

struct task {
  bool sends;
  std::string name;
  std::uint32_t sender;  // or how many there are
  std::uint64_t count;
};

int failed(const sluice::error& why) {
  std::cerr << why.message() << '\n';
  return 1;
}

template <sluice::message_sender Sender>
int send_all(sluice::result<Sender> sender, const task& mine) {
  if (!sender) return failed(sender.error());
  const std::size_t largest = std::min<std::size_t>(4000, sender->max_message_bytes());
  for (std::uint64_t sequence = 0; sequence < mine.count; ++sequence) {
    const std::size_t size = sluice::test::size_of_message(mine.sender, sequence, 32, largest);
    auto sent = sluice::send(*sender, sluice::test::make_message(mine.sender, sequence, size), 20s);
    if (!sent) return failed(sent.error());
  }
  return 0;
}

template <sluice::message_receiver Receiver>
int receive_all(sluice::result<Receiver> receiver, const task& mine) {
  if (!receiver) return failed(receiver.error());
  history_checker history;
  while (history.received() < mine.sender * mine.count) {
    auto message = sluice::receive_message(*receiver, 20s);
    if (!message) return failed(message.error());
    history.check(*message);
  }
  const auto verdict = history.verdict(mine.sender, mine.count);
  if (!verdict) std::cerr << verdict.message() << '\n';
  return verdict ? 0 : 1;
}

template <class Sender, class Receiver>
int run(const task& mine) {
  return mine.sends ? send_all(Sender::open(mine.name), mine)
                    : receive_all(Receiver::open(mine.name), mine);
}

int count_up(const task& mine) {
  auto memory = sluice::shared_memory::open(mine.name);
  if (!memory) return failed(memory.error());
  auto* shared = reinterpret_cast<sluice::test::guarded_number*>(memory->writable_bytes().data());
  for (std::uint64_t i = 0; i < mine.count; ++i) {
    const std::lock_guard held{shared->lock};
    shared->value = shared->value + 1;
  }
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  using namespace sluice;
  if (count != 6) return 2;
  const std::string kind = arguments[1];
  const task mine{.sends = std::string{arguments[2]} == "send",
                  .name = arguments[3],
                  .sender = static_cast<std::uint32_t>(std::strtoul(arguments[4], nullptr, 10)),
                  .count = std::strtoull(arguments[5], nullptr, 10)};
  if (kind == "system-v-queue") return run<system_v_queue_sender, system_v_queue_receiver>(mine);
  if (kind == "posix-queue") return run<posix_queue_sender, posix_queue_receiver>(mine);
  if (kind == "mailbox") return run<mailbox_sender, mailbox_receiver>(mine);
  if (kind == "memory") return count_up(mine);
  return 2;
}
