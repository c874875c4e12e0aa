#include "support/leftovers.hpp"

#include <dirent.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string_view>

#include "support/isolation.hpp"

namespace sluice::test {

namespace {

namespace fs = std::filesystem;

std::map<int, std::string> open_descriptors() {
  std::map<int, std::string> found;
  DIR* folder = ::opendir("/proc/self/fd");
  if (folder == nullptr) return found;
  while (const dirent* entry = ::readdir(folder)) {
    if (entry->d_name[0] == '.') continue;
    const int fd = std::atoi(entry->d_name);
    if (fd == ::dirfd(folder)) continue;
    std::array<char, 512> target{};
    const ssize_t size = ::readlinkat(::dirfd(folder), entry->d_name, target.data(), target.size());
    std::string_view file{target.data(), size > 0 ? static_cast<std::size_t>(size) : 0};
    // Whoever started us may remove the name of a file that it handed on, meanwhile: ctest does.
    constexpr std::string_view nameless = " (deleted)";
    if (file.ends_with(nameless)) file.remove_suffix(nameless.size());
    found[fd] = file;
  }
  ::closedir(folder);
  return found;
}

std::set<pid_t> all_children() {
  siginfo_t info{};
  // Only looks: reaping here would hide the child from the test that forgot it.
  if (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 && errno == ECHILD) return {};
  std::set<pid_t> found;
  for (const auto& task : fs::directory_iterator("/proc/self/task")) {
    std::ifstream children(task.path() / "children");
    for (pid_t one = 0; children >> one;) found.insert(one);
  }
  if (found.empty()) found.insert(-1);  // a kernel without these files: there is some child
  return found;
}

std::set<std::string> names_in(const char* folder) {
  std::set<std::string> found;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored))
    found.insert(entry.path().filename());
  return found;
}

bool contains_number(const std::string& text, const std::string& number) {
  const auto is_digit = [&text](std::size_t at) {
    return at < text.size() && text[at] >= '0' && text[at] <= '9';
  };
  for (auto at = text.find(number); at != text.npos; at = text.find(number, at + 1))
    if ((at == 0 || !is_digit(at - 1)) && !is_digit(at + number.size())) return true;
  return false;
}

// Without a /dev/shm of our own others make names there meanwhile: then only those count that bear
// our number (see unique_name).
std::set<std::string> shared_memory_names() {
  std::set<std::string> found = names_in("/dev/shm");
  if (has_own_ipc()) return found;
  const std::string ours = std::to_string(::getpid());
  std::erase_if(found, [&](const std::string& name) { return !contains_number(name, ours); });
  return found;
}

// Without an IPC namespace of our own the kernel says only of shared memory who made it.
std::set<std::string> system_v_objects() {
  std::set<std::string> found;
  for (const char* kind : {"shm", "sem", "msg"}) {
    std::ifstream table(std::string{"/proc/sysvipc/"} + kind);
    std::string line;
    std::getline(table, line);  // the heading
    while (std::getline(table, line)) {
      std::istringstream fields(line);
      std::string key, id, mode, size, creator;
      fields >> key >> id >> mode >> size >> creator;
      const bool ours = std::strcmp(kind, "shm") == 0 && creator == std::to_string(::getpid());
      if (has_own_ipc() || ours) found.insert(std::string{kind} + " " + id);
    }
  }
  return found;
}

std::array<signal_disposition, signal_count + 1> all_dispositions() {
  std::array<signal_disposition, signal_count + 1> found{};
  for (int signal = 1; signal <= signal_count; ++signal) {
    struct sigaction action {};
    // Fails for the two signals that the C library keeps for itself.
    if (::sigaction(signal, nullptr, &action) != 0) continue;
    // Without a handler only one flag means anything.
    const bool handled = action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN;
    found[static_cast<std::size_t>(signal)] = {
        .handler = action.sa_handler,
        .flags = handled ? action.sa_flags : action.sa_flags & SA_NOCLDWAIT};
  }
  return found;
}

std::set<int> signals_in(const sigset_t& set) {
  std::set<int> found;
  for (int signal = 1; signal <= signal_count; ++signal)
    if (::sigismember(&set, signal) == 1) found.insert(signal);
  return found;
}

std::string current_umask() {
  // Not by umask(2), which can only tell it by changing it.
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("Umask:")) return line.substr(6);
  return {};
}

template <class Entry>
void compare_sets(const std::set<Entry>& before, const std::set<Entry>& after, const char* what,
                  std::vector<std::string>& differences) {
  const auto tell = [&](const Entry& entry, const char* happened) {
    std::ostringstream sentence;
    sentence << what << ' ' << entry << ' ' << happened;
    differences.push_back(sentence.str());
  };
  for (const Entry& entry : after)
    if (!before.contains(entry)) tell(entry, "was left behind");
  for (const Entry& entry : before)
    if (!after.contains(entry)) tell(entry, "was there before and is gone");
}

}  // namespace

process_state process_state::now() {
  process_state state;
  state.descriptors = open_descriptors();
  state.children = all_children();
  if (const char* folder = std::getenv("SLUICE_RUNTIME_DIR"))
    state.runtime_entries = names_in(folder);
  state.shared_memory = shared_memory_names();
  state.system_v = system_v_objects();
  state.dispositions = all_dispositions();
  sigset_t set;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &set);
  state.blocked_signals = signals_in(set);
  ::sigpending(&set);
  state.pending_signals = signals_in(set);
  state.umask = current_umask();
  for (char** entry = ::environ; entry != nullptr && *entry != nullptr; ++entry)
    state.environment.emplace_back(*entry);
  std::ranges::sort(state.environment);
  return state;
}

std::vector<std::string> leftovers(const process_state& before, const process_state& after) {
  std::vector<std::string> differences;
  std::set<std::string> opened_before, opened_after;
  for (const auto& [fd, target] : before.descriptors)
    opened_before.insert(std::to_string(fd) + " (" + target + ")");
  for (const auto& [fd, target] : after.descriptors)
    opened_after.insert(std::to_string(fd) + " (" + target + ")");
  compare_sets(opened_before, opened_after, "descriptor", differences);
  compare_sets(before.children, after.children, "child process", differences);
  compare_sets(before.runtime_entries, after.runtime_entries, "in the runtime directory, the name",
               differences);
  compare_sets(before.shared_memory, after.shared_memory, "in /dev/shm, the name", differences);
  compare_sets(before.system_v, after.system_v, "the System V object", differences);
  compare_sets(before.blocked_signals, after.blocked_signals, "in the signal mask, signal",
               differences);
  compare_sets(before.pending_signals, after.pending_signals, "pending signal", differences);
  for (std::size_t signal = 1; signal < after.dispositions.size(); ++signal)
    if (before.dispositions[signal] != after.dispositions[signal])
      differences.push_back("signal " + std::to_string(signal) + " is handled in another way");
  if (before.umask != after.umask)
    differences.push_back("the umask was" + before.umask + " and is" + after.umask);
  compare_sets(std::set<std::string>(before.environment.begin(), before.environment.end()),
               std::set<std::string>(after.environment.begin(), after.environment.end()),
               "in the environment,", differences);
  return differences;
}

}  // namespace sluice::test
