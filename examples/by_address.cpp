// Channels by address: the same program sends over whatever its command line names. It answers
// "which channel" with a text, and shows where a text is wrong.
//
//     by_address ADDRESS...           as ring:ticks?capacity=64K, mq:ticks?messages=5, unix:ticks,
//                                     tcp:127.0.0.1:9000

#include <iostream>
#include <sluice/sluice.hpp>
#include <string>

namespace {

using namespace std::chrono_literals;

// A child sends three messages; we receive them. Neither knows what kind of channel it is.
bool pass_messages(const sluice::endpoint& where) {
  auto inbox = sluice::any_receiver::open(where);
  if (!inbox) return std::cerr << inbox.error().message() << '\n', false;
  std::cout << where.text() << " is a " << inbox->capabilities().mechanism << '\n';
  auto child = sluice::process::fork([&] {
    auto outbox = sluice::any_sender::open(where, 10s).value();
    for (const char* text : {"one", "two", "three"})
      if (!outbox.send(sluice::bytes_of(text), 10s)) return 1;
    return outbox.flush(10s) ? 0 : 1;
  });
  std::string all;
  for (int count = 0; count < 3; ++count) {
    // In place where the channel can, a copy where it cannot.
    if (!inbox->wait_readable(10s)) return false;
    if (auto view = inbox->try_peek()) {
      all.append(sluice::text_of(view->bytes())).append(" ");
    } else {
      all.append(sluice::text_of(sluice::receive_message(*inbox, 10s).value())).append(" ");
    }
  }
  std::cout << "  " << all << '\n';
  return child.value().wait(10s).value().success() && all == "one two three ";
}

}  // namespace

int main(int argc, char** argv) {
  bool good = argc > 1;
  for (int i = 1; i < argc; ++i) {
    sluice::endpoint_complaint complaint;
    const auto where = sluice::endpoint::parse(argv[i], complaint);
    if (!where) std::cerr << complaint.explain(argv[i]) << '\n';
    good = where && pass_messages(*where) && good;
  }
  return good ? 0 : 1;
}
