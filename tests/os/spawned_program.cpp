// A program that tells how it was started: the tests of process::spawn run it. The first argument
// says what to tell; the answer goes to standard output, one fact per line.

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string>

namespace {

// Number, device:inode, and the flags that other programs would stumble over.
void tell_descriptors() {
  DIR* folder = ::opendir("/proc/self/fd");
  if (folder == nullptr) std::abort();
  while (const dirent* entry = ::readdir(folder)) {
    if (entry->d_name[0] == '.') continue;
    const int fd = std::atoi(entry->d_name);
    if (fd == ::dirfd(folder)) continue;
    struct stat found {};
    if (::fstat(fd, &found) != 0) std::abort();
    std::cout << fd << ' ' << found.st_dev << ':' << found.st_ino;
    if ((::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0) std::cout << " close-on-exec";
    if ((::fcntl(fd, F_GETFL) & O_NONBLOCK) != 0) std::cout << " non-blocking";
    std::cout << '\n';
  }
  ::closedir(folder);
}

void tell_signals() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("SigBlk:") || line.starts_with("SigIgn:")) std::cout << line << '\n';
}

}  // namespace

int main(int count, char** arguments) {
  const std::string what = count > 1 ? arguments[1] : "";
  const std::string operand = count > 2 ? arguments[2] : "";
  if (what == "descriptors") tell_descriptors();
  if (what == "signals") tell_signals();
  if (what == "arguments")
    for (int i = 0; i < count; ++i) std::cout << '[' << arguments[i] << "]\n";
  if (what == "environment")
    for (char** entry = ::environ; *entry != nullptr; ++entry) std::cout << *entry << '\n';
  if (what == "exit") return std::atoi(operand.c_str());
  if (what == "die") ::raise(std::atoi(operand.c_str()));
  if (what == "wait")
    for (;;) ::pause();
  return 0;
}
