// A test double: code that is written against the concepts of Sluice runs over any channel. In
// production that is a FIFO between processes; here, as in a unit test, it is a local channel,
// which keeps the same promises in one process, needs no name, and can be filled up and ended at
// will.

#include <iostream>
#include <sluice/base/concepts.hpp>
#include <sluice/channel/blocking.hpp>
#include <sluice/channel/fifo_channel.hpp>
#include <sluice/channel/local_channel.hpp>
#include <string_view>

namespace {

// The code under test: forwards the messages in which a word occurs, until the input ends. A slow
// receiver shall not hold up the input: what finds no room is dropped, and counted.
template <sluice::message_receiver In, sluice::message_sender Out>
sluice::result<int> forward_matching(In& in, Out& out, std::string_view word) {
  int dropped = 0;
  for (;;) {
    auto message = sluice::receive_message(in, std::chrono::seconds{1});
    if (!message && message.error() == sluice::errc::closed) return dropped;
    if (!message) return sluice::failure{message.error()};
    if (sluice::text_of(*message).find(word) == std::string_view::npos) continue;
    auto sent = out.try_send(*message);
    if (!sent && !sluice::would_block(sent.error())) return sluice::failure{sent.error()};
    if (!sent) ++dropped;
  }
}

// What production uses: the same code over FIFOs, checked by the compiler.
[[maybe_unused]] constexpr auto in_production =
    &forward_matching<sluice::fifo_receiver, sluice::fifo_sender>;

int failures = 0;
void expect(bool good, const char* promise) {
  std::cout << (good ? "ok      " : "FAILED  ") << promise << '\n';
  if (!good) ++failures;
}

sluice::local_receiver input_of(std::initializer_list<std::string_view> lines) {
  auto channel = sluice::local_channel::create().value();
  for (std::string_view line : lines) channel.sender.try_send(sluice::bytes_of(line)).value();
  return std::move(channel.receiver);  // the sender goes, so the input ends after these lines
}

void forwards_what_matches_and_nothing_else() {
  auto in = input_of({"warning: disk", "info: all well", "warning: fan"});
  auto out = sluice::local_channel::create().value();
  expect(forward_matching(in, out.sender, "warning").value_or(-1) == 0, "nothing is dropped");
  for (std::string_view expected : {"warning: disk", "warning: fan"}) {
    auto message = sluice::receive_message(out.receiver, sluice::deadline::now());
    expect(message && sluice::text_of(*message) == expected, "the next match arrives");
  }
  expect(sluice::would_block(out.receiver.next_size().error()), "nothing else arrives");
}

void drops_and_counts_what_finds_no_room() {
  auto in = input_of({"warning 1", "warning 2", "warning 3"});
  auto out = sluice::local_channel::create({.capacity_messages = 1}).value();
  expect(forward_matching(in, out.sender, "warning").value_or(-1) == 2, "two are dropped");
}

void reports_a_receiver_that_is_gone() {
  auto in = input_of({"warning"});
  auto out = sluice::local_channel::create().value();
  { auto gone = std::move(out.receiver); }
  auto outcome = forward_matching(in, out.sender, "warning");
  expect(!outcome && outcome.error() == std::errc::broken_pipe, "broken_pipe, as from a FIFO");
}

}  // namespace

int main() {
  forwards_what_matches_and_nothing_else();
  drops_and_counts_what_finds_no_room();
  reports_a_receiver_that_is_gone();
  return failures == 0 ? 0 : 1;
}
