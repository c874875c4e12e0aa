// A filter between two programs of the shell: `cat FILE > in` on one side, `cat < out` on the
// other, two FIFOs and this process in the middle, which numbers the lines. Each end may be opened
// first, and cat knows nothing of Sluice.
//
//     shell_filter FILE

#include <array>
#include <iostream>
#include <sluice/sluice.hpp>

namespace {

constexpr auto patience = std::chrono::seconds{30};

// Runs a command of the shell, in which "$1" and "$2" are the paths. What it prints, we print.
sluice::process shell(const std::string& command, const std::string& first,
                      const std::string& second) {
  return sluice::process::spawn({.arguments = {"sh", "-c", command, "sh", first, second}}).value();
}

// Copies `in` to `out` with a number before each line. Returns how many lines there were.
int number_lines(sluice::fifo_reader& in, sluice::fifo_writer& out) {
  int lines = 0;
  bool at_start = true;
  std::array<std::byte, 4096> buffer;
  for (;;) {
    auto got = in.read_some(buffer, patience);
    if (!got && got.error() == sluice::errc::closed) return lines;
    std::string numbered;
    for (char letter : sluice::text_of(sluice::const_bytes{buffer}.first(got.value()))) {
      if (at_start) numbered += std::to_string(++lines) + '\t';
      numbered += letter;
      at_start = letter == '\n';
    }
    out.write_all(sluice::bytes_of(numbered), patience).value();
  }
}

int run(const std::string& file) {
  // Plain names live in the private runtime directory; the paths are for the other programs.
  auto in = sluice::fifo::create("shell_filter.in").value();
  auto out = sluice::fifo::create("shell_filter.out").value();

  auto producer = shell(R"(cat "$1" > "$2")", file, in.path());
  // The last program compares what comes with what `cat -n` makes of the file.
  auto consumer = shell(R"(cat -n "$1" | sed 's/^ *//' | cmp - "$2")", file, out.path());
  auto reader = sluice::fifo_reader::open(in.path()).value();
  int lines = 0;
  {
    auto writer = sluice::fifo_writer::open(out.path(), patience).value();
    lines = number_lines(reader, writer);
  }  // with the last writer the consumer's input ends
  std::cout << file << ": " << lines << " lines numbered on their way between two programs\n";
  return producer.wait(patience).value().success() && consumer.wait(patience).value().success() ? 0
                                                                                                : 1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc == 2) return run(argv[1]);
    std::cerr << "usage: shell_filter FILE\n";
  } catch (const std::exception& problem) {
    std::cerr << "shell_filter: " << problem.what() << '\n';
  }
  return 2;
}
