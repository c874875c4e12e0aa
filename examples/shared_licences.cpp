// Many workers share a few licences, and one of them is killed while it has one. A System V
// semaphore counts the licences; each is held as a unit, which the kernel gives back when its
// holder dies, so that the others finish. Each worker counts the words in its share of a real file.
//
//     shared_licences FILE

#include <csignal>
#include <fstream>
#include <iostream>
#include <sluice/sluice.hpp>
#include <sstream>
#include <string>
#include <vector>

namespace {

constexpr std::uint16_t licences = 2;
constexpr int workers = 6;
constexpr int clumsy = 3;  // the worker that is killed

// The set: how many licences are free, and how many desks, at which only licensed workers sit.
enum index : std::size_t { licence, desk };

std::size_t words_of_share(const char* path, int worker) {
  std::ifstream file{path};
  std::size_t words = 0;
  int number = 0;
  for (std::string line; std::getline(file, line);) {
    if (number++ % workers != worker) continue;
    std::istringstream text{line};
    for (std::string word; text >> word;) ++words;
  }
  return words;
}

int work(const sluice::system_v_semaphore_set& set, const char* path, int worker) {
  const auto held = set.semaphore(licence).value().hold().value();
  // With a licence there must be a free desk: as many units are there, and given back before.
  const auto seat = set.semaphore(desk).value().try_hold();
  if (!seat) return 1;
  if (worker == clumsy) std::raise(SIGKILL);
  std::cout << "worker " << worker << ": " << words_of_share(path, worker) << " words\n"
            << std::flush;
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) {
    std::cerr << "Usage: shared_licences FILE\n";
    return 2;
  }
  auto set =
      sluice::system_v_semaphore_set::open_or_create("licences", {.initial = {licences, licences}})
          .value();
  std::vector<sluice::process> children;
  children.reserve(workers);
  for (int worker = 0; worker < workers; ++worker)
    children.push_back(
        sluice::process::fork([&, worker] { return work(set, arguments[1], worker); }).value());

  int finished = 0;
  int killed = 0;
  for (sluice::process& child : children) {
    const auto end = child.wait().value();
    finished += end.success() ? 1 : 0;
    killed += end.signal == SIGKILL ? 1 : 0;
  }
  const auto left = set.values().value();
  std::cout << finished << " finished, " << killed << " killed, " << left[licence] << " of "
            << licences << " licences are free\n";
  return finished == workers - 1 && killed == 1 && left[licence] == licences ? 0 : 1;
}
