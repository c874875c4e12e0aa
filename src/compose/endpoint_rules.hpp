#pragma once
// What can be said in the address of each kind of channel: the one table that parsing, printing and
// complaints are made from.

#include <cstdint>
#include <sluice/compose/endpoint.hpp>
#include <span>
#include <string>
#include <string_view>

namespace sluice {

/// How the value of an option is written.
enum class value_form { bytes, count, octal, duration, word, flag, text, hexadecimal };

struct option_rule {
  endpoint_option option;
  std::string_view name;
  value_form form;
  std::uint64_t least = 0;
  std::uint64_t most = 0;
  std::span<const std::string_view> words = {};  // of a word: all that there are
};

/// How the target of a scheme is written.
enum class target_form {
  name,
  queue_name,
  name_or_number,
  process,
  descriptors,
  unix_name,
  host_and_port
};

struct scheme_rule {
  endpoint_kind kind;
  std::string_view name;
  target_form target;
  std::span<const option_rule> options;
};

/// A factor that a suffix stands for.
struct unit {
  std::string_view suffix;
  std::uint64_t factor;
};

namespace endpoint_rules {

/// By endpoint_kind.
[[nodiscard]] std::span<const scheme_rule> schemes() noexcept;
[[nodiscard]] const scheme_rule& scheme_of(endpoint_kind kind) noexcept;
/// The largest first.
[[nodiscard]] std::span<const unit> units_of(value_form form) noexcept;
/// "a size as 4096, 64K, 1M or 2G, 1 at least", for complaints.
[[nodiscard]] std::string description_of(const option_rule& rule);
/// Whether a byte of a name or text must be written as %XX.
[[nodiscard]] bool needs_escape(char letter) noexcept;

}  // namespace endpoint_rules

}  // namespace sluice
