// One of two programs that take turns at a pair of semaphores, which whoever comes first makes:
//   semaphore_program posix|set NAME first|second ROUNDS
// ends with success when all rounds are over. The names stay.

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <sluice/primitive/posix_semaphore.hpp>
#include <sluice/primitive/system_v_semaphore_set.hpp>
#include <string>
#include <string_view>

namespace {

using namespace std::chrono_literals;

template <sluice::event_source Event>
void take_turns(Event& mine, Event& theirs, bool begins, int rounds) {
  for (int round = 0; round < rounds; ++round) {
    if (begins) theirs.notify().value();
    mine.wait(sluice::deadline{20s}).value();
    if (!begins) theirs.notify().value();
  }
}

void with_posix_semaphores(const std::string& name, bool begins, int rounds) {
  auto first = sluice::posix_semaphore::open_or_create(name + "-first").value();
  auto second = sluice::posix_semaphore::open_or_create(name + "-second").value();
  first.persist();
  second.persist();
  take_turns(begins ? first : second, begins ? second : first, begins, rounds);
}

void with_a_set(const std::string& name, bool begins, int rounds) {
  auto set = sluice::system_v_semaphore_set::open_or_create(name, {.initial = {0, 0}}).value();
  set.persist();
  auto mine = set.semaphore(begins ? 0 : 1).value();
  auto theirs = set.semaphore(begins ? 1 : 0).value();
  take_turns(mine, theirs, begins, rounds);
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 5) return 2;
  const bool posix = std::string_view{arguments[1]} == "posix";
  const bool begins = std::string_view{arguments[3]} == "first";
  const int rounds = std::atoi(arguments[4]);
  try {
    (posix ? with_posix_semaphores : with_a_set)(arguments[2], begins, rounds);
  } catch (const std::system_error& failure) {
    std::cerr << failure.what() << '\n';
    return 1;
  }
  return 0;
}
