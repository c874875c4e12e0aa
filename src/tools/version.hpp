#pragma once
// The version of the tool, which is that of the library.

#include <string_view>

namespace sluice::tools {

/// Defined by the build, from the project's version.
inline constexpr std::string_view version = SLUICE_VERSION;

}  // namespace sluice::tools
