// A futex that wakes, with bare system calls: what nobody who sleeps can beat.

#include <atomic>
#include <cstring>

#include "call_count.hpp"
#include "make_transport.hpp"
#include "shared_bytes.hpp"
#include "transports.hpp"

namespace bench {

namespace {

/// A word beside a futex. The reply is what says that it may be written again.
class futex_link {
 public:
  struct control {
    futex_word turn;
    std::uint64_t value = 0;
  };
  explicit futex_link(const link_options& /*unused*/) : memory_(0) {}

  struct sender {
    control& shared;
    void send(sluice::const_bytes message) noexcept {
      std::memcpy(&shared.value, message.data(), sizeof shared.value);
      shared.turn.value.fetch_add(1);
      counted([&] { futex_wake(shared.turn.value); });
    }
  };
  struct receiver {
    control& shared;
    std::uint32_t last = 0;
    std::size_t receive(sluice::mutable_bytes into) noexcept {
      while (shared.turn.value.load() == last)
        counted([&] { futex_wait(shared.turn.value, last); });
      ++last;
      std::memcpy(into.data(), &shared.value, sizeof shared.value);
      return sizeof shared.value;
    }
  };
  sender become_sender() noexcept { return {memory_.control()}; }
  receiver become_receiver() noexcept { return {memory_.control()}; }

 private:
  shared_bytes<control> memory_;
};

}  // namespace

void add_blocking_floors(std::vector<transport>& to) {
  // Whatever the others move, it is a word. The reply is what says that it may be written again, so
  // there is no stream of it.
  transport made = make_blocking_transport<futex_link>("futex_wake", role::floor);
  made.throughput_sizes = no_size;
  made.latency = [](link_options options) {
    options.message_bytes = word_bytes;
    return ping_pong<futex_link, word_bytes>(options);
  };
  made.paced = {};
  made.produced = {};
  made.set_up = {};
  made.both_ends = {};
  to.push_back(std::move(made));
}

}  // namespace bench
