// What stands between the colon and the options of an address.

#include <algorithm>
#include <sluice/base/name.hpp>
#include <utility>

#include "compose/endpoint_parser.hpp"

namespace sluice {

namespace {

constexpr std::size_t max_unix_bytes = 107;  // of sun_path, less the terminator (unix(7))
constexpr std::size_t max_queue_bytes = 255;
constexpr std::size_t max_host_bytes = 253;

bool is_digit(char letter) noexcept { return letter >= '0' && letter <= '9'; }
bool is_hexadecimal(char letter) noexcept {
  return is_digit(letter) || (letter >= 'a' && letter <= 'f') || (letter >= 'A' && letter <= 'F');
}

// The number, if the text is one that has no more than `most` and no zero in front.
std::optional<int> number_up_to(std::string_view text, int most) noexcept {
  if (text.empty() || text.size() > 10 || (text.size() > 1 && text[0] == '0')) return {};
  std::int64_t number = 0;
  for (const char letter : text) {
    if (!is_digit(letter)) return {};
    number = number * 10 + (letter - '0');
  }
  if (number > most) return {};
  return static_cast<int>(number);
}

bool is_ipv4(std::string_view text) {
  for (int part = 0; part < 4; ++part) {
    const std::size_t dot = part < 3 ? text.find('.') : text.size();
    if (dot == text.npos || !number_up_to(text.substr(0, dot), 255)) return false;
    text.remove_prefix(std::min(dot + 1, text.size()));
  }
  return true;
}

// Eight groups of up to four digits, or less with one `::`.
bool is_ipv6(std::string_view text) {
  const std::size_t gap = text.find("::");
  if (gap != text.npos && text.find("::", gap + 1) != text.npos) return false;
  const auto groups_of = [](std::string_view part) -> std::optional<int> {
    int groups = 0;
    while (!part.empty()) {
      const std::size_t end = std::min(part.find(':'), part.size());
      if (end == 0 || end > 4 || end + 1 == part.size() ||
          !std::all_of(part.begin(), part.begin() + static_cast<std::ptrdiff_t>(end),
                       is_hexadecimal))
        return {};
      ++groups;
      part.remove_prefix(std::min(end + 1, part.size()));
    }
    return groups;
  };
  if (gap == text.npos) return groups_of(text) == 8;
  const auto before = groups_of(text.substr(0, gap));
  const auto behind = groups_of(text.substr(gap + 2));
  return before && behind && *before + *behind <= 7;
}

}  // namespace

std::optional<endpoint_target> endpoint_parser::target(const scheme_rule& scheme, piece what) {
  switch (scheme.target) {
    case target_form::name:
      return name_target(scheme, what);
    case target_form::name_or_number:
      if (what.text.empty()) return endpoint_target{std::string{}};
      return name_target(scheme, what);
    case target_form::queue_name:
      return queue_target(what);
    case target_form::process:
      return process_target(what);
    case target_form::descriptors:
      return descriptor_target(what);
    case target_form::unix_name:
      return unix_target(what);
    case target_form::host_and_port:
      return inet_target(what);
  }
  return std::nullopt;
}

std::optional<endpoint_target> endpoint_parser::name_target(const scheme_rule& scheme, piece what) {
  auto plain = unescape(what);
  if (!plain) return std::nullopt;
  auto checked = channel_name::parse(*plain);
  if (!checked)
    return complain(what.at, "this is no name of a " + std::string{scheme.name},
                    plain->empty() ? "a plain name, or a path" : checked.error().hint());
  return endpoint_target{std::move(*plain)};
}

std::optional<endpoint_target> endpoint_parser::queue_target(piece what) {
  auto plain = unescape(what);
  if (!plain) return std::nullopt;
  std::string_view name = *plain;
  if (name.starts_with('/')) name.remove_prefix(1);
  if (name.empty() || name.size() >= max_queue_bytes || name == "." || name == ".." ||
      name.find('/') != name.npos)
    return complain(what.at, "this is no name of a queue",
                    "1 to 254 bytes without a slash, but one in front if you like");
  return endpoint_target{std::move(*plain)};
}

std::optional<endpoint_target> endpoint_parser::process_target(piece what) {
  const auto id = number_up_to(what.text, 0x7fff'ffff);
  if (!id || *id == 0)
    return complain(what.at, "this is no process", "the number of the receiving process");
  return endpoint_target{process_address{*id}};
}

std::optional<endpoint_target> endpoint_parser::descriptor_target(piece what) {
  const std::string allowed =
      "two descriptors, to read from and to write to, as 3,4; - stands for none";
  const std::size_t comma = what.text.find(',');
  if (comma == what.text.npos)
    return complain(what.at + what.text.size(), "a comma is missing", allowed);
  descriptor_address made;
  const auto read = [&](piece part, int& descriptor) {
    if (part.text == "-") return true;
    const auto number = number_up_to(part.text, 0x7fff'ffff);
    if (!number) complain(part.at, "this is no descriptor", allowed);
    descriptor = number.value_or(-1);
    return number.has_value();
  };
  if (!read({what.text.substr(0, comma), what.at}, made.reading) ||
      !read({what.text.substr(comma + 1), what.at + comma + 1}, made.writing))
    return std::nullopt;
  if (made.reading < 0 && made.writing < 0)
    return complain(what.at, "neither is a descriptor", allowed);
  return endpoint_target{made};
}

std::optional<endpoint_target> endpoint_parser::unix_target(piece what) {
  auto plain = unescape(what);
  if (!plain) return std::nullopt;
  const bool is_abstract = plain->starts_with('@');
  unix_socket_target made;
  made.is_abstract = is_abstract;
  made.name = plain->substr(is_abstract ? 1 : 0);
  if (made.name.empty() || made.name.size() > max_unix_bytes)
    return complain(what.at, "this is no name of a socket",
                    "a path, or @ and an abstract name: 1 to 107 bytes");
  if (!made.is_abstract) {
    auto checked = channel_name::parse(made.name);
    if (!checked) return complain(what.at, "this is no name of a socket", checked.error().hint());
  }
  return endpoint_target{std::move(made)};
}

bool endpoint_parser::check_host(piece host, bool in_brackets) {
  const auto is_letter = [](char letter) {
    return is_digit(letter) || (letter >= 'a' && letter <= 'z') ||
           (letter >= 'A' && letter <= 'Z') || letter == '-' || letter == '.' || letter == '_';
  };
  const bool looks_numeric = std::all_of(host.text.begin(), host.text.end(), [](char letter) {
    return is_digit(letter) || letter == '.';
  });
  if (in_brackets ? !is_ipv6(host.text) : looks_numeric && !is_ipv4(host.text)) {
    complain(host.at, "this is no address of a host", "as 127.0.0.1, [::1] or localhost");
    return false;
  }
  for (std::size_t i = 0; !in_brackets && i < host.text.size(); ++i) {
    if (is_letter(host.text[i])) continue;
    complain(host.at + i, "a byte that no name of a host has",
             "letters, digits, dots and hyphens; an IPv6 address stands in brackets");
    return false;
  }
  if (host.text.size() > max_host_bytes) {
    complain(host.at + max_host_bytes, "the name of the host is too long", "253 bytes at most");
    return false;
  }
  return true;
}

std::optional<endpoint_target> endpoint_parser::inet_target(piece what) {
  const std::string allowed = "a host, a colon and a port, as 127.0.0.1:9000 or [::1]:9000";
  const bool in_brackets = what.text.starts_with('[');
  piece host{what.text, what.at};
  std::size_t colon = what.text.rfind(':');
  if (in_brackets) {
    const std::size_t close = what.text.find(']');
    if (close == what.text.npos)
      return complain(what.at + what.text.size(), "a bracket is missing", allowed);
    host = {what.text.substr(1, close - 1), what.at + 1};
    colon = close + 1;
    if (colon >= what.text.size() || what.text[colon] != ':')
      return complain(what.at + colon, "a colon is missing", allowed);
  } else {
    if (colon == what.text.npos)
      return complain(what.at + what.text.size(), "a colon is missing", allowed);
    host.text = what.text.substr(0, colon);
  }
  if (host.text.empty()) return complain(host.at, "a host is missing", allowed);
  if (!check_host(host, in_brackets)) return std::nullopt;
  const auto port = number_up_to(what.text.substr(colon + 1), 0xffff);
  if (!port) return complain(what.at + colon + 1, "this is no port", "a number from 0 to 65535");
  return endpoint_target{inet_socket_target{.host = std::string{host.text},
                                            .port = static_cast<std::uint16_t>(*port)}};
}

}  // namespace sluice
