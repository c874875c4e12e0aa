#pragma once
// Every load and store that a piece of code makes in the memory of a file: none of its mappings may
// be touched, so that each instruction that does is reported by the kernel, with the address, and
// runs alone. Unlike a comparison of before and after it also sees loads, and stores of what was
// there already.

#include <cstdint>
#include <functional>
#include <vector>

namespace sluice::test {

/// One instruction that touched the memory.
struct memory_access {
  std::uint64_t offset = 0;  ///< In the file.
  bool is_store = false;     ///< Also a read-modify-write.
};

/// What `operation` does with the memory of a file that this process has mapped, in its order. Of
/// an instruction that touches two places one is told. A system call that is handed this memory
/// fails. `most` are noted; more are an error of the test.
[[nodiscard]] std::vector<memory_access> accesses_of(int fd, const std::function<void()>& operation,
                                                     std::size_t most = 100'000);

/// Whether this build and machine can do it; "" or the reason why not.
[[nodiscard]] const char* reason_not_to_watch();

}  // namespace sluice::test
