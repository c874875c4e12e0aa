// A program that was handed two pipes, reading on descriptor 3 and writing on 4, and sends each
// message back until the other side ends. With an argument it first starts another program that
// inherits the writing end and keeps it open until descriptor 5 ends, and then ends itself.

#include <array>
#include <iostream>
#include <sluice/channel/pipe.hpp>
#include <sluice/compose/framed.hpp>
#include <sluice/os/process.hpp>

namespace {

int keep_open() {
  auto signal = sluice::pipe_reader::from_native(sluice::unique_fd{5});
  std::array<std::byte, 1> nothing;
  return signal && signal->read_some(nothing).error() == sluice::errc::closed ? 0 : 1;
}

}  // namespace

int main(int count, char** arguments) {
  if (count > 1 && std::string_view{arguments[1]} == "keep-open") return keep_open();
  if (count > 1) {
    auto heir = sluice::process::spawn(
        {.arguments = {arguments[0], "keep-open"},
         .descriptors = {{.target = 4, .source = 4}, {.target = 5, .source = 5}}});
    return heir ? 0 : 1;
  }
  auto reader = sluice::pipe_reader::from_native(sluice::unique_fd{3});
  auto writer = sluice::pipe_writer::from_native(sluice::unique_fd{4});
  if (!reader || !writer) return 2;
  auto receiver = sluice::framed_receiver<sluice::pipe_reader>::create(std::move(*reader));
  auto sender = sluice::framed_sender<sluice::pipe_writer>::create(std::move(*writer));
  for (;;) {
    auto message = sluice::receive_message(*receiver);
    if (!message) return message.error() == sluice::errc::closed ? 0 : 1;
    if (!sender->send(*message)) return 3;
  }
}
