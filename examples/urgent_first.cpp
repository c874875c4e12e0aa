// Jobs in a System V message queue that outlives whoever filled it. A process puts the lines of a
// file into the queue, each with its urgency as the type of the message, and ends. Later others
// find the queue by its name: one takes only what may wait, one the most urgent job that there is.
//
//     urgent_first FILE

#include <fstream>
#include <iostream>
#include <map>
#include <sluice/sluice.hpp>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

enum urgency : long { at_once = 1, today = 2, some_day = 3 };
constexpr auto patience = std::chrono::seconds{30};

// Short lines are urgent: so every file has some of each.
urgency urgency_of(const std::string& line) {
  if (line.size() < 20) return at_once;
  return line.size() < 60 ? today : some_day;
}

std::vector<std::string> lines_of(const std::string& path) {
  std::vector<std::string> lines;
  std::ifstream file{path};
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

// In a process of its own, which is gone before anybody receives.
int put_jobs(const std::string& name, const std::vector<std::string>& lines) {
  auto queue = sluice::system_v_queue::create(name).value();
  queue.persist();
  auto jobs = sluice::system_v_queue_sender::over(queue).value();
  for (const std::string& line : lines) {
    auto sent = jobs.send(sluice::bytes_of(line), urgency_of(line), sluice::deadline::now());
    if (!sent) {
      // Nobody makes room, so the file is too large for this queue; say which limit that is.
      const auto full = jobs.try_send(sluice::bytes_of(line), urgency_of(line));
      if (auto limits = sluice::system_v_queue_limits::now(); limits && !full)
        std::cerr << limits->explain(full.error()) << '\n';
      return 1;
    }
  }
  return 0;
}

// Receives what `which` selects until there is no more, into `done`, by urgency.
using finished_jobs = std::map<long, std::vector<std::string>>;
std::size_t work(const std::string& name, sluice::message_selection which, finished_jobs& done) {
  auto jobs = sluice::system_v_queue_receiver::open(name).value();
  std::vector<std::byte> buffer(sluice::system_v_queue_limits::now().value().message_bytes);
  std::size_t count = 0;
  long urgency_before = 0;
  for (;; ++count) {
    auto size = jobs.try_receive(buffer, which);
    if (!size && sluice::would_block(size.error())) return count;
    const auto job = sluice::const_bytes{buffer}.first(size.value());
    if (jobs.last_type() < urgency_before) throw std::runtime_error{"a less urgent job came first"};
    urgency_before = jobs.last_type();
    done[jobs.last_type()].emplace_back(sluice::text_of(job));
  }
}

int run(const std::string& path) {
  const std::string name = "urgent-first";
  const std::vector<std::string> lines = lines_of(path);
  auto client = sluice::process::fork([&] { return put_jobs(name, lines); }).value();
  const bool all_put = client.wait(patience).value().success();
  // Its owner is gone, and the queue is not. Whoever finds it may remove it.
  std::cout << "left in the queue: "
            << sluice::system_v_queue::open(name).value().status().value().messages << " jobs\n";

  finished_jobs done;
  std::cout << "some day: "
            << work(name, sluice::message_selection::exactly(urgency::some_day), done) << '\n';
  std::cout << "by urgency: "
            << work(name, sluice::message_selection::lowest_up_to(urgency::today), done) << '\n';
  sluice::system_v_queue::unlink(name).value();

  finished_jobs expected;
  for (const std::string& line : lines) expected[urgency_of(line)].push_back(line);
  return all_put && done == expected ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2) return run(argv[1]);
  std::cerr << "usage: urgent_first FILE\n";
  return 2;
}
