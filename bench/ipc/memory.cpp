#include "memory.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <new>
#include <sluice/os/memory_map.hpp>
#include <sstream>

#include "transports.hpp"

namespace bench {

namespace {

constexpr std::size_t channels_made = 8;

// "RssAnon:     1234 kB"
double anonymous_bytes() {
  std::ifstream file{"/proc/self/status"};
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("RssAnon:")) return std::stod(line.substr(8)) * 1024;
  }
  return 0;
}

// Of each file or piece of memory that is mapped for sharing, how far it is mapped.
double shared_bytes() {
  std::ifstream file{"/proc/self/maps"};
  std::map<std::string, std::uint64_t> ends;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words{line};
    std::string range;
    std::string access;
    std::string offset;
    std::string device;
    std::string inode;
    words >> range >> access >> offset >> device >> inode;
    if (access.size() < 4 || access[3] != 's') continue;
    const auto number = [](std::string_view text) {
      std::uint64_t value = 0;
      std::from_chars(text.data(), text.data() + text.size(), value, 16);
      return value;
    };
    const std::size_t dash = range.find('-');
    const std::uint64_t length =
        number(std::string_view{range}.substr(dash + 1)) - number(range.substr(0, dash));
    std::uint64_t& end = ends[device + "/" + inode];
    end = std::max(end, number(offset) + length);
  }
  double sum = 0;
  for (const auto& [which, end] : ends) sum += static_cast<double>(end);
  return sum;
}

double descriptors() {
  const std::filesystem::directory_iterator all{"/proc/self/fd"};
  return static_cast<double>(std::distance(begin(all), end(all)));
}

memory_use use_now() {
  return {.private_bytes = anonymous_bytes(),
          .shared_bytes = shared_bytes(),
          .descriptors = descriptors()};
}

struct notes {
  memory_use each;
  std::array<char, 240> what{};
};

int make_some(const transport& one, link_options options, notes& told) {
  try {
    std::vector<std::shared_ptr<void>> kept;
    const std::string address = options.address;
    const auto make = [&] {
      options.address = address + "-" + std::to_string(kept.size());
      kept.push_back(one.both_ends(options));
    };
    make();  // what is there once for all of them is none of theirs
    const memory_use before = use_now();
    while (kept.size() <= channels_made) make();
    const memory_use after = use_now();
    const auto each = [](double to, double from) {
      return std::max(0.0, to - from) / static_cast<double>(channels_made);
    };
    told.each = {.private_bytes = each(after.private_bytes, before.private_bytes),
                 .shared_bytes = each(after.shared_bytes, before.shared_bytes),
                 .descriptors = each(after.descriptors, before.descriptors)};
    while (!kept.empty()) kept.pop_back();  // signals of a channel end before its mask
    return 0;
  } catch (const std::exception& failed) {
    std::strncpy(told.what.data(), failed.what(), told.what.size() - 1);
    return 1;
  }
}

// One signal channel takes a pair of signals, and there is one pair.
bool can_have_several(const transport& one) {
  return one.both_ends && one.latency_sizes.holds(short_message_bytes);
}

}  // namespace

std::vector<memory_row> all_memory_rows(const run_options& options) {
  std::vector<memory_row> rows;
  for (const transport& one : all_transports()) {
    if (!can_have_several(one)) continue;
    const std::string name = "memory/" + one.name;
    if (options.wants(one, "memory") && options.has_name(name))
      rows.push_back({.name = name, .transport = one.name, .what = one.what});
  }
  return rows;
}

void measure_memory(std::vector<memory_row>& rows, const run_options& options,
                    const supervisor& runner, const std::string& directory) {
  const std::vector<transport> all = all_transports();
  for (memory_row& row : rows) {
    const auto one = std::ranges::find_if(all, [&](const transport& candidate) {
      return candidate.name == row.transport && can_have_several(candidate);
    });
    const auto memory = sluice::memory_map::create_anonymous(sizeof(notes)).value();
    auto& told = *new (memory.writable_bytes().data()) notes;
    const link_options link{.message_bytes = short_message_bytes,
                            .memory_bytes = options.ring_bytes,
                            .wait = options.wait,
                            .address = directory + "/" + "memory-" + row.transport};
    std::shared_ptr<void> beside;
    try {
      if (one->beside) beside = one->beside(link);
    } catch (const unavailable& why) {
      row.unavailable = why.what();
      continue;
    } catch (const std::exception& failed) {
      row.failure = failed.what();
      continue;
    }
    children maker{{[&] { return make_some(*one, link, told); }}};
    row.failure = maker.watch(
        runner.stop(), runner.limit_seconds(), [&](std::size_t, sluice::exit_status ended) {
          return failure_text("the process that makes them", told.what.data(), ended);
        });
    row.each = told.each;
    row.is_measured = row.failure.empty();
  }
}

}  // namespace bench
