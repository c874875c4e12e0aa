#include "support/watched_memory.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <ucontext.h>

#include <cstddef>
#include <fstream>
#include <sstream>
#include <string>

#include "support/watchdog.hpp"

namespace sluice::test {

#if defined(__x86_64__)

namespace {

constexpr greg_t trap_flag = 0x100;   // of the flags: a trap after the next instruction
constexpr greg_t write_access = 0x2;  // of the error code of a page fault

struct mapping {
  std::uintptr_t begin = 0;
  std::uintptr_t end = 0;
  std::uint64_t offset = 0;
};

// A line of proc(5)'s maps: begin-end access offset major:minor inode path.
std::vector<mapping> mappings_of(int fd) {
  struct stat wanted {};
  EXPECT_EQ(::fstat(fd, &wanted), 0);
  std::vector<mapping> found;
  std::ifstream maps{"/proc/self/maps"};
  for (std::string line; std::getline(maps, line);) {
    std::istringstream words{line};
    mapping one;
    std::string access;
    unsigned major_number = 0;
    unsigned minor_number = 0;
    ino_t inode = 0;
    char between = 0;
    words >> std::hex >> one.begin >> between >> one.end >> access >> one.offset >> major_number >>
        between >> minor_number >> std::dec >> inode;
    if (words && inode == wanted.st_ino && makedev(major_number, minor_number) == wanted.st_dev &&
        access.starts_with("rw"))
      found.push_back(one);
  }
  return found;
}

// What the handlers know; there is one watch at a time.
struct watch {
  std::vector<mapping> all;
  std::vector<memory_access> seen;
  std::size_t most = 0;
  bool is_full = false;

  void allow(int access) const noexcept {
    for (const mapping& one : all)
      ::mprotect(reinterpret_cast<void*>(one.begin), one.end - one.begin, access);
  }
};
watch* current = nullptr;

// The memory is touched: note it, and let this one instruction do it.
void on_fault(int number, siginfo_t* info, void* context) {
  auto& registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
  const auto address = reinterpret_cast<std::uintptr_t>(info->si_addr);
  for (const mapping& one : current->all) {
    if (address < one.begin || address >= one.end) continue;
    current->is_full = current->seen.size() == current->most;
    if (!current->is_full)
      current->seen.push_back({.offset = one.offset + (address - one.begin),
                               .is_store = (registers[REG_ERR] & write_access) != 0});
    current->allow(PROT_READ | PROT_WRITE);
    registers[REG_EFL] |= trap_flag;
    return;
  }
  ::signal(number, SIG_DFL);  // not ours: it happens again, and kills
}

void on_step(int /*number*/, siginfo_t* /*info*/, void* context) {
  auto& registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
  registers[REG_EFL] &= ~trap_flag;
  current->allow(PROT_NONE);
}

class handler {
 public:
  handler(int number, void (*function)(int, siginfo_t*, void*)) : number_(number) {
    struct sigaction wanted {};
    wanted.sa_sigaction = function;
    wanted.sa_flags = SA_SIGINFO;
    ::sigaction(number, &wanted, &before_);
  }
  handler(const handler&) = delete;
  handler& operator=(const handler&) = delete;
  ~handler() { ::sigaction(number_, &before_, nullptr); }

 private:
  int number_;
  struct sigaction before_ {};
};

}  // namespace

std::vector<memory_access> accesses_of(int fd, const std::function<void()>& operation,
                                       std::size_t most) {
  watch here{.all = mappings_of(fd), .seen = {}, .most = most, .is_full = false};
  EXPECT_FALSE(here.all.empty()) << "no mapping of the file was found";
  here.seen.reserve(most);  // the handler must not allocate
  current = &here;
  {
    const handler of_faults{SIGSEGV, on_fault};
    const handler of_steps{SIGTRAP, on_step};
    here.allow(PROT_NONE);
    operation();
    here.allow(PROT_READ | PROT_WRITE);
  }
  current = nullptr;
  EXPECT_FALSE(here.is_full) << "more accesses than can be noted";
  return std::move(here.seen);
}

const char* reason_not_to_watch() {
  return slowness() > 1 ? "a sanitizer has its own handlers and looks at memory itself" : "";
}

#else

std::vector<memory_access> accesses_of(int, const std::function<void()>&, std::size_t) {
  return {};
}

const char* reason_not_to_watch() { return "the flags of this processor are not known here"; }

#endif

}  // namespace sluice::test
