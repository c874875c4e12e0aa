// Request and reply: typed messages over a duplex pipe. A parent asks its child for lines of a
// file. Requests are plain structs, which travel as they lie in memory; replies are strings. A
// message of another type than the one that is waited for is an error, not a misreading.
//
//     request_reply FILE

#include <fstream>
#include <iostream>
#include <sluice/sluice.hpp>

namespace {

constexpr auto patience = std::chrono::seconds{10};

struct request {
  static constexpr std::string_view type_name = "example.request/1";  // the same in every build
  std::uint32_t first_line = 0;                                       // counted from 1
  std::uint32_t lines = 0;
};

// Values over frames over one side of a duplex pipe.
template <class Sent, class Received>
struct conversation {
  using frame_writer = sluice::framed_sender<sluice::pipe_writer>;
  using frame_reader = sluice::framed_receiver<sluice::pipe_reader>;
  sluice::typed_sender<Sent, frame_writer> out;
  sluice::typed_receiver<Received, frame_reader> in;

  explicit conversation(sluice::duplex_pipe_end side)
      : out{frame_writer::create(std::move(side.writer)).value()},
        in{frame_reader::create(std::move(side.reader)).value()} {}
};

std::string lines_of(const char* path, const request& wanted) {
  std::ifstream file{path};
  std::string line;
  std::string found;
  for (std::uint32_t number = 1; number < wanted.first_line + wanted.lines; ++number)
    if (std::getline(file, line) && number >= wanted.first_line) found += line + '\n';
  return found;
}

// The child: answers until nobody asks any more.
int serve(conversation<std::string, request> client, const char* path) {
  for (;;) {
    auto wanted = client.in.receive(patience);
    if (!wanted) return wanted.error() == sluice::errc::closed ? 0 : 1;
    if (!client.out.send(lines_of(path, *wanted), patience)) return 1;
  }
}

// The parent. The conversation ends with this function, and with it the server.
bool ask(conversation<request, std::string> server, const char* path) {
  for (std::uint32_t first = 1; first <= 5; first += 2) {
    const request wanted{.first_line = first, .lines = 2};
    server.out.send(wanted, patience).value();
    const std::string reply = server.in.receive(patience).value();
    std::cout << "lines " << first << " and " << first + 1 << ":\n" << reply;
    if (reply.empty() || reply != lines_of(path, wanted)) return false;
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return std::cerr << "usage: request_reply FILE\n", 2;
  auto duplex = sluice::duplex_pipe::create().value();
  auto server = sluice::process::fork([&] {
    { auto of_the_parent = std::move(duplex.first); }  // else our own input would never end
    return serve(conversation<std::string, request>{std::move(duplex.second)}, argv[1]);
  });
  { auto of_the_child = std::move(duplex.second); }
  const bool good = ask(conversation<request, std::string>{std::move(duplex.first)}, argv[1]);
  return good && server.value().wait(patience).value().success() ? 0 : 1;
}
