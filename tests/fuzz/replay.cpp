// Runs a target, or all, over the files of its corpus, where there is no libFuzzer:
//     fuzz_replay <folder of corpora> [target]...

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string_view>
#include <system_error>
#include <vector>

#include "fuzz/targets.hpp"

namespace {

using sluice::test::fuzz_target;
using sluice::test::fuzz_targets;

// How many files there were.
int replay(const fuzz_target& target, const std::filesystem::path& folder) {
  int files = 0;
  std::error_code missing;  // a folder that is not there has no file
  for (const auto& entry : std::filesystem::directory_iterator{folder, missing}) {
    std::ifstream file{entry.path(), std::ios::binary};
    const std::vector<char> bytes{std::istreambuf_iterator<char>{file}, {}};
    // Told first: of a crash one knows then which it was. ctest shows it where something failed.
    std::printf("%s\n", entry.path().filename().c_str());
    std::fflush(stdout);
    target.run(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    ++files;
  }
  return files;
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 2) {
    std::fputs("usage: fuzz_replay <folder of corpora> [target]...\n", stderr);
    return 2;
  }
  const std::vector<std::string_view> wanted(arguments + 2, arguments + count);
  std::size_t replayed = 0;
  for (const fuzz_target& target : fuzz_targets) {
    if (!wanted.empty() && std::ranges::find(wanted, target.name) == wanted.end()) continue;
    const int files = replay(target, std::filesystem::path{arguments[1]} / target.name);
    std::printf("%.*s: %d inputs\n", static_cast<int>(target.name.size()), target.name.data(),
                files);
    if (files == 0) return 1;
    ++replayed;
  }
  return replayed == (wanted.empty() ? fuzz_targets.size() : wanted.size()) ? 0 : 2;
}
