// A counter that several processes share, guarded by a mutex beside it in shared memory. One of the
// processes is killed while it holds the mutex, in the middle of a change: the next owner has the
// lock at once, is told so, repairs what is half changed, and nobody waits for the dead.
//
//   shared_counter [ROUNDS]           each worker counts that many times (10000 without)

#include <array>
#include <charconv>
#include <csignal>
#include <cstring>
#include <iostream>
#include <memory>
#include <mutex>
#include <numeric>
#include <sluice/os/process.hpp>
#include <sluice/primitive/mutex.hpp>
#include <sluice/primitive/shared_memory.hpp>
#include <vector>

namespace {

constexpr std::size_t workers = 4;

// What lies in the memory. Whole while `total` is the sum of `by_worker`.
struct counter {
  sluice::mutex lock;
  long total = 0;
  std::array<long, workers> by_worker{};
  int repairs = 0;
};

counter& counter_in(const sluice::shared_memory& memory) {
  return *reinterpret_cast<counter*>(memory.writable_bytes().data());
}

// Takes the lock, whoever had it and however that ended.
std::unique_lock<sluice::mutex> hold(counter& shared) {
  if (shared.lock.acquire().value() == sluice::mutex_state::owner_dead) {
    // Somebody was killed between the two changes below: his own part counts.
    shared.total = std::accumulate(shared.by_worker.begin(), shared.by_worker.end(), 0L);
    ++shared.repairs;
    shared.lock.mark_consistent();
  }
  return std::unique_lock{shared.lock, std::adopt_lock};
}

// One worker: it knows the name of the memory and nothing else. The one that shall die does so when
// half of its work is done, and with the counter half changed.
int work(std::size_t number, long rounds, bool dies) {
  const auto memory = sluice::shared_memory::open("shared_counter").value();
  counter& shared = counter_in(memory);
  for (long round = 0; round < rounds; ++round) {
    const auto guard = hold(shared);
    ++shared.by_worker.at(number);
    if (dies && round == rounds / 2) return std::raise(SIGKILL);
    ++shared.total;
  }
  return 0;
}

int run(long rounds) {
  const auto memory =
      sluice::shared_memory::create(
          "shared_counter", {.size_bytes = sizeof(counter),
                             .initialize = [](sluice::mutable_bytes bytes) -> sluice::result<void> {
                               new (bytes.data()) counter;
                               return {};
                             }})
          .value();
  std::vector<sluice::process> running;
  for (std::size_t number = 0; number < workers; ++number) {
    const bool dies = number == 0;
    running.push_back(sluice::process::fork([=] { return work(number, rounds, dies); }).value());
  }
  std::size_t killed = 0;
  std::size_t succeeded = 0;
  for (auto& worker : running) {
    const auto end = worker.wait().value();
    killed += end.signal == SIGKILL ? 1U : 0U;
    succeeded += end.success() ? 1U : 0U;
  }
  counter& shared = counter_in(memory);
  const auto guard = hold(shared);  // the dead one may have been the last
  const long expected = static_cast<long>(workers - 1) * rounds + rounds / 2 + 1;
  std::cout << "counted to " << shared.total << ", " << expected << " expected; " << killed
            << " killed while counting, " << shared.repairs << " repair\n";
  const bool good = killed == 1 && succeeded == workers - 1 && shared.repairs == 1;
  return good && shared.total == expected ? 0 : 1;
}

}  // namespace

int main(int argument_count, char** arguments) {
  try {
    long rounds = 10'000;
    if (argument_count > 1) {
      const char* text = arguments[1];
      const auto parsed = std::from_chars(text, text + std::strlen(text), rounds);
      if (*parsed.ptr != '\0' || rounds < 1) {
        std::cerr << "shared_counter [ROUNDS]: a number above 0\n";
        return 2;
      }
    }
    return run(rounds);
  } catch (const std::exception& failed) {
    std::cerr << failed.what() << '\n';
    return 1;
  }
}
