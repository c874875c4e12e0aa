#include "supervisor.hpp"

#include <array>
#include <cstring>
#include <exception>
#include <new>
#include <optional>
#include <sluice/os/memory_map.hpp>

#include "machine.hpp"

namespace bench {

namespace {

constexpr std::array side_names{"the receiving process", "the sending process"};

void note(shared_page& page, side me, const char* why) noexcept {
  auto& what = page.what[static_cast<std::size_t>(me)];
  std::strncpy(what.data(), why, what.size() - 1);
}

int play(shared_page& page, side me, const pace& how, const std::function<void(stage&)>& body) {
  try {
    const bool apart = how.where == placement::two_cores && me == side::follower;
    pin_to(apart ? allowed_cores().back() : allowed_cores().front());
    if (how.where == placement::one_core) be_a_batch(true);
    stage here{page, me, how};
    body(here);
    return 0;
  } catch (const std::exception& failed) {
    note(page, me, failed.what());
    return 1;
  }
}

}  // namespace

run_result supervisor::run(const pace& how, const std::function<bodies()>& make) {
  const auto memory = sluice::memory_map::create_anonymous(sizeof(shared_page)).value();
  auto& page = *new (memory.writable_bytes().data()) shared_page;
  // What the links hold is the children's from here on: a death then ends a stream.
  auto both = std::make_optional(make());
  const std::shared_ptr<void> lasting = both->lasting;  // goes after both have been reaped
  children pair{{[&] { return play(page, side::leader, how, both->leader); },
                 [&] { return play(page, side::follower, how, both->follower); }}};
  both.reset();
  std::string failure =
      pair.watch(stop_, limit_seconds_, [&](std::size_t which, sluice::exit_status ended) {
        return failure_text(side_names[which], page.what[which].data(), ended);
      });
  return {.measured = page.outcome, .delays = page.delays.all(), .failure = std::move(failure)};
}

}  // namespace bench
