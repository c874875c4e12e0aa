#pragma once
// Sizes as people write them.

#include <cstddef>
#include <string_view>

namespace sluice::tools {

/// "4096", "64K", "32MiB", "1G": bytes, from 1 to 2^31-1, the largest message that a frame can
/// carry. Units are powers of 1024, in either case. Throws `tool_failure` (usage) that names the
/// option.
[[nodiscard]] std::size_t byte_size_of(std::string_view option, std::string_view text);

}  // namespace sluice::tools
