// A program that receives from a FIFO which somebody else made, and judges what comes:
//   receive_program NAME SENDERS COUNT
// ends when COUNT messages of each of the senders 0, 1, ... have come; with success if nothing
// was torn, lost, reordered, invented or came twice.

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <sluice/channel/fifo_channel.hpp>

#include "support/history.hpp"

int main(int count, char** arguments) {
  using namespace std::chrono_literals;
  if (count != 4) return 2;
  const auto senders = static_cast<std::uint32_t>(std::strtoul(arguments[2], nullptr, 10));
  const std::uint64_t messages = std::strtoull(arguments[3], nullptr, 10);
  // Open to several senders that come and go: the end of the last one is not ours.
  auto receiver = sluice::fifo_receiver::open(arguments[1], {.open = {.stay_open = true}});
  if (!receiver) {
    std::cerr << receiver.error().message() << '\n';
    return 1;
  }
  sluice::test::history_checker history;
  while (history.received() < senders * messages) {
    auto message = sluice::receive_message(*receiver, 20s);
    if (!message) {
      std::cerr << message.error().message() << '\n';
      return 1;
    }
    history.check(*message);
  }
  const auto verdict = history.verdict(senders, messages);
  if (!verdict) std::cerr << verdict.message() << '\n';
  return verdict && receiver->spoilt() == 0 ? 0 : 1;
}
