#pragma once
// System V keys from files.

#include <sys/types.h>

#include <sluice/base/result.hpp>
#include <string>

namespace sluice {

/// The key that ftok(3) makes of an existing file and a project number (1 to 255).
[[nodiscard]] result<key_t> make_file_key(const std::string& path, int project);

}  // namespace sluice
