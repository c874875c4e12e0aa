// Market data: one feed, three subscribers of different speed, each in a process of its own. Twice:
// first the feed overwrites what the slow ones have not read, and each knows exactly what it missed
// and still has the closing prices; then it waits for the slowest, and nobody misses anything.

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <iostream>
#include <sluice/sluice.hpp>
#include <span>
#include <string>
#include <thread>

namespace {

constexpr std::uint64_t ticks = 30'000;
constexpr auto patience = std::chrono::seconds{30};

struct tick {
  std::uint64_t sequence = 0;
  std::uint32_t instrument = 0;
  std::uint32_t price = 0;  // in cents
};

using prices = std::array<std::uint32_t, 16>;

// A random walk, the same in every run: who has seen tick number `sequence` can check it.
class market {
 public:
  [[nodiscard]] tick next() {
    state_ = state_ * 6364136223846793005U + 1442695040888963407U;
    const auto instrument = static_cast<std::uint32_t>(state_ >> 60);
    const auto step = static_cast<std::uint32_t>(state_ >> 32) % 21;
    std::uint32_t& price = prices_[instrument];
    price = std::max(price + step, 110U) - 10;
    return {sequence_++, instrument, price};
  }
  [[nodiscard]] const prices& closing() const noexcept { return prices_; }

 private:
  std::uint64_t state_ = 2026;
  std::uint64_t sequence_ = 0;
  prices prices_ = [] {
    prices start{};
    start.fill(10'000);
    return start;
  }();
};

// In a process of its own, until the feed has left. It rests after each `ticks_per_rest` ticks.
int subscribe(const sluice::ring_topic& topic, const std::string& name,
              std::uint64_t ticks_per_rest) {
  auto feed = sluice::ring_subscriber::attach(topic).value();
  market expected;
  tick due = expected.next();
  prices closing{};
  std::uint64_t received = 0;
  std::array<std::byte, 256> buffer{};
  for (;;) {
    auto size = feed.receive(buffer, patience);
    if (!size && size.error() == sluice::errc::closed) break;
    if (size.value() == sizeof closing) {
      std::memcpy(closing.data(), buffer.data(), sizeof closing);
      continue;
    }
    tick seen;
    std::memcpy(&seen, buffer.data(), sizeof seen);
    // What is missing before this tick is what the subscriber says it lost.
    if (seen.sequence != received + feed.lost()) return 1;
    while (due.sequence < seen.sequence) due = expected.next();
    if (std::memcmp(&due, &seen, sizeof seen) != 0) return 2;
    if (++received % ticks_per_rest == 0)
      std::this_thread::sleep_for(std::chrono::microseconds{200});
  }
  while (due.sequence + 1 < ticks) due = expected.next();
  std::cout << name + ": " + std::to_string(received) + " ticks, " + std::to_string(feed.lost()) +
                   " overwritten\n"
            << std::flush;
  const bool is_complete = received + feed.lost() == ticks && closing == expected.closing();
  return is_complete ? 0 : 3;
}

int trade(sluice::ring_topic_policy policy) {
  // Small, so that a slow subscriber soon falls behind.
  auto topic =
      sluice::ring_topic::create_anonymous({.capacity_bytes = 65'536, .when_full = policy}).value();
  std::vector<sluice::process> all;
  const auto start = [&](const char* name, std::uint64_t ticks_per_rest) {
    auto body = [&, name, ticks_per_rest] { return subscribe(topic, name, ticks_per_rest); };
    all.push_back(sluice::process::fork(body).value());
  };
  auto feed = std::optional{sluice::ring_publisher::attach(topic).value()};
  start("  trader", ticks);
  start("  risk", 2'000);
  start("  display", 100);
  while (topic.subscribers() < 3) std::this_thread::sleep_for(std::chrono::milliseconds{1});

  market now;
  for (std::uint64_t sent = 0; sent < ticks; ++sent) {
    if (sent % 500 == 0) std::this_thread::sleep_for(std::chrono::microseconds{500});
    // Written where the subscribers read it.
    auto window = feed->try_claim(sizeof(tick));
    while (!window) {
      feed->wait_writable(patience).value();
      window = feed->try_claim(sizeof(tick));
    }
    const tick made = now.next();
    std::memcpy(window->bytes().data(), &made, sizeof made);
    window->commit();
  }
  feed->send(std::as_bytes(std::span{now.closing()}), patience).value();

  // Who comes late asks for the last value.
  prices closing{};
  auto late =
      sluice::ring_subscriber::attach(topic, {.join = sluice::ring::joining::last_value}).value();
  late.try_receive(std::as_writable_bytes(std::span{closing})).value();
  bool good = closing == now.closing();

  feed.reset();
  for (sluice::process& one : all) good = one.wait(patience).value().success() && good;
  const bool may_lose = policy == sluice::ring_topic_policy::overwrite_oldest;
  return good && (may_lose || topic.counters().lost == 0) ? 0 : 1;
}

}  // namespace

int main() {
  std::cout << "the feed overwrites the oldest:" << std::endl;
  if (trade(sluice::ring_topic_policy::overwrite_oldest) != 0) return 1;
  std::cout << "the feed waits for the slowest:" << std::endl;
  return trade(sluice::ring_topic_policy::block);
}
