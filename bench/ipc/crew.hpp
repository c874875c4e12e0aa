#pragma once
// Any number of processes that do something together, each kept on one core: for what is not
// measured between two. transport.hpp is about those.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "futex.hpp"
#include "stage.hpp"
#include "supervisor.hpp"

namespace bench {

inline constexpr std::size_t max_crew = 8;

/// Shared by all processes of a crew and their supervisor; starts as zeros.
struct crew_page {
  struct alignas(apart_bytes) notes {
    double began = 0;
    double ended = 0;
    double cpu_seconds = 0;
    double lost_share = 0;
    std::array<char, 240> what{};  ///< Why it failed; empty if it did not.
  };
  futex_word arrived;
  futex_word generation;
  std::array<notes, max_crew> all;
};

/// One process' view of what they do together.
class seat {
 public:
  seat(crew_page& page, std::size_t me, std::size_t members) noexcept
      : page_(page), mine_(page.all[me]), members_(members) {}

  /// Waits, asleep, until all are here.
  void meet() noexcept;
  /// What is done between these two is timed, and its processor time taken.
  void begin() noexcept;
  void end() noexcept;
  /// Of what was sent meanwhile, so much did not come.
  void tell_lost(double share) noexcept { mine_.lost_share = share; }

 private:
  crew_page& page_;
  crew_page::notes& mine_;
  std::size_t members_;
};

/// A process of a crew.
struct member {
  const char* who = "";  ///< "the sending process"
  int core = 0;
  std::function<void(seat&)> body;
  std::shared_ptr<void> lasting = {};  ///< Stays until all processes have ended.
};

/// The first one stops the clock, and its processor time is the one that is told.
using crew = std::vector<member>;

struct crew_result {
  double seconds = 0;  ///< From the first that began until the first of the crew ended.
  double cpu_seconds = 0;
  double lost_share = 0;  ///< Of the one that lost most.
  std::string failure;    ///< Why there are no figures; empty if there are.
};

/// As supervisor::run: `make` is called before the processes are forked, and none outlives this.
[[nodiscard]] crew_result run_crew(const supervisor& how, double limit_seconds,
                                   const std::function<crew()>& make);

/// Does what a run is to go wrong with, in who sends.
void misbehave(sabotage on_purpose);

}  // namespace bench
