#include "tools/tour/machine.hpp"

#include <fstream>
#include <thread>

namespace sluice::tour {

namespace {

// "model name	: AMD EPYC": the value of the first line that begins with the key.
std::string first_value(const char* path, const std::string& key) {
  std::ifstream lines{path};
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(key)) continue;
    const std::size_t begin = line.find_first_not_of(" \t", line.find(':') + 1);
    return begin == line.npos ? std::string{} : line.substr(begin);
  }
  return {};
}

}  // namespace

machine machine::here() {
  machine found{
      .cpu = first_value("/proc/cpuinfo", "model name"),
      .cores = std::thread::hardware_concurrency(),
      // A hypervisor tells its guests by this flag on x86; elsewhere nothing tells.
      .is_virtual = first_value("/proc/cpuinfo", "flags").find(" hypervisor") != std::string::npos,
      .kernel = {}};
  if (found.cpu.empty()) found.cpu = "unnamed CPU";
  std::ifstream{"/proc/sys/kernel/osrelease"} >> found.kernel;
  return found;
}

}  // namespace sluice::tour
