#include "table.hpp"

#include <cmath>
#include <cstdio>
#include <string>

#include "machine.hpp"

namespace bench {

bool table::ReportContext(const Context&) {
  for (const auto& [name, value] : describe_machine())
    std::printf("%-15s %s\n", name.c_str(), value.c_str());
  std::printf(
      "\nns per message, payload MB/s, and time of Sluice over time of raw calls: median of the\n"
      "rounds and their quartiles; the same of processor time; system calls per message of sender\n"
      "and receiver, Sluice's and (raw); rounds that counted and those in which the floor "
      "moved.\n\n"
      "%-32s %9s %9s %7s  %-13s %6s  %-21s %7s\n",
      "", "Sluice ns", "MB/s", "ratio", "quartiles", "cpu", "calls per message", "rounds");
  return true;
}

void table::ReportRuns(const std::vector<Run>& runs) {
  for (const Run& run : runs) {
    const std::string& name = run.run_name.function_name;
    if (run.error_occurred) {
      std::printf("%-32s %s\n", name.c_str(), run.error_message.c_str());
      continue;
    }
    const auto figure = [&run](const char* counter) {
      const auto found = run.counters.find(counter);
      return found == run.counters.end() ? std::nan("") : found->second.value;
    };
    std::printf("%-32s %9.0f %9.0f %7.3f  %.3f..%.3f %7.3f  ", name.c_str(), figure("sluice_ns"),
                figure("MB/s"), figure("ratio"), figure("ratio_low"), figure("ratio_high"),
                figure("cpu_ratio"));
    if (run.counters.contains("sender_calls")) {
      std::printf("%.2f+%.2f (%.2f+%.2f)", figure("sender_calls"), figure("receiver_calls"),
                  figure("raw_sender_calls"), figure("raw_receiver_calls"));
    } else {
      std::printf("%-21s", "not counted");
    }
    std::printf(" %4.0f-%.0f\n", figure("rounds"), figure("unsteady"));
    std::fflush(stdout);
  }
}

}  // namespace bench
