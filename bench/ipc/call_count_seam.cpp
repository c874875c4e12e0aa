// Of the twin that counts: what the kernel door of the library says, and the raw floors.
#include "call_count.hpp"
#include "os/syscall_count.hpp"

namespace bench {

std::uint64_t system_calls_so_far() noexcept { return raw_calls + sluice::syscall::calls_so_far(); }
bool counts_library_calls() noexcept { return true; }

}  // namespace bench
