// A program of somebody else's: sends a few bytes through a pipe and checks what arrives.

#include <array>
#include <cstddef>
#include <iostream>
#include <sluice/sluice.hpp>

int main() {
  auto pipe = sluice::pipe::create();
  if (!pipe) {
    std::cerr << pipe.error().message() << '\n';
    return 1;
  }
  pipe->writer.write_all(sluice::bytes_of("hello")).value();
  std::array<std::byte, 5> buffer{};
  pipe->reader.read_exactly(buffer).value();
  std::cout << sluice::text_of(buffer) << '\n';
  return sluice::text_of(buffer) == "hello" ? 0 : 1;
}
