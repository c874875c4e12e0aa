// A futex that wakes, with bare system calls: what nobody who sleeps can beat.

#include <array>
#include <atomic>
#include <cstring>

#include "call_count.hpp"
#include "crew_parts.hpp"
#include "make_transport.hpp"
#include "shared_bytes.hpp"
#include "transports.hpp"

namespace bench {

namespace {

/// As long as the rings dare to sleep without a look.
constexpr timespec ring_cap{.tv_sec = 0, .tv_nsec = 100'000'000};

/// Words beside a futex: each message is 8 bytes whatever the others move. The reply, or a pause
/// between two messages, is what says that a word may be written again.
template <bool Capped>
class futex_link {
 public:
  struct control {
    futex_word turn;
    std::array<std::uint64_t, 1024> values{};
  };
  explicit futex_link(const link_options& /*unused*/) : memory_(0) {}

  struct sender {
    control& shared;
    void send(sluice::const_bytes message) noexcept {
      // Nobody else writes the turn.
      const std::uint32_t turn = shared.turn.value.load(std::memory_order_relaxed);
      std::memcpy(&shared.values[turn % shared.values.size()], message.data(), word_bytes);
      shared.turn.value.fetch_add(1);
      counted([&] { futex_wake(shared.turn.value); });
    }
  };
  struct receiver {
    control& shared;
    std::uint32_t last = 0;
    std::size_t receive(sluice::mutable_bytes into) noexcept {
      while (shared.turn.value.load() == last)
        counted([&] { futex_wait(shared.turn.value, last, Capped ? &ring_cap : nullptr); });
      std::memcpy(into.data(), &shared.values[last % shared.values.size()], word_bytes);
      ++last;
      return word_bytes;
    }
  };
  sender become_sender() noexcept { return {memory_.control()}; }
  receiver become_receiver() noexcept { return {memory_.control()}; }

 private:
  shared_bytes<control> memory_;
};

// Of two, one message at a time.
template <link Link>
crew_transport futex_crew(const std::string& name) {
  const auto of_words = [](task wanted) {
    wanted.link.message_bytes = word_bytes;
    return wanted;
  };
  return {.name = name,
          .what = role::floor,
          .fan_in = {},
          .slow_sender = [=](const task& wanted) { return slow_sender<Link>(of_words(wanted)); },
          .idle = [=](const task& wanted) { return idle<Link>(of_words(wanted)); },
          .fan_out = {}};
}

}  // namespace

void add_blocking_floors(std::vector<transport>& to) {
  // Whatever the others move, it is a word. The reply is what says that it may be written again, so
  // there is no stream of it.
  transport made = make_blocking_transport<futex_link<false>>("futex_wake", role::floor);
  made.throughput_sizes = no_size;
  made.latency = [](link_options options) {
    options.message_bytes = word_bytes;
    return ping_pong<futex_link<false>, word_bytes>(options);
  };
  made.paced = {};
  made.produced = {};
  made.set_up = {};
  made.both_ends = {};
  to.push_back(std::move(made));
}

void add_futex_crews(std::vector<crew_transport>& to) {
  to.push_back(futex_crew<futex_link<false>>("futex"));
  to.push_back(futex_crew<futex_link<true>>("futex_capped"));
}

}  // namespace bench
