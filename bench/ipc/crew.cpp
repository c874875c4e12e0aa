#include "crew.hpp"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <cstring>
#include <exception>
#include <new>
#include <sluice/os/memory_map.hpp>

#include "machine.hpp"

namespace bench {

void seat::meet() noexcept {
  std::atomic<std::uint32_t>& generation = page_.generation.value;
  const std::uint32_t mine = generation.load();
  if (page_.arrived.value.fetch_add(1) + 1 == members_) {
    page_.arrived.value.store(0);
    generation.store(mine + 1);
    futex_wake(generation, INT_MAX);
    return;
  }
  while (generation.load() == mine) futex_wait(generation, mine);
}

void seat::begin() noexcept {
  mine_.cpu_seconds = -cpu_seconds();
  mine_.began = monotonic_seconds();
}

void seat::end() noexcept {
  mine_.ended = monotonic_seconds();
  mine_.cpu_seconds += cpu_seconds();
}

void misbehave(sabotage on_purpose) {
  if (on_purpose == sabotage::die) ::raise(SIGKILL);
  while (on_purpose == sabotage::hang) ::pause();
}

namespace {

int play(crew_page& page, std::size_t me, std::size_t members, const member& part) {
  try {
    pin_to(part.core);
    seat here{page, me, members};
    part.body(here);
    return 0;
  } catch (const std::exception& failed) {
    auto& what = page.all[me].what;
    std::strncpy(what.data(), failed.what(), what.size() - 1);
    return 1;
  }
}

}  // namespace

crew_result run_crew(const supervisor& how, double limit_seconds,
                     const std::function<crew()>& make) {
  const auto memory = sluice::memory_map::create_anonymous(sizeof(crew_page)).value();
  auto& page = *new (memory.writable_bytes().data()) crew_page;
  // What the parts hold is the children's from here on: a death then ends a stream.
  crew parts = make();
  const std::size_t members = parts.size();
  std::vector<const char*> names;
  std::vector<std::function<int()>> bodies;
  for (std::size_t me = 0; me < members; ++me) {
    names.push_back(parts[me].who);
    bodies.emplace_back([&, me] { return play(page, me, members, parts[me]); });
  }
  std::vector<std::shared_ptr<void>> lasting;  // goes after all have been reaped
  for (const member& part : parts) lasting.push_back(part.lasting);
  children all{bodies};
  parts.clear();
  std::string failure =
      all.watch(how.stop(), limit_seconds, [&](std::size_t which, sluice::exit_status ended) {
        return failure_text(names[which], page.all[which].what.data(), ended);
      });
  double began = page.all[0].began;
  double lost = 0;
  for (std::size_t one = 0; one < members; ++one) {
    began = std::min(began, page.all[one].began);
    lost = std::max(lost, page.all[one].lost_share);
  }
  return {.seconds = std::max(page.all[0].ended - began, 1e-9),
          .cpu_seconds = page.all[0].cpu_seconds,
          .lost_share = lost,
          .failure = std::move(failure)};
}

}  // namespace bench
