// Parent and child over two pipes: a real file is sent to sort(1) and comes back in order. The
// child is a program that knows nothing of Sluice. It gets the far side of a duplex pipe as its
// standard input and output; of our other descriptors it has only standard error.
//
//     parent_and_child FILE

#include <algorithm>
#include <array>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sluice/sluice.hpp>
#include <sstream>

namespace {

struct worker {
  sluice::process program;
  sluice::duplex_pipe_end conversation;
};

// The far side closes here when this returns. From then on the child alone holds it: when the child
// ends, our reader sees the end of the stream, and when our writer goes, the child's input ends.
worker start_sort() {
  auto duplex = sluice::duplex_pipe::create().value();
  auto program = sluice::process::spawn(
      {.arguments = {"sort"},
       .descriptors = {{.target = 0, .source = duplex.second.reader.native_handle()},
                       {.target = 1, .source = duplex.second.writer.native_handle()}},
       .environment = std::vector<std::string>{"LC_ALL=C"}});
  return {std::move(program).value(), std::move(duplex.first)};
}

std::string read_to_the_end(sluice::pipe_reader& reader) {
  std::string all;
  std::array<std::byte, 65536> buffer;
  for (;;) {
    auto got = reader.read_some(buffer);
    if (!got && got.error() == sluice::errc::closed) return all;
    all += sluice::text_of(sluice::const_bytes{buffer}.first(got.value()));
  }
}

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream stream{text};
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

int sort_file(const char* path) {
  std::ifstream file{path};
  const std::string text{std::istreambuf_iterator<char>{file}, {}};

  auto [sort, ours] = start_sort();
  {
    // sort(1) reads all before it writes, so the two of us cannot wait for each other. The writer
    // goes at the end of this scope, which tells sort that this was all.
    auto writer = std::move(ours.writer);
    writer.write_all(sluice::bytes_of(text)).value();
  }
  const auto sorted = lines_of(read_to_the_end(ours.reader));
  const auto status = sort.wait().value();

  auto expected = lines_of(text);
  std::ranges::sort(expected);
  std::cout << path << ": " << sorted.size() << " lines came back from sort, which ended with code "
            << status.code << '\n';
  return !sorted.empty() && sorted == expected && status.success() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2) return sort_file(argv[1]);
  std::cerr << "usage: parent_and_child FILE\n";
  return 2;
}
