// A pool of workers whose work is not lost. The jobs are ranges of numbers in which primes are to
// be counted; they go into one queue, from which each worker takes some, and the counts come back
// through another. One of the workers is killed in the middle of a job: what it had taken goes to
// the others, and the sum is right all the same.

#include <csignal>
#include <cstdint>
#include <iostream>
#include <set>
#include <sluice/channel/ring_queue.hpp>
#include <sluice/os/process.hpp>
#include <vector>

namespace {

struct job {
  std::uint32_t number;
  std::uint32_t first;
  std::uint32_t count;
};

struct answer {
  std::uint32_t job_number;
  std::uint32_t primes;
};

constexpr std::uint32_t jobs = 60;
constexpr std::uint32_t numbers_per_job = 2000;

bool is_prime(std::uint32_t number) {
  for (std::uint32_t divisor = 2; divisor * divisor <= number; ++divisor) {
    if (number % divisor == 0) return false;
  }
  return number >= 2;
}

std::uint32_t primes_of(const job& one) {
  std::uint32_t found = 0;
  for (std::uint32_t i = 0; i < one.count; ++i) found += is_prime(one.first + i) ? 1U : 0U;
  return found;
}

// Works until all who give jobs have left and every job is done. `dies_in_job` ends it before that,
// as a fault would: nothing is tidied up.
int work(const sluice::ring_queue& todo, const sluice::ring_queue& done, int dies_in_job) {
  auto from = sluice::ring_queue_receiver::attach(todo).value();
  auto to = sluice::ring_queue_sender::attach(done).value();
  for (int taken = 1;; ++taken) {
    if (auto there = from.wait_readable(sluice::deadline::never()); !there) return 1;
    auto view = from.try_peek();
    if (!view && sluice::would_block(view.error())) continue;
    if (!view) return view.error() == sluice::errc::closed ? 0 : 1;
    job one{};
    sluice::copy_bytes(view->bytes(), sluice::writable_bytes_of(one));
    if (taken == dies_in_job) raise(SIGKILL);
    // First the answer, then the release: killed in between, the job is done once more. So an
    // answer may come twice, and none is missing.
    to.send(sluice::bytes_of(answer{one.number, primes_of(one)})).value();
    view->release();
  }
}

sluice::process start_worker(const sluice::ring_queue& todo, const sluice::ring_queue& done,
                             int dies_in_job = 0) {
  return sluice::process::fork(
             [&todo, &done, dies_in_job] { return work(todo, done, dies_in_job); })
      .value();
}

}  // namespace

int main() {
  auto todo = sluice::ring_queue::create_anonymous({.capacity_bytes = 8192}).value();
  // Workers come and die while answers are awaited: that one died is no reason to stop.
  auto done = sluice::ring_queue::create_anonymous(
                  {.capacity_bytes = 4096, .departure = sluice::ring_departure::await_successor})
                  .value();

  // The jobs wait in the queue, whether anybody is there or not.
  {
    auto giver = sluice::ring_queue_sender::attach(todo).value();
    for (std::uint32_t i = 0; i < jobs; ++i)
      giver.send(sluice::bytes_of(job{i, i * numbers_per_job, numbers_per_job})).value();
  }
  auto answers = sluice::ring_queue_receiver::attach(done).value();

  // The first one takes sixteen jobs, and is killed in the fourth.
  auto victim = start_worker(todo, done, 4);
  const auto end = victim.wait().value();
  std::cout << "a worker was killed by signal " << end.signal << " with " << todo.counters().taken
            << " jobs in hand, " << todo.counters().received << " done\n";

  std::vector<sluice::process> workers;
  workers.reserve(3);
  while (workers.size() < 3) workers.push_back(start_worker(todo, done));

  std::set<std::uint32_t> answered;
  std::uint32_t primes = 0;
  while (answered.size() < jobs) {
    answer one{};
    answers.receive(sluice::writable_bytes_of(one)).value();
    if (answered.insert(one.job_number).second) primes += one.primes;
  }
  bool all_well = true;
  for (auto& worker : workers) all_well = worker.wait().value().success() && all_well;

  std::cout << "jobs answered: " << answered.size() << ", primes below " << jobs * numbers_per_job
            << ": " << primes << '\n';
  return all_well && primes == 11301 ? 0 : 1;
}
