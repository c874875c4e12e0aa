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

namespace {
constexpr const char* system_python = "/usr/bin/python3";
}  // namespace

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

std::string run_python(const std::string& script, const std::vector<std::string>& arguments) {
  std::vector<std::string> line{system_python, "-c", script};
  line.insert(line.end(), arguments.begin(), arguments.end());
  return output_of(line);
}

bool has_python_module(const std::string& name) {
  const std::string quietly = std::string{"exec 2>/dev/null; exec "} + system_python + " -c ";
  auto asked = process::spawn({.arguments = {"sh", "-c", quietly + "'import " + name + "'"}});
  return asked && asked->wait(deadline{patience}).value().success();
}

}  // namespace sluice::test
