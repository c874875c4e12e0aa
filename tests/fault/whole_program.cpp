// A program that uses everything once, for the test that interrupts its system calls from outside.
// It says by one call that nothing else makes (getppid) where its use of the library begins and
// ends, so that what the loader and the C library do before and after is left alone.

#include <unistd.h>

#include <array>
#include <chrono>
#include <sluice/sluice.hpp>
#include <string>

namespace {

using namespace std::chrono_literals;
using namespace sluice;

// Each step returns whether all was as it should be.
bool use_pipe() {
  auto ends = pipe::create({.capacity_bytes = 8192});
  if (!ends) return false;
  std::array<std::byte, 3> buffer;
  if (!ends->writer.try_write(bytes_of("abc")) || !ends->reader.try_read(buffer)) return false;
  if (!would_block(ends->reader.try_read(buffer).error())) return false;
  auto sender = framed_sender<pipe_writer>::create(std::move(ends->writer));
  auto receiver = framed_receiver<pipe_reader>::create(std::move(ends->reader));
  return sender->send(bytes_of("abc"), 20s).has_value() &&
         receiver->receive(buffer, 20s).value_or(0) == 3;
}

bool use_fifo() {
  auto made = fifo::create("log");
  if (!made) return false;
  auto receiver = fifo_receiver::open("log");
  auto sender = fifo_sender::open("log", 20s);
  if (!receiver || !sender) return false;
  const std::string message(10'000, 'm');
  if (!sender->send(bytes_of(message), 20s)) return false;
  auto received = receive_message(*receiver, 20s);
  return received && text_of(*received) == message && made->unlink().has_value();
}

bool use_event_and_memory() {
  auto bell = event::create();
  auto memory = memory_map::create_anonymous(100'000);
  if (!bell || !memory) return false;
  const deadline until{3ms};
  const auto waited = bell->wait(until);
  return !waited && waited.error() == std::errc::timed_out && until.has_passed();
}

bool use_process() {
  auto child = process::fork([] { return 7; });
  return child && child->wait(20s).value_or(exit_status{}).code == 7;
}

// Which of them went wrong, as bits.
int use_everything() {
  int failed = 0;
  if (!use_pipe()) failed |= 1;
  if (!use_fifo()) failed |= 2;
  if (!use_event_and_memory()) failed |= 4;
  if (!use_process()) failed |= 8;
  return failed;
}

}  // namespace

int main() {
  // Once unobserved: a sanitizer makes calls of its own when something happens for the first time.
  if (const int failed = use_everything(); failed != 0) return failed;
  static_cast<void>(::getppid());
  const int failed = use_everything();
  static_cast<void>(::getppid());
  return failed;
}
