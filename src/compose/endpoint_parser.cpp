#include "compose/endpoint_parser.hpp"

#include <algorithm>
#include <utility>

namespace sluice {

namespace {

std::string quoted(std::string_view text) {
  // A complaint is for a terminal: no control characters from elsewhere, and not a page of them.
  std::string all{"\""};
  for (const char letter : text.substr(0, 40))
    all += static_cast<unsigned char>(letter) < 0x20 || letter == 0x7f ? '?' : letter;
  return all.append(text.size() > 40 ? "...\"" : "\"");
}

std::string list_of(const auto& rules) {
  std::string all;
  for (const auto& rule : rules) all.append(all.empty() ? "" : ", ").append(rule.name);
  return all;
}

int digit_of(char letter) noexcept {
  if (letter >= '0' && letter <= '9') return letter - '0';
  if (letter >= 'a' && letter <= 'f') return letter - 'a' + 10;
  if (letter >= 'A' && letter <= 'F') return letter - 'A' + 10;
  return 99;
}

}  // namespace

std::nullopt_t endpoint_parser::complain(std::size_t at, std::string what, std::string allowed) {
  complaint_ = {.column = at + 1, .what = std::move(what), .allowed = std::move(allowed)};
  return std::nullopt;
}

std::optional<endpoint> endpoint_parser::parse() {
  const auto schemes = endpoint_rules::schemes();
  if (text_.size() > endpoint::max_text_bytes)
    return complain(endpoint::max_text_bytes, "the address is too long", "8192 bytes at most");
  const std::size_t colon = text_.find(':');
  const std::string_view name = text_.substr(0, colon);
  const auto scheme = std::find_if(schemes.begin(), schemes.end(),
                                   [&](const scheme_rule& one) { return one.name == name; });
  if (scheme == schemes.end())
    return complain(0, "unknown kind of channel " + quoted(name),
                    "an address begins with one of " + list_of(schemes) + " and a colon");
  if (colon == text_.npos)
    return complain(text_.size(), "a colon is missing",
                    "behind " + std::string{name} + " comes a colon, then what it is called");

  const std::size_t mark = std::min(text_.find('?', colon), text_.size());
  const piece called{text_.substr(colon + 1, mark - colon - 1), colon + 1};
  // The options first: whether the target may be empty hangs on them. Complaints come in the order
  // of the text all the same.
  endpoint_complaint of_options;
  bool has_options = true;
  if (mark != text_.size()) {
    has_options = options(*scheme, {text_.substr(mark + 1), mark + 1});
    of_options = std::exchange(complaint_, {});
  }
  auto made = target(*scheme, called);
  if (!made) return std::nullopt;
  if (!has_options) {
    complaint_ = std::move(of_options);
    return std::nullopt;
  }
  if (!check_together(*scheme, *made, called.at)) return std::nullopt;

  const auto place_of = [&](const endpoint::setting& one) {
    return std::find_if(scheme->options.begin(), scheme->options.end(),
                        [&](const option_rule& rule) { return rule.option == one.option; });
  };
  std::sort(settings_.begin(), settings_.end(),
            [&](const auto& a, const auto& b) { return place_of(a) < place_of(b); });
  endpoint all{scheme->kind, std::move(*made), std::move(settings_)};
  // What it prints has to be an address, too. Some numbers are longer there: 7 as 07, 0s as 0ns.
  if (all.text().size() > endpoint::max_text_bytes)
    return complain(text_.size(), "the address is too long as it is printed",
                    "8192 bytes at most, with numbers as 0600, 0x5a11 and 0ns");
  return all;
}

// %XX is a byte; what must be written so may not stand there as it is.
std::optional<std::string> endpoint_parser::unescape(piece what) {
  std::string plain;
  for (std::size_t i = 0; i < what.text.size(); ++i) {
    const char letter = what.text[i];
    if (letter != '%') {
      if (endpoint_rules::needs_escape(letter))
        return complain(what.at + i, "a byte that must be escaped",
                        "?, &, %, blanks and control characters are written as %3F");
      plain += letter;
      continue;
    }
    const int high = i + 1 < what.text.size() ? digit_of(what.text[i + 1]) : 99;
    const int low = i + 2 < what.text.size() ? digit_of(what.text[i + 2]) : 99;
    if (high > 15 || low > 15)
      return complain(what.at + i, "a % without two hexadecimal digits", "% itself is %25");
    if (high == 0 && low == 0)
      return complain(what.at + i, "a zero byte", "names and texts have none");
    plain += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return plain;
}

bool endpoint_parser::options(const scheme_rule& scheme, piece what) {
  for (;;) {
    const std::size_t end = std::min(what.text.find('&'), what.text.size());
    if (!option(scheme, {what.text.substr(0, end), what.at})) return false;
    if (end == what.text.size()) return true;
    what = {what.text.substr(end + 1), what.at + end + 1};
  }
}

bool endpoint_parser::option(const scheme_rule& scheme, piece what) {
  const std::size_t equals = what.text.find('=');
  const std::string_view name = what.text.substr(0, equals);
  const auto rule = std::find_if(scheme.options.begin(), scheme.options.end(),
                                 [&](const option_rule& one) { return one.name == name; });
  if (rule == scheme.options.end()) {
    complain(what.at, name.empty() ? "an option is missing" : "unknown option " + quoted(name),
             std::string{scheme.name} + " takes " + list_of(scheme.options));
    return false;
  }
  if (equals == what.text.npos) {
    complain(what.at + what.text.size(), "a value is missing",
             endpoint_rules::description_of(*rule));
    return false;
  }
  for (std::size_t i = 0; i < settings_.size(); ++i) {
    if (settings_[i].option != rule->option) continue;
    complain(what.at, "option " + quoted(name) + " for the second time",
             "the first one is at column " + std::to_string(places_[i] + 1));
    return false;
  }
  auto made = value_of(*rule, {what.text.substr(equals + 1), what.at + equals + 1});
  if (!made) return false;
  settings_.push_back({rule->option, std::move(*made)});
  places_.push_back(what.at);
  return true;
}

std::optional<endpoint_parser::value> endpoint_parser::value_of(const option_rule& rule,
                                                                piece what) {
  const std::string allowed = endpoint_rules::description_of(rule);
  if (what.text.empty()) return complain(what.at, "a value is missing", allowed);
  if (rule.form == value_form::text) {
    auto plain = unescape(what);
    if (!plain) return std::nullopt;
    return value{std::move(*plain)};
  }
  if (rule.form == value_form::flag) {
    if (what.text == "on" || what.text == "off") return value{std::uint64_t{what.text == "on"}};
    return complain(what.at, quoted(what.text) + " is neither on nor off", allowed);
  }
  if (rule.form == value_form::word) {
    const auto found = std::find(rule.words.begin(), rule.words.end(), what.text);
    if (found == rule.words.end())
      return complain(what.at, "unknown value " + quoted(what.text), allowed);
    return value{static_cast<std::uint64_t>(found - rule.words.begin())};
  }
  auto number = number_of(rule, what);
  if (!number) return std::nullopt;
  return value{*number};
}

std::optional<std::uint64_t> endpoint_parser::number_of(const option_rule& rule, piece what) {
  const std::string allowed = endpoint_rules::description_of(rule);
  std::string_view rest = what.text;
  int base = rule.form == value_form::octal ? 8 : 10;
  if (rule.form == value_form::hexadecimal && rest.starts_with("0x")) {
    base = 16;
    rest.remove_prefix(2);
  }
  std::uint64_t number = 0;
  std::size_t digits = 0;
  bool fits = true;
  for (; digits < rest.size() && digit_of(rest[digits]) < base; ++digits) {
    const auto digit = static_cast<std::uint64_t>(digit_of(rest[digits]));
    fits = fits && !__builtin_mul_overflow(number, static_cast<std::uint64_t>(base), &number) &&
           !__builtin_add_overflow(number, digit, &number);
  }
  const std::size_t behind = what.at + (what.text.size() - rest.size()) + digits;
  if (digits == 0) return complain(behind, quoted(what.text) + " is no number", allowed);

  const auto units = endpoint_rules::units_of(rule.form);
  const std::string_view suffix = rest.substr(digits);
  const auto found = std::find_if(units.begin(), units.end(),
                                  [&](const unit& one) { return one.suffix == suffix; });
  if (found == units.end())
    return complain(behind,
                    suffix.empty() ? "a unit is missing" : quoted(suffix) + " is no unit here",
                    allowed);
  fits = fits && !__builtin_mul_overflow(number, found->factor, &number);
  if (!fits || number > rule.most)
    return complain(what.at, quoted(what.text) + " is too large", allowed);
  if (number < rule.least) return complain(what.at, quoted(what.text) + " is too small", allowed);
  return number;
}

// What each by itself may say, but not with the others.
bool endpoint_parser::check_together(const scheme_rule& scheme, const endpoint_target& made,
                                     std::size_t target_at) {
  if (scheme.target != target_form::name_or_number) return true;
  using enum endpoint_option;
  const auto place_of = [&](endpoint_option wanted) -> std::optional<std::size_t> {
    for (std::size_t i = 0; i < settings_.size(); ++i)
      if (settings_[i].option == wanted) return places_[i];
    return std::nullopt;
  };
  // At most one of each group; the name is one of the first.
  std::optional<std::size_t> named;
  if (!std::get<std::string>(made).empty()) named = target_at;
  for (const endpoint_option number : {key, id}) {
    const auto place = place_of(number);
    if (!place) continue;
    if (named) {
      complain(*place, "a second way to say which queue", "a name, or key, or id");
      return false;
    }
    named = place;
  }
  if (!named) {
    complain(target_at, "no queue is named", "a name, or key=0x5a11, or id=32769");
    return false;
  }
  if (const auto place = place_of(project); place && (place_of(key) || place_of(id))) {
    complain(*place, "project without a file", "sysv:/path?project=65 is the key of ftok(3)");
    return false;
  }
  std::optional<std::size_t> selected;
  for (const endpoint_option selection : {type, up_to, except}) {
    const auto place = place_of(selection);
    if (place && selected) {
      complain(std::max(*place, *selected), "a second selection", "type, or up_to, or except");
      return false;
    }
    if (place) selected = place;
  }
  return true;
}

}  // namespace sluice
