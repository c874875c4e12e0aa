#pragma once
// Standard output, of which every byte counts: a reader that went away or a full disk ends the
// command instead of being overlooked.

#include <string_view>

namespace sluice::tools {

/// To be called first in main: makes sure that 0, 1 and 2 are taken, so that no descriptor opened
/// later is mistaken for one of them, and that a reader who went away is an error of the write
/// instead of a signal that kills.
void prepare_standard_streams();

/// Writes all of the text now. Throws `tool_failure` (output) if that is impossible.
void print(std::string_view text);

}  // namespace sluice::tools
