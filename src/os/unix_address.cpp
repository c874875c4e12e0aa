#include <sluice/os/unix_address.hpp>

namespace sluice {

result<unix_address> unix_address::parse(std::string_view text) {
  constexpr const char* operation = "unix_address::parse";
  if (!text.starts_with('@')) {
    auto name = channel_name::parse(text);
    if (!name) return failure{name.error()};
    return unix_address{std::string{text}, std::move(*name)};
  }
  if (text.size() == 1)
    return failure{std::errc::invalid_argument, operation, "an abstract name is not empty"};
  if (text.size() - 1 > max_abstract_bytes)
    return failure{std::errc::filename_too_long, operation,
                   "an abstract name has at most 107 bytes"};
  return unix_address{std::string{text}, std::nullopt};
}

}  // namespace sluice
