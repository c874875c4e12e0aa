#include "tools/byte_size.hpp"

#include <fmt/format.h>

#include <charconv>
#include <sluice/compose/frame_header.hpp>
#include <string>

#include "tools/tool_failure.hpp"

namespace sluice::tools {

namespace {

// By how many bits a number with this unit is shifted; -1 if there is no such unit.
int shift_of(std::string_view unit) {
  std::string lower;
  for (const char one : unit)
    lower += one >= 'A' && one <= 'Z' ? static_cast<char>(one - 'A' + 'a') : one;
  if (lower.empty() || lower == "b") return 0;
  const std::string_view rest = std::string_view{lower}.substr(1);
  if (!rest.empty() && rest != "b" && rest != "ib") return -1;
  constexpr std::string_view prefixes = "kmg";
  const std::size_t place = prefixes.find(lower.front());
  return place == prefixes.npos ? -1 : static_cast<int>(place + 1) * 10;
}

}  // namespace

std::size_t byte_size_of(std::string_view option, std::string_view text) {
  std::size_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, failed] = std::from_chars(text.data(), end, number);
  const int shift = shift_of({rest, static_cast<std::size_t>(end - rest)});
  const bool is_size = failed == std::errc{} && shift >= 0;
  // What does not fit is too large in any case.
  const bool is_huge = failed == std::errc::result_out_of_range ||
                       (is_size && number > (frame_header::max_payload_bytes >> shift));
  if (is_huge || (is_size && number == 0))
    throw tool_failure{exit_code::usage,
                       fmt::format("{} {}: choose from 1 to {} bytes (the largest message)", option,
                                   text, frame_header::max_payload_bytes)};
  if (!is_size)
    throw tool_failure{exit_code::usage,
                       fmt::format("{} {}: not a size; write bytes, or a number with K, M or G, "
                                   "as in 64M",
                                   option, text)};
  return number << shift;
}

}  // namespace sluice::tools
