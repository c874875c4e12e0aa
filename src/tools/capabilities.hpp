#pragma once
// `sluice capabilities`: what every channel can do, as a table in Markdown.

#include <string>

namespace sluice::tools {

/// One row per channel class, printed from its `channel_traits`. The README contains this text.
[[nodiscard]] std::string capability_table();

}  // namespace sluice::tools
