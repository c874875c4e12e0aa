#include "os/memory_budget.hpp"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "os/syscall.hpp"

namespace sluice {

namespace {

constexpr std::size_t unlimited = std::numeric_limits<std::size_t>::max();

// The beginning of a small file of the kernel's; empty if it cannot be read.
std::string contents_of(const std::string& path) {
  auto file = syscall::open_at(AT_FDCWD, path.c_str(), O_RDONLY);
  if (!file) return {};
  std::array<std::byte, 4096> buffer;
  auto size = syscall::read(file->get(), buffer);
  return size ? std::string{text_of(const_bytes{buffer}.first(*size))} : std::string{};
}

// The number after `label`, past spaces; "max" and the like are none.
std::optional<std::size_t> number_after(std::string_view text, std::string_view label) {
  const auto at = text.find(label);
  if (at == text.npos) return std::nullopt;
  text.remove_prefix(at + label.size());
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  std::size_t number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  if (parsed.ec != std::errc{}) return std::nullopt;
  return number;
}

// Source: proc_meminfo(5).
std::size_t available_on_machine() {
  const std::string all = contents_of("/proc/meminfo");
  const auto kibibytes = number_after(all, "MemAvailable:");
  if (!kibibytes) return unlimited;
  std::size_t bytes = number_after(all, "SwapFree:").value_or(0);
  const bool is_told = !__builtin_add_overflow(bytes, *kibibytes, &bytes) &&
                       !__builtin_mul_overflow(bytes, std::size_t{1024}, &bytes);
  return is_told ? bytes : unlimited;
}

// Source: cgroups(7), version 2: our group and all above it limit us.
std::size_t limit_of_control_groups() {
  const std::string groups = contents_of("/proc/self/cgroup");
  const auto at = groups.find("0::/");
  if (at == groups.npos) return unlimited;
  std::string group = groups.substr(at + 3, groups.find('\n', at) - at - 3);
  std::size_t least = unlimited;
  for (;;) {
    const std::string limit = contents_of("/sys/fs/cgroup" + group + "/memory.max");
    least = std::min(least, number_after(limit, "").value_or(unlimited));
    if (group.size() <= 1) return least;
    group.resize(group.rfind('/'));
  }
}

}  // namespace

std::size_t memory_budget_bytes() {
  return std::min(available_on_machine(), limit_of_control_groups());
}

result<void> check_memory_budget(std::size_t bytes, const char* operation) {
  if (bytes > memory_budget_bytes())
    return failure{std::errc::not_enough_memory, operation,
                   "more than the machine has available, or than its control group may use"};
  return {};
}

}  // namespace sluice
