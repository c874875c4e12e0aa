// What the kernel tells in /proc and /sys, as another kernel or a sandbox may tell it: anything is
// read to an answer or an error.

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <sluice/os/lasting_object.hpp>

#include "fuzz/fed_files.hpp"
#include "fuzz/script.hpp"
#include "fuzz/target.hpp"
#include "fuzz/targets.hpp"
#include "os/memory_budget.hpp"
#include "os/process_table.hpp"
#include "os/signal_status.hpp"

namespace sluice::test {
namespace {

bool is_fed(std::string_view path) noexcept {
  if (path.starts_with("/sys/fs/cgroup")) return true;
  if (!path.starts_with("/proc/")) return false;
  return path == "/proc/" || !path.starts_with("/proc/self/fd/");
}

void check_signals(const std::string& text) {
  const auto status = signal_status::of_process(::getpid());
  if (status) {
    for (const char* label : {"SigQ:", "SigBlk:", "/"})
      require(text.find(label) != text.npos, "what is told stands in the text");
  }
  const auto set = signal_status::of_descriptor(0);
  require(!set || text.find("sigmask:") != text.npos, "what is told stands in the text");
}

void check_processes(const std::string& text) {
  using std::chrono::system_clock;
  if (!lived_at(1, system_clock::now())) {
    require(!lived_at(1, system_clock::time_point::min()), "who lived before lives now");
  }
  const open_files open;
  for (std::uint64_t inode = 0; inode < 4; ++inode) {
    auto users = open.users_of({.device = 1, .inode = inode});
    require(std::ranges::adjacent_find(users) == users.end(), "each user is told once");
    require(users.empty() || text.find(std::to_string(inode)) != text.npos, "nobody is invented");
  }
}

void check_memory(const std::string& text) {
  const std::size_t budget = memory_budget_bytes();
  require(check_memory_budget(budget, "fuzz").has_value(), "what is there may be taken");
  const bool is_told = std::ranges::any_of(text, [](char one) { return one >= '0' && one <= '9'; });
  require(is_told || budget == ~std::size_t{0}, "no limit is invented");
  const std::size_t at = text.find("MemAvailable:");
  if (at < 4000 && text.substr(at).starts_with("MemAvailable: 999999999999999999") &&
      text.find("0::/") == text.npos)
    require(budget == ~std::size_t{0}, "what cannot be counted is no limit");
}

// Whether anybody uses a socket is told by the kernel's list of all.
void check_sockets(const std::string& text) {
  const scratch_directory folder;
  const std::string path = folder.path() + "/s";
  require(::mknod(path.c_str(), S_IFSOCK | 0600, 0) == 0, "a socket nobody has bound");
  const auto found = list_runtime_directory({.path = folder.path()});
  require(found && found->size() == 1, "what is there is listed, and nothing else");
  require(found->front().used != in_use::yes || text.find(path) != text.npos,
          "no user of a socket is invented");
  ::unlink(path.c_str());
}

}  // namespace
}  // namespace sluice::test

int sluice_fuzz_kernel_texts(const std::uint8_t* data, std::size_t size) {
  using namespace sluice::test;
  const nothing_left_behind checked;
  script input{data, size};
  const std::size_t reader = input.below(4);
  const std::string text{sluice::text_of(input.rest())};
  const fed_files fed{
      [&](std::string_view path) { return is_fed(path) ? std::optional{text} : std::nullopt; }};
  constexpr void (*checks[])(const std::string&){check_signals, check_processes, check_memory,
                                                 check_sockets};
  checks[reader](text);
  return 0;
}
