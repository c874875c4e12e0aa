#pragma once
// `sluice bench`: runs the program sluice_bench that lies beside this one. It is a program of its
// own since it is linked with the library as users link it, and with other libraries that it
// compares; this one counts system calls, and needs none of those.

#include <string>
#include <vector>

#include "tools/tool_failure.hpp"

namespace sluice::tools {

/// Hands over the arguments, waits, and returns what the program returned: the codes are the same.
/// Asked to end, it asks the program to end, which tells what was measured until then.
[[nodiscard]] exit_code run_bench(const std::vector<std::string>& arguments);

}  // namespace sluice::tools
