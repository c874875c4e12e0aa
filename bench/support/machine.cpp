#include "machine.hpp"

#include <sched.h>
#include <sys/utsname.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <string_view>
#include <system_error>

namespace bench {

namespace {

std::string first_line(const std::string& path) {
  std::ifstream file{path};
  std::string line;
  std::getline(file, line);
  return line.empty() ? "unknown" : line;
}

// The value of the first line of /proc/cpuinfo that begins with `key`.
std::string cpu_fact(std::string_view key) {
  std::ifstream file{"/proc/cpuinfo"};
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(key)) return line.substr(std::min(line.find(": ") + 2, line.size()));
  }
  return "unknown";
}

cpu_set_t allowed_at_start() {
  cpu_set_t allowed;
  if (::sched_getaffinity(0, sizeof allowed, &allowed) != 0)
    throw std::system_error{errno, std::generic_category(), "sched_getaffinity"};
  return allowed;
}

}  // namespace

const std::vector<int>& allowed_cores() {
  static const std::vector<int> cores = [] {
    const cpu_set_t allowed = allowed_at_start();
    std::vector<int> numbers;
    for (int core = 0; core < CPU_SETSIZE; ++core) {
      if (CPU_ISSET(static_cast<unsigned>(core), &allowed)) numbers.push_back(core);
    }
    return numbers;
  }();
  return cores;
}

namespace {

void stay_on(const std::vector<int>& cores) {
  cpu_set_t only;
  CPU_ZERO(&only);
  for (const int core : cores) CPU_SET(static_cast<unsigned>(core), &only);
  if (::sched_setaffinity(0, sizeof only, &only) != 0)
    throw std::system_error{errno, std::generic_category(), "sched_setaffinity"};
}

}  // namespace

void pin_to(int core) { stay_on({core}); }
void unpin() { stay_on(allowed_cores()); }

void be_a_batch(bool yes) {
  const sched_param none{};
  if (::sched_setscheduler(0, yes ? SCHED_BATCH : SCHED_OTHER, &none) != 0)
    throw std::system_error{errno, std::generic_category(), "sched_setscheduler"};
}

double cpu_seconds() {
  timespec used{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) * 1e-9;
}

std::vector<std::pair<std::string, std::string>> describe_machine() {
  utsname kernel{};
  ::uname(&kernel);
  const bool is_virtual = cpu_fact("flags").find(" hypervisor") != std::string::npos;
  std::string cores;
  for (const int core : {allowed_cores().front(), allowed_cores().back()}) {
    const std::string number = std::to_string(core);
    cores += (cores.empty() ? "" : ", ") + number + " (siblings " +
             first_line("/sys/devices/system/cpu/cpu" + number + "/topology/thread_siblings_list") +
             ")";
    if (allowed_cores().size() == 1) break;
  }
  return {
      {"processor", cpu_fact("model name") + ", family " + cpu_fact("cpu family") + ", model " +
                        cpu_fact("model\t")},
      {"machine", is_virtual ? "virtual" : "not virtual, as far as the processor says"},
      {"kernel", std::string{kernel.sysname} + " " + kernel.release},
      {"cores used", cores},
      {"load before", first_line("/proc/loadavg")},
  };
}

}  // namespace bench
