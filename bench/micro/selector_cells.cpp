// One busy ring in a selector beside a thousand that are idle, against the same ring in a selector
// of its own. "Sluice" is the one with the thousand, "raw" the one without.

#include <sys/resource.h>

#include <memory>
#include <optional>
#include <sluice/channel/ring_channel.hpp>
#include <sluice/compose/selector.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "machine.hpp"
#include "partner.hpp"
#include "payload.hpp"
#include "stream_contest.hpp"

namespace bench {

namespace {

constexpr std::size_t idle_rings = 1000;
constexpr std::size_t message_bytes = 64;
constexpr std::uint64_t busy_tag = idle_rings;
constexpr std::chrono::seconds patience{30};
constexpr std::size_t most_at_once = 256;  // of one member, before the others have their turn

enum class pace {
  stream,     // the ring is hardly ever empty
  one_by_one  // each message is waited for, asleep, and answered
};

// Each ring takes some seven descriptors of the process that waits.
void allow_descriptors() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

sluice::ring_channel small_ring(std::size_t capacity_bytes = 4096) {
  return sluice::ring_channel::create_anonymous({.capacity_bytes = capacity_bytes}).value();
}

// Nobody sends, and both sides live: the owner of the other end might begin at any time.
struct idle_ring {
  explicit idle_ring(const sluice::ring_channel& ring)
      : sender(sluice::ring_sender::attach(ring).value()),
        receiver(sluice::ring_receiver::attach(ring).value()) {}
  sluice::ring_sender sender;
  sluice::ring_receiver receiver;
};

void expect_nothing(sluice::ring_receiver& idle) {
  auto size = idle.next_size();
  if (size || !sluice::would_block(size.error()))
    throw std::runtime_error{"an idle ring is not idle"};
}

class waiting_role {
 public:
  waiting_role(const sluice::ring_channel& busy, const sluice::ring_channel& answers, pace how)
      : busy_(sluice::ring_receiver::attach(busy).value()), buffer_(message_bytes) {
    if (how == pace::one_by_one) answers_.emplace(sluice::ring_sender::attach(answers).value());
    idle_.reserve(idle_rings);
    for (std::uint64_t tag = 0; tag < idle_rings; ++tag) {
      idle_.emplace_back(small_ring());
      static_cast<void>(crowd_.add_readable(idle_.back().receiver, tag).value());
    }
    static_cast<void>(crowd_.add_readable(busy_, busy_tag).value());
    static_cast<void>(alone_.add_readable(busy_, busy_tag).value());
  }

  /// Looks at all who were ready meanwhile, so that a segment begins as it goes on.
  void settle() {
    while (auto found = crowd_.wait(sluice::deadline::now())) {
      bool is_idle_told = false;
      for (const sluice::ready& one : *found) {
        if (one.tag == busy_tag) continue;
        expect_nothing(idle_[one.tag].receiver);
        is_idle_told = true;
      }
      if (!is_idle_told) return;
    }
  }

  void receive(side which, std::uint64_t messages) {
    sluice::selector& all = which == side::sluice ? crowd_ : alone_;
    for (std::uint64_t received = 0; received < messages;) {
      for (const sluice::ready& one : all.wait(patience).value()) {
        if (one.tag == busy_tag)
          received += drain(received, messages);
        else
          expect_nothing(idle_[one.tag].receiver);
      }
    }
  }

 private:
  std::uint64_t drain(std::uint64_t first, std::uint64_t end) {
    std::uint64_t next = first;
    for (; next < end && next - first < most_at_once; ++next) {
      auto size = busy_.try_receive(buffer_);
      if (!size && sluice::would_block(size.error())) break;
      expect_payload(next, sluice::const_bytes{buffer_}.first(size.value()), message_bytes);
      if (answers_) answers_->try_send(buffer_).value();
    }
    return next - first;
  }

  sluice::ring_receiver busy_;
  std::optional<sluice::ring_sender> answers_;
  std::vector<std::byte> buffer_;
  std::vector<idle_ring> idle_;
  sluice::selector crowd_ = sluice::selector::create().value();
  sluice::selector alone_ = sluice::selector::create().value();
};

partner::role sending_role(const sluice::ring_channel& busy, const sluice::ring_channel& answers,
                           pace how, const cell_settings& settings) {
  struct state {
    sluice::ring_sender sender;
    std::optional<sluice::ring_receiver> answers;
    std::vector<std::byte> message;
  };
  auto shared = std::make_shared<state>(state{.sender = sluice::ring_sender::attach(busy).value(),
                                              .answers = std::nullopt,
                                              .message = std::vector<std::byte>(message_bytes)});
  if (how == pace::one_by_one)
    shared->answers.emplace(sluice::ring_receiver::attach(answers).value());
  return [shared, settings](side, std::uint64_t messages) {
    const std::uint64_t spoilt = settings.spoil ? messages / 2 : messages;
    const std::uint64_t before = settings.calls_so_far();
    for (std::uint64_t i = 0; i < messages; ++i) {
      write_payload(i, shared->message);
      if (i == spoilt) shared->message.back() ^= std::byte{1};
      shared->sender.send(shared->message, patience).value();
      if (shared->answers) shared->answers->receive(shared->message, patience).value();
    }
    return settings.calls_so_far() - before;
  };
}

contest open_selector(pace how, const cell_settings& settings) {
  allow_descriptors();
  const auto& cores = allowed_cores();
  const auto busy = small_ring(std::size_t{1} << 16);
  const auto answers = small_ring();
  pin_to(cores.front());
  be_a_batch(false);
  const auto prepare = [&] { return sending_role(busy, answers, how, settings); };
  auto sender = std::make_shared<partner>(cores.back(), prepare);
  auto waiting = std::make_shared<waiting_role>(busy, answers, how);
  return [=](side which, std::uint64_t messages) {
    waiting->settle();
    const std::uint64_t calls_before = settings.calls_so_far();
    const double cpu_before = cpu_seconds();
    const auto start = std::chrono::steady_clock::now();
    sender->begin(which, messages);
    waiting->receive(which, messages);
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    const double cpu = cpu_seconds() - cpu_before;
    const std::uint64_t calls = settings.calls_so_far() - calls_before;
    const partner::report sent = sender->finish();
    return segment{.seconds = elapsed.count(),
                   .cpu_seconds = cpu + sent.cpu_seconds,
                   .sender_calls = sent.calls,
                   .receiver_calls = calls};
  };
}

}  // namespace

std::vector<cell> selector_cells() {
  const auto made = [](const char* name, pace how) {
    return cell{.name = name,
                .message_bytes = message_bytes,
                .open = [how](const cell_settings& s) { return open_selector(how, s); }};
  };
  return {made("selector/64/stream/1000_idle", pace::stream),
          made("selector/64/one_by_one/1000_idle", pace::one_by_one)};
}

}  // namespace bench
