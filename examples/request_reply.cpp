// Request and reply: a client asks servers for lines of a file. The channels are named by
// addresses, so that the program does not know what they are. A server is killed while it has a
// request: the client is told at once, and asks again. Requests are plain structs, replies are
// strings; a server may refuse, with a number and a text.
//
//     request_reply FILE

#include <unistd.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <iostream>
#include <sluice/sluice.hpp>
#include <string>

namespace {

constexpr auto patience = std::chrono::seconds{10};

struct request {
  static constexpr std::string_view type_name = "example.request/2";  // the same in every build
  std::uint32_t first_line = 0;                                       // counted from 1
  std::uint32_t lines = 0;
  bool thoroughly = false;  // without an end
};
using client = sluice::typed_request_client<request, std::string>;
using server = sluice::typed_request_server<request, std::string>;
using answer = sluice::answer_or_error<std::string>;

// Any other kinds of channels would do: "mq:lines", "fifo:lines" with one server.
const sluice::request_service service{
    .requests = "queue:lines?take=1",
    .replies = "queue:lines.reply?capacity=64K&senders=8",
    .cancels = "topic:lines.cancel?capacity=64K&policy=overwrite"};

std::string lines_of(const char* path, const request& wanted) {
  std::ifstream file{path};
  std::string line;
  std::string found;
  for (std::uint32_t number = 1; number < wanted.first_line + wanted.lines; ++number)
    if (std::getline(file, line) && number >= wanted.first_line) found += line + '\n';
  return found;
}

// A child that answers until nobody asks any more, or it is killed.
sluice::process start_server(const char* path) {
  auto started = sluice::process::fork([path] {
    server lines{sluice::request_server::open(service).value()};
    auto served = lines.serve(
        [&](const request& wanted, sluice::request_in_hand& in_hand) -> answer {
          while (wanted.thoroughly && !in_hand.is_cancelled()) ::usleep(1000);
          const std::string found = lines_of(path, wanted);
          if (found.empty())
            return sluice::request_error{std::errc::invalid_argument, "there are no such lines"};
          return found;
        },
        patience);
    return served ? 0 : 1;
  });
  return std::move(started).value();
}

bool ask(client& lines, const char* path) {
  // Several at once, answered in whatever order.
  std::vector<std::pair<request, sluice::request_id>> asked;
  for (std::uint32_t first = 1; first <= 5; first += 2) {
    const request wanted{.first_line = first, .lines = 2};
    asked.emplace_back(wanted, lines.send(wanted, patience).value());
  }
  for (const auto& [wanted, id] : asked) {
    const answer got = lines.wait(id).value();
    std::cout << "lines from " << wanted.first_line << ":\n" << std::get<0>(got);
    if (std::get<0>(got) != lines_of(path, wanted)) return false;
  }
  const answer refused = lines.call({.first_line = 1'000'000, .lines = 1}, patience).value();
  std::cout << "refused: " << std::get<1>(refused).text << '\n';
  return std::get<1>(refused) == std::errc::invalid_argument;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return std::cerr << "usage: request_reply FILE\n", 2;
  client lines{sluice::request_client::open(service).value()};
  auto first = start_server(argv[1]);
  if (!ask(lines, argv[1])) return 1;

  // The server dies over a request. No deadline: only its death ends this.
  const auto lost = lines.send({.first_line = 1, .lines = 1, .thoroughly = true}).value();
  while (!lines.client().is_taken(lost))
    static_cast<void>(lines.wait(lost, std::chrono::milliseconds{1}));
  first.send_signal(SIGKILL).value();
  first.wait(patience).value();
  const auto outcome = lines.wait(lost);
  std::cout << "killed: " << outcome.error().message() << '\n';
  if (!(outcome.error() == sluice::errc::closed)) return 1;

  // Another one is started, and everything goes on. A request that is cancelled frees it.
  auto second = start_server(argv[1]);
  const auto unwanted = lines.send({.first_line = 1, .lines = 1, .thoroughly = true}).value();
  lines.cancel(unwanted).value();
  if (!ask(lines, argv[1])) return 1;
  second.send_signal(SIGKILL).value();
  return second.wait(patience) ? 0 : 1;
}
