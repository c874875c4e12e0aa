#include "os/signal_status.hpp"

#include <charconv>
#include <string>
#include <string_view>

#include "os/syscall_signals.hpp"

namespace sluice::signal_status {

namespace {

// The number that follows `label` at the beginning of a line; `text` goes on behind it.
bool take_number(std::string_view& text, std::string_view label, int base, std::uint64_t& into) {
  std::size_t at = text.find(label);
  while (at != 0 && at != text.npos && text[at - 1] != '\n') at = text.find(label, at + 1);
  if (at == text.npos) return false;
  text.remove_prefix(at + label.size());
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  const auto read = std::from_chars(text.data(), text.data() + text.size(), into, base);
  if (read.ec != std::errc{}) return false;
  text.remove_prefix(static_cast<std::size_t>(read.ptr - text.data()));
  return true;
}

}  // namespace

result<status> of_process(pid_t id) {
  const std::string path = "/proc/" + std::to_string(id) + "/status";
  auto read = syscall::read_text(path.c_str());
  if (!read)
    return failure{read.error().with_hint("/proc tells what a process does with its signals")};
  status found;
  std::string_view text = *read;
  const bool complete = take_number(text, "SigQ:", 10, found.queued) && text.starts_with('/') &&
                        (text.remove_prefix(1), take_number(text, "", 10, found.limit)) &&
                        take_number(text, "SigBlk:", 16, found.blocked);
  if (!complete)
    return failure{std::errc::not_supported, "read(/proc/PID/status)",
                   "it does not say what it says on Linux"};
  return found;
}

result<std::uint64_t> of_descriptor(int fd) {
  const std::string path = "/proc/self/fdinfo/" + std::to_string(fd);
  auto read = syscall::read_text(path.c_str());
  if (!read)
    return failure{read.error().with_hint("/proc tells which signals a signalfd receives")};
  std::string_view text = *read;
  std::uint64_t set = 0;
  if (!take_number(text, "sigmask:", 16, set))
    return failure{std::errc::invalid_argument, "read(/proc/self/fdinfo)", "not a signalfd"};
  return set;
}

}  // namespace sluice::signal_status
