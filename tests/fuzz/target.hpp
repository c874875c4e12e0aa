#pragma once
// What all targets have in common: they require, and leave nothing behind. Each target is a
// function with the signature of libFuzzer's entry; its executable has it under libFuzzer's name
// (an alias that the linker makes), and the replay has all of them in a table (targets.hpp).

#include <cstddef>
#include <cstdint>
#include <string>

namespace sluice::test {

/// Ends the process with the promise that does not hold.
void require(bool holds, const char* promise) noexcept;

/// Requires that the descriptors and the children of this process are the same afterwards. A
/// descriptor that leaks is the lowest that was free.
class nothing_left_behind {
 public:
  nothing_left_behind() noexcept;
  nothing_left_behind(const nothing_left_behind&) = delete;
  nothing_left_behind& operator=(const nothing_left_behind&) = delete;
  ~nothing_left_behind();

 private:
  int lowest_free_;
  bool had_children_;
};

/// A directory of the target's own below $TMPDIR, which must be empty again in the end.
class scratch_directory {
 public:
  scratch_directory();
  scratch_directory(const scratch_directory&) = delete;
  scratch_directory& operator=(const scratch_directory&) = delete;
  ~scratch_directory();
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  std::string path_;
};

}  // namespace sluice::test
