#include "support/program_output.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <sluice/channel/pipe.hpp>
#include <sluice/os/process.hpp>
#include <sstream>

#include "support/child.hpp"

namespace sluice::test {

std::string output_of(const std::vector<std::string>& arguments) {
  auto output = pipe::create().value();
  auto program = [&] {
    const unique_fd handed_on = std::move(output.writer).release_handle();
    return process::spawn(
        {.arguments = arguments, .descriptors = {{.target = 1, .source = handed_on.get()}}});
  }();
  if (!program) {
    ADD_FAILURE() << arguments.front() << ": " << program.error().message();
    return {};
  }
  std::string all;
  std::array<std::byte, 4096> piece{};
  while (auto got = output.reader.read_some(piece, deadline{patience}))
    all += text_of(const_bytes{piece}.first(*got));
  auto status = program->wait(deadline{patience});
  EXPECT_TRUE(status && status->success()) << arguments.front() << " wrote " << all;
  return all;
}

bool has_program(const std::string& name) {
  const char* path = std::getenv("PATH");
  std::istringstream folders{path == nullptr ? "/usr/bin:/bin" : path};
  for (std::string folder; std::getline(folders, folder, ':');)
    if (::access((folder + "/" + name).c_str(), X_OK) == 0) return true;
  return false;
}

}  // namespace sluice::test
