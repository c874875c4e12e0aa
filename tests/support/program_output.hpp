#pragma once
// Programs that are not ours, as tests run them.

#include <string>
#include <vector>

namespace sluice::test {

/// What the program writes to its standard output; a failure of the test unless it ends in order.
/// Without a slash the program is looked for in PATH.
std::string output_of(const std::vector<std::string>& arguments);

/// Whether PATH leads to a program of this name.
[[nodiscard]] bool has_program(const std::string& name);

/// What Debian's Python prints: another one, which may come first in PATH, would not find the
/// modules of Debian's packages.
std::string run_python(const std::string& script, const std::vector<std::string>& arguments = {});

/// Whether that Python is there and has the module.
[[nodiscard]] bool has_python_module(const std::string& name);

}  // namespace sluice::test
