#include "tools/tool_run.hpp"

#include <fcntl.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <charconv>
#include <fstream>
#include <random>
#include <sstream>

#include "support/child.hpp"

namespace sluice::test {

namespace {

constexpr unsigned nobody = 65534;

unique_fd memory_file(const char* name) { return unique_fd{::memfd_create(name, MFD_CLOEXEC)}; }

std::string content_of(int fd) {
  std::string text;
  char buffer[4096];
  off_t at = 0;
  for (ssize_t got = 0; (got = ::pread(fd, buffer, sizeof buffer, at)) > 0; at += got)
    text.append(buffer, static_cast<std::size_t>(got));
  return text;
}

std::vector<std::string> environment_for(const tool_options& options) {
  constexpr std::string_view variable = "SLUICE_RUNTIME_DIR=";
  const bool as_here = options.runtime_directory.empty() && !options.no_runtime_directory;
  std::vector<std::string> entries;
  for (char** entry = ::environ; *entry != nullptr; ++entry) {
    if (as_here || !std::string_view{*entry}.starts_with(variable)) entries.emplace_back(*entry);
  }
  if (!options.runtime_directory.empty())
    entries.push_back(std::string{variable} + options.runtime_directory);
  return entries;
}

// In a forked child: becomes nobody, who may not be able to reach the folder of the build, and so
// runs the program by a descriptor that was opened before.
int become_tool_as_nobody(const spawn_options& options) {
  const int program = ::open(SLUICE_TOOL, O_RDONLY | O_CLOEXEC);
  if (::setgroups(0, nullptr) != 0 || ::setresgid(nobody, nobody, nobody) != 0 ||
      ::setresuid(nobody, nobody, nobody) != 0)
    return 120;
  for (const passed_descriptor& one : options.descriptors) {
    if (::dup2(one.source, one.target) < 0) return 121;
  }
  std::vector<char*> arguments;
  arguments.reserve(options.arguments.size() + 1);
  for (const std::string& one : options.arguments)
    arguments.push_back(const_cast<char*>(one.c_str()));
  arguments.push_back(nullptr);
  std::vector<char*> environment;
  environment.reserve(options.environment->size() + 1);
  for (const std::string& one : *options.environment)
    environment.push_back(const_cast<char*>(one.c_str()));
  environment.push_back(nullptr);
  ::fexecve(program, arguments.data(), environment.data());
  return 122;
}

}  // namespace

tool_run::tool_run(std::vector<std::string> arguments, const tool_options& options)
    : output_(memory_file("output")), error_output_(memory_file("error output")) {
  spawn_options spawned;
  spawned.arguments = {SLUICE_TOOL};
  spawned.arguments.insert(spawned.arguments.end(), arguments.begin(), arguments.end());
  if (options.close_output)
    spawned.arguments.insert(spawned.arguments.begin(),
                             {"/bin/sh", "-c", "exec \"$0\" \"$@\" >&-"});
  spawned.descriptors = {
      {.target = 1, .source = options.output >= 0 ? options.output : output_.get()},
      {.target = 2,
       .source = options.error_output >= 0 ? options.error_output : error_output_.get()}};
  spawned.environment = environment_for(options);
  auto started = options.as_nobody ? process::fork([&] { return become_tool_as_nobody(spawned); })
                                   : process::spawn(spawned);
  process_.emplace(std::move(started).value());
}

tool_end tool_run::finish() {
  // A tour of every mechanism takes a while where others want the cores, too.
  const exit_status status = process_->wait(2 * patience).value();
  return {.status = status,
          .output = content_of(output_.get()),
          .error_output = content_of(error_output_.get())};
}

std::vector<pid_t> tool_run::children() const {
  std::vector<pid_t> found;
  std::error_code gone;
  for (const auto& entry : std::filesystem::directory_iterator{"/proc", gone}) {
    const std::string name = entry.path().filename().string();
    pid_t id = 0;
    const auto [rest, failed] = std::from_chars(name.data(), name.data() + name.size(), id);
    if (failed != std::errc{} || rest != name.data() + name.size()) continue;
    // "12 (name) S 11 ...": the parent is the second field after the name, which may be anything.
    std::ifstream file{entry.path() / "stat"};
    std::string line;
    std::getline(file, line);
    const std::size_t end_of_name = line.rfind(')');
    if (end_of_name == line.npos) continue;
    std::istringstream fields{line.substr(end_of_name + 1)};
    std::string state;
    pid_t parent = 0;
    fields >> state >> parent;
    if (parent == process_->id()) found.push_back(id);
  }
  return found;
}

tool_end run_tool(std::vector<std::string> arguments, const tool_options& options) {
  return tool_run{std::move(arguments), options}.finish();
}

input_directory::input_directory() {
  std::string pattern = (std::filesystem::temp_directory_path() / "sluice-tool-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error{"mkdtemp failed"};
  path_ = pattern;
  // So that nobody can read what is not forbidden on purpose.
  std::filesystem::permissions(path_, std::filesystem::perms{0755});
}

input_directory::~input_directory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string input_directory::add(const std::string& name, const std::string& content) const {
  const std::filesystem::path file = path_ / name;
  std::filesystem::create_directories(file.parent_path());
  std::ofstream{file, std::ios::binary} << content;
  return file.string();
}

std::string numbered_lines(std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += "line " + std::to_string(i) + "\n";
  return text;
}

std::string binary_bytes(std::size_t count) {
  std::mt19937_64 random{count};
  std::string bytes(count, '\0');
  for (char& one : bytes) one = static_cast<char>(random() & 0xff);
  return bytes;
}

}  // namespace sluice::test
