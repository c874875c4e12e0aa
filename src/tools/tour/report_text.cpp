#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "tools/tour/report.hpp"
#include "tools/version.hpp"

namespace sluice::tour {

namespace {

constexpr std::string_view nothing = "–";

// 1234567 as "1,234,567".
std::string grouped(std::uint64_t number) {
  std::string text = fmt::format("{}", number);
  for (auto at = static_cast<std::ptrdiff_t>(text.size()) - 3; at > 0; at -= 3)
    text.insert(static_cast<std::size_t>(at), 1, ',');
  return text;
}

// "1 file", "2,345 files".
std::string counted(std::uint64_t number, std::string_view what) {
  return fmt::format("{} {}{}", grouped(number), what, number == 1 ? "" : "s");
}

std::string size_text(std::size_t bytes) {
  constexpr std::array units{"B", "KiB", "MiB", "GiB"};
  auto size = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; size >= 1024 && unit + 1 < units.size(); ++unit) size /= 1024;
  const bool is_whole = size == std::floor(size);
  return fmt::format("{:.{}f} {}", size, is_whole ? 0 : 1, units[unit]);
}

// Three or four digits that matter, whatever the magnitude.
std::string brief(std::optional<double> number) {
  if (!number) return std::string{nothing};
  if (*number >= 1000) return grouped(static_cast<std::uint64_t>(std::llround(*number)));
  return fmt::format("{:.{}f}", *number, *number >= 100 ? 0 : *number >= 10 ? 1 : 2);
}

template <class... Cells>
std::string table_line(const Cells&... cells) {
  return fmt::format("{:<15} {:>10} {:>10} {:>8} {:>10} {:>8} {:>7} {:>13} {:>9}\n", cells...);
}

std::string passed_over(const report_heading& heading) {
  std::string text;
  const auto add = [&](std::size_t count, std::string_view what) {
    if (count != 0) text += fmt::format("{}{}", text.empty() ? "" : ", ", counted(count, what));
  };
  add(heading.symbolic_links, "symbolic link");
  add(heading.special_files, "special file");
  add(heading.unreadable, "unreadable path");
  add(heading.larger_than_limit, "file above the limit");
  return text.empty() ? text : fmt::format("; passed over: {}", text);
}

}  // namespace

std::string text_of(const report_heading& heading) {
  const machine& where = heading.where;
  std::string sources;
  for (const std::string& one : heading.sources)
    sources += fmt::format("{}{}", sources.empty() ? "" : " ", one);
  return fmt::format(
      "sluice {} on {}, {}{}, Linux {}\n"
      "input: {} with {}, {}, from {}{}{}\n",
      tools::version, where.cpu, counted(where.cores, "core"),
      where.is_virtual ? " (virtual machine)" : "", where.kernel, counted(heading.files, "file"),
      counted(heading.lines, "line"), size_text(heading.total_bytes), sources,
      heading.stopped_at_limit
          ? fmt::format(" (stopped at --limit {})", size_text(heading.limit_bytes))
          : "",
      passed_over(heading));
}

std::string table_head(const message_set& messages, const report_heading& heading) {
  const std::size_t all = messages.kind == "lines" ? heading.lines : heading.files;
  const std::size_t mean = messages.total_bytes / std::max<std::size_t>(messages.size(), 1);
  const std::string some =
      messages.size() < all ? fmt::format("the first {} of ", grouped(messages.size())) : "";
  return fmt::format("\n{} messages: {}{}, {} on average, {} at most\n",
                     messages.kind == "lines" ? "Small" : "Large", some,
                     counted(all, messages.kind == "lines" ? "line" : "whole file"),
                     size_text(mean), size_text(messages.largest_bytes)) +
         table_line("mechanism", "messages", "messages/s", "MB/s", "median µs", "p99 µs", "CPU s",
                    "calls/message", "verified");
}

std::string text_of(const row& measured) {
  const auto& latency = measured.latency;
  const bool any = measured.transfer.messages != 0;
  return table_line(measured.which.name, grouped(measured.transfer.messages),
                    brief(measured.messages_per_second()), brief(measured.megabytes_per_second()),
                    latency ? fmt::format("{:.1f}", latency->median_us) : nothing,
                    latency ? fmt::format("{:.1f}", latency->p99_us) : nothing,
                    any ? fmt::format("{:.3f}", measured.transfer.cpu_seconds) : nothing,
                    brief(measured.calls_per_message()), measured.verified() ? "yes" : "NO");
}

std::string notes_on(const std::vector<row>& rows) {
  std::string text =
      "\n"
      "Latency is a round trip divided by two: a sample of the same messages, evenly taken, each\n"
      "sent to the other process and back in full, one at a time. CPU seconds (user and system)\n"
      "and system calls are those of the sending and receiving processes together. MB are 10^6\n"
      "bytes of payload. Every message was compared with a checksum (XXH3) made from the input.\n";
  for (const mechanism* visited : all_mechanisms()) {
    const mechanism& one = *visited;
    const auto is_it = [&](const row& measured) { return &measured.which == &one; };
    if (!one.note.empty() && std::ranges::any_of(rows, is_it))
      text += fmt::format("{} {}.\n", one.name, one.note);
  }
  std::string troubles;
  for (const row& one : rows) {
    for (const std::string& trouble : one.troubles)
      troubles += fmt::format("  {}, {}: {}\n", one.which.name, one.kind, trouble);
  }
  if (!troubles.empty()) text += fmt::format("\nNot verified:\n{}", troubles);
  return text;
}

}  // namespace sluice::tour
