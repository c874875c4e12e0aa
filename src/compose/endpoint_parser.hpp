#pragma once
// Reads the text of an address from left to right, and complains where it cannot go on.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <sluice/compose/endpoint.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "compose/endpoint_rules.hpp"

namespace sluice {

/// Parses one text. *Threads*: one. *Errors*: the first one found, in the complaint.
class endpoint_parser {
 public:
  endpoint_parser(std::string_view text, endpoint_complaint& complaint) noexcept
      : text_(text), complaint_(complaint) {}

  [[nodiscard]] std::optional<endpoint> parse();

 private:
  // A piece of the text, and where it begins there.
  struct piece {
    std::string_view text;
    std::size_t at;
  };
  using value = std::variant<std::uint64_t, std::string>;

  // All return nothing, or false, after a complaint.
  [[nodiscard]] std::optional<std::string> unescape(piece what);
  [[nodiscard]] std::optional<endpoint_target> target(const scheme_rule& scheme, piece what);
  [[nodiscard]] std::optional<endpoint_target> name_target(const scheme_rule& scheme, piece what);
  [[nodiscard]] std::optional<endpoint_target> queue_target(piece what);
  [[nodiscard]] std::optional<endpoint_target> process_target(piece what);
  [[nodiscard]] std::optional<endpoint_target> descriptor_target(piece what);
  [[nodiscard]] std::optional<endpoint_target> unix_target(piece what);
  [[nodiscard]] std::optional<endpoint_target> inet_target(piece what);
  [[nodiscard]] bool check_host(piece host, bool in_brackets);
  [[nodiscard]] bool options(const scheme_rule& scheme, piece what);
  [[nodiscard]] bool option(const scheme_rule& scheme, piece what);
  [[nodiscard]] std::optional<value> value_of(const option_rule& rule, piece what);
  [[nodiscard]] std::optional<std::uint64_t> number_of(const option_rule& rule, piece what);
  [[nodiscard]] bool check_together(const scheme_rule& scheme, const endpoint_target& made,
                                    std::size_t target_at);
  std::nullopt_t complain(std::size_t at, std::string what, std::string allowed);

  std::string_view text_;
  endpoint_complaint& complaint_;
  std::vector<endpoint::setting> settings_;
  std::vector<std::size_t> places_;  // of the settings, in the text
};

}  // namespace sluice
