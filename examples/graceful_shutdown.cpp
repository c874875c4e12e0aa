// Ending gracefully: a program that writes records of several lines until somebody ends it, from
// the keyboard (Ctrl-C) or with kill. Whenever that is, the record in hand is finished, and the
// program says good-bye; nothing runs in signal context, and there is no global variable.
//
//     graceful_shutdown work FILE   writes records to FILE until SIGINT or SIGTERM comes
//     graceful_shutdown             starts that, ends it with SIGTERM, and looks at the file

#include <array>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sluice/sluice.hpp>
#include <string>
#include <string_view>
#include <thread>

namespace {

using namespace std::chrono_literals;

// A record is whole or it is worth nothing.
void write_records(std::ostream& file, const std::stop_token& stop, int& records) {
  while (!stop.stop_requested()) {
    file << "begin " << records << '\n' << std::flush;
    std::this_thread::sleep_for(5ms);  // a signal is most likely to come here
    file << "end " << records << '\n' << std::flush;
    ++records;
  }
}

int work(const char* path) {
  // First of all: threads that start later inherit that the signals are held back.
  auto stop = sluice::stop_signal::create().value();
  std::ofstream file{path};
  int records = 0;
  std::thread writer{[&] { write_records(file, stop.token(), records); }};
  std::cout << "working: end me with Ctrl-C, or with kill" << std::endl;
  // This thread has nothing else to do, so it is the one that waits. A program whose main thread is
  // busy calls watch() instead, which starts a thread for that.
  stop.wait().value();
  writer.join();
  std::cout << sluice::signal_name(stop.number()) << " came: " << records << " whole records"
            << std::endl;
  return file ? 0 : 1;
}

bool is_whole(const std::filesystem::path& path) {
  std::ifstream file{path};
  int expected = 0;
  for (std::string begin, end; std::getline(file, begin); ++expected) {
    std::getline(file, end);
    const std::string number = std::to_string(expected);
    if (begin != "begin " + number || end != "end " + number) return false;
  }
  return expected != 0;
}

std::string next_line(sluice::pipe_reader& from) {
  std::string line;
  char letter = 0;
  while (from.read_exactly(sluice::writable_bytes_of(letter), 10s) && letter != '\n')
    line += letter;
  return line;
}

int show(const char* program) {
  const auto path = std::filesystem::temp_directory_path() /
                    ("graceful_shutdown-" + std::to_string(sluice::current_thread_id()));
  auto output = sluice::pipe::create().value();
  auto worker = sluice::process::spawn(
                    {.arguments = {program, "work", path},
                     .descriptors = {{.target = 1, .source = output.writer.native_handle()}}})
                    .value();
  std::cout << "  worker: " << next_line(output.reader) << '\n';
  std::this_thread::sleep_for(52ms);
  sluice::signal_sender::to_process(worker).value().send(SIGTERM).value();
  std::cout << "  worker: " << next_line(output.reader) << '\n';
  const auto status = worker.wait(10s).value();
  const bool whole = is_whole(path);
  std::filesystem::remove(path);
  std::cout << "it ended with code " << status.code << "; every record in its file is "
            << (whole ? "whole" : "NOT whole") << '\n';
  return status.success() && whole ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 1) return show(argv[0]);
  if (argc == 3 && argv[1] == std::string_view{"work"}) return work(argv[2]);
  std::cerr << "usage: graceful_shutdown [work FILE]\n";
  return 2;
}
