// A map of strings in shared memory that two processes read and write. The processes count the
// words of a text together, each its own lines; then the first one is killed in the middle of its
// work, and the second finishes without it.
//
//   shared_dictionary [FILE]          counts the words of FILE (of its own source text without one)

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <mutex>
#include <sluice/os/process.hpp>
#include <sluice/primitive/managed_segment.hpp>
#include <sluice/primitive/mutex.hpp>
#include <string>
#include <vector>

namespace {

using namespace sluice;
using word = managed_segment::string;

// What lies in the segment: the map, and beside it the lock that it needs.
struct dictionary {
  explicit dictionary(const managed_segment& segment)
      : counts(segment.allocator<managed_segment::text_map<long>::value_type>()) {}
  mutex lock;
  managed_segment::text_map<long> counts;
  std::size_t next_line = 0;
};

// Locks the dictionary, also after its holder died: between two words it is whole, and a word that
// was being counted is all that can be lost. A death inside the map shows as a corrupt segment.
std::unique_lock<mutex> hold(dictionary& shared) {
  if (shared.lock.acquire().value() == mutex_state::owner_dead) shared.lock.mark_consistent();
  return std::unique_lock{shared.lock, std::adopt_lock};
}

void count_words(managed_segment& segment, const std::vector<std::string>& lines) {
  dictionary& shared = *segment.find<dictionary>("words").value();
  for (;;) {
    const auto guard = hold(shared);
    if (shared.next_line == lines.size()) return;
    const std::string& line = lines[shared.next_line++];
    for (std::size_t begin = 0; (begin = line.find_first_not_of(" \t", begin)) != line.npos;) {
      const std::size_t end = std::min(line.find_first_of(" \t", begin), line.size());
      const std::string_view text = std::string_view{line}.substr(begin, end - begin);
      const auto known = shared.counts.find(text);
      if (known != shared.counts.end()) {
        ++known->second;
      } else {
        shared.counts.emplace(word{text, segment.allocator<char>()}, 1);
      }
      begin = end;
    }
  }
}

// What each of the two processes does: it knows nothing but the name.
int work(const std::vector<std::string>& lines) {
  auto segment = managed_segment::open("shared_dictionary").value();
  count_words(segment, lines);
  return 0;
}

int run(const char* path) {
  std::vector<std::string> lines;
  std::ifstream file{path};
  for (std::string line; std::getline(file, line);) lines.push_back(line);

  auto segment =
      managed_segment::create("shared_dictionary", {.size_bytes = std::size_t{8} << 20}).value();
  dictionary* shared = segment.construct<dictionary>("words", segment).value();
  auto first = process::fork([&] { return work(lines); }).value();
  auto second = process::fork([&] { return work(lines); }).value();
  const bool worked = first.wait().value().success() && second.wait().value().success();

  long words = 0;
  for (const auto& [text, count] : shared->counts) words += count;
  std::cout << words << " words, " << shared->counts.size() << " different ones, counted by two\n";

  // The same again, and this time one of the two dies holding the lock.
  {
    const auto guard = hold(*shared);
    shared->counts.clear();
    shared->next_line = 0;
  }
  auto victim = process::fork([&] {
                  const auto guard = hold(*shared);
                  return std::raise(SIGKILL);
                }).value();
  auto survivor = process::fork([&] { return work(lines); }).value();
  const bool killed = victim.wait().value().signal == SIGKILL;
  const bool survived = survivor.wait().value().success();
  long again = 0;
  for (const auto& [text, count] : shared->counts) again += count;
  std::cout << again << " words, counted by one whose partner was killed with the lock\n";
  return worked && killed && survived && again == words ? 0 : 1;
}

}  // namespace

int main(int argument_count, char** arguments) {
  try {
    return run(argument_count > 1 ? arguments[1] : __FILE__);
  } catch (const std::exception& failed) {
    std::cerr << failed.what() << '\n';
    return 1;
  }
}
