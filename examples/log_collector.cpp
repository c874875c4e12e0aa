// A log collector: several processes write lines into one FIFO, this one collects them into a file.
// One writer is killed in the middle of its work. The lines of the others all arrive, whole and in
// order, and so do those that the killed one had sent.
//
//     log_collector LOGFILE

#include <csignal>
#include <fstream>
#include <iostream>
#include <map>
#include <sluice/sluice.hpp>

namespace {

constexpr int writers = 4;
constexpr int lines_each = 5'000;
constexpr auto patience = std::chrono::seconds{30};

std::string line_of(int writer, int number) {
  // Every hundredth line is longer than what the kernel keeps together (4096 bytes).
  const std::size_t padding = number % 100 == 0 ? 10'000 : 20;
  return std::to_string(writer) + ' ' + std::to_string(number) + ' ' + std::string(padding, '.');
}

// In a process of its own. Opening waits for the collector. Writer 0 never ends by itself.
int write_lines(const std::string& name, int writer) {
  auto log = sluice::fifo_sender::open(name, patience).value();
  for (int number = 0; writer == 0 || number < lines_each; ++number)
    if (!log.send(sluice::bytes_of(line_of(writer, number)), patience)) return 1;
  return 0;
}

// Writes what comes into `file` and counts the lines of each writer; -1: one is not as it was sent.
std::map<int, int> collect(const std::string& name, std::ostream& file, sluice::process& victim) {
  auto log = sluice::fifo_receiver::open(name).value();
  // The stream would end if one writer were done before the next has begun: until each was heard,
  // a writing end of ours prevents that.
  std::optional keep_open = sluice::fifo_writer::open(name, patience).value();
  std::map<int, int> next;
  for (;;) {
    auto message = sluice::receive_message(log, patience);
    if (!message && message.error() == sluice::errc::closed) return next;
    if (!message && message.error() == sluice::errc::corrupt) continue;  // the victim's last line
    const std::string line{sluice::text_of(message.value())};
    file << line << '\n';
    const int writer = std::stoi(line);
    int& number = next[writer];
    number = line == line_of(writer, number) ? number + 1 : -1;
    if (writer == 0 && number == 1'000) victim.send_signal(SIGKILL).value();
    if (next.size() == writers) keep_open.reset();
  }
}

int run(const std::string& log_path) {
  auto fifo =
      sluice::fifo::create(log_path + ".fifo").value();  // unlinked at the end of this scope
  std::vector<sluice::process> children;
  for (int writer = 0; writer < writers; ++writer) {
    auto body = [&] { return write_lines(fifo.path(), writer); };
    children.push_back(sluice::process::fork(body).value());
  }
  std::ofstream file{log_path};
  bool good = file.is_open();
  for (auto [writer, lines] : collect(fifo.path(), file, children.front())) {
    const auto status = children.at(static_cast<std::size_t>(writer)).wait(patience).value();
    const bool killed = status.signal == SIGKILL;
    std::cout << "writer " << writer << (killed ? " (killed): " : ": ") << lines << " lines\n";
    good = good && killed == (writer == 0) && (killed ? lines >= 1'000 : lines == lines_each);
  }
  return good ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2) return run(argv[1]);
  std::cerr << "usage: log_collector LOGFILE\n";
  return 2;
}
