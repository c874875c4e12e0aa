#include "os/process_table.hpp"

#include <fcntl.h>
#include <sys/sysmacros.h>
#include <time.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>

#include "os/syscall.hpp"
#include "os/syscall_lasting.hpp"

namespace sluice {

namespace {

template <class Number>
std::optional<Number> number_in(std::string_view text, int base = 10) {
  Number number{};
  const char* end = text.data() + text.size();
  const auto [stopped, problem] = std::from_chars(text.data(), end, number, base);
  if (problem != std::errc{} || stopped != end) return std::nullopt;
  return number;
}

result<std::vector<std::string>> entries_of(const std::string& path) {
  auto directory = syscall::open_at(AT_FDCWD, path.c_str(), O_RDONLY | O_DIRECTORY);
  if (!directory) return failure{directory.error()};
  return syscall::directory_entries(directory->get());
}

// A process that has ended meanwhile hides nothing.
bool hides_something(const error& why) noexcept {
  return !(why == std::errc::no_such_file_or_directory || why == std::errc::no_such_process);
}

// A line of /proc/PID/maps: "from-to modes offset major:minor inode path".
std::optional<file_identity> mapped_file(const std::string& line) {
  std::istringstream words{line};
  std::string range;
  std::string modes;
  std::string offset;
  std::string device;
  std::uint64_t inode = 0;
  if (!(words >> range >> modes >> offset >> device >> inode) || inode == 0) return std::nullopt;
  const auto colon = device.find(':');
  if (colon == std::string::npos) return std::nullopt;
  const auto major_number = number_in<unsigned>(std::string_view{device}.substr(0, colon), 16);
  const auto minor_number = number_in<unsigned>(std::string_view{device}.substr(colon + 1), 16);
  if (!major_number || !minor_number) return std::nullopt;
  return file_identity{.device = ::makedev(*major_number, *minor_number), .inode = inode};
}

}  // namespace

open_files::open_files() {
  auto processes = entries_of("/proc");
  if (!processes) {
    complete_ = false;
    return;
  }
  for (const std::string& entry : *processes) {
    if (const auto id = number_in<pid_t>(entry)) look_at(*id);
  }
}

void open_files::add(const file_identity& file, pid_t id) {
  auto& users = users_[{file.device, file.inode}];
  if (users.empty() || users.back() != id) users.push_back(id);
}

void open_files::look_at(pid_t id) {
  const std::string process = "/proc/" + std::to_string(id);
  const std::string folder = process + "/fd/";
  auto descriptors = entries_of(folder);
  if (!descriptors) {
    complete_ = complete_ && !hides_something(descriptors.error());
    return;
  }
  for (const std::string& descriptor : *descriptors) {
    auto file = syscall::status_followed((folder + descriptor).c_str());
    if (file) add({.device = file->st_dev, .inode = file->st_ino}, id);
  }
  auto maps = syscall::file_text((process + "/maps").c_str());
  if (!maps) {
    complete_ = complete_ && !hides_something(maps.error());
    return;
  }
  std::istringstream lines{*maps};
  for (std::string line; std::getline(lines, line);) {
    if (const auto file = mapped_file(line)) add(*file, id);
  }
}

std::vector<pid_t> open_files::users_of(const file_identity& file) const {
  const auto found = users_.find({file.device, file.inode});
  return found == users_.end() ? std::vector<pid_t>{} : found->second;
}

std::optional<std::chrono::nanoseconds> began_after_start(std::string_view stat) {
  // The second word is the program's name in brackets and may contain anything. After it, the state
  // is word 3, and word 22 is when it began: ticks since the machine started.
  const auto bracket = stat.rfind(')');
  if (bracket == stat.npos) return std::nullopt;
  std::istringstream words{std::string{stat.substr(bracket + 1)}};
  std::string word;
  std::int64_t ticks = 0;
  char state = 0;
  words >> state;
  if (state == 'Z' || state == 'X') return std::nullopt;
  for (int skipped = 4; skipped < 22; ++skipped) words >> word;
  using user_ticks = std::chrono::duration<std::int64_t, std::ratio<1, 100>>;  // USER_HZ
  constexpr auto longest = std::chrono::duration_cast<user_ticks>(std::chrono::years{100});
  // Later than any machine was up: nothing that the clock can count with.
  if (!(words >> ticks) || ticks < 0 || ticks > longest.count()) return std::nullopt;
  return user_ticks{ticks};
}

bool lived_at(pid_t id, std::chrono::system_clock::time_point then) {
  auto text = syscall::file_text(("/proc/" + std::to_string(id) + "/stat").c_str());
  if (!text) return false;
  const auto began_after = began_after_start(*text);
  if (!began_after) return false;
  timespec up{};
  // No call into the kernel: the C library reads a page that the kernel shares.
  ::clock_gettime(CLOCK_BOOTTIME, &up);
  const auto since_start = std::chrono::seconds{up.tv_sec} + std::chrono::nanoseconds{up.tv_nsec};
  const auto began = std::chrono::system_clock::now() -
                     std::chrono::duration_cast<std::chrono::system_clock::duration>(since_start) +
                     *began_after;
  return began <= then;
}

}  // namespace sluice
