#include <algorithm>
#include <array>
#include <charconv>
#include <sluice/compose/endpoint.hpp>

#include "compose/endpoint_parser.hpp"
#include "compose/endpoint_rules.hpp"

namespace sluice {

namespace {

std::string escaped(std::string_view plain) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string all;
  for (const char letter : plain) {
    if (!endpoint_rules::needs_escape(letter)) {
      all += letter;
      continue;
    }
    const auto byte = static_cast<unsigned char>(letter);
    all.append({'%', digits[byte >> 4], digits[byte & 15]});
  }
  return all;
}

std::string in_base(std::uint64_t number, int base) {
  std::array<char, 24> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number, base);
  return {digits.data(), end.ptr};
}

std::string written(const option_rule& rule, std::uint64_t number) {
  switch (rule.form) {
    case value_form::word:
      return std::string{rule.words[number]};
    case value_form::flag:
      return number != 0 ? "on" : "off";
    case value_form::octal:
      return "0" + in_base(number, 8);
    case value_form::hexadecimal:
      return "0x" + in_base(number, 16);
    default:
      break;
  }
  for (const unit& one : endpoint_rules::units_of(rule.form)) {
    // Zero has the smallest unit, as nothing has a larger one.
    if ((number == 0 && one.factor != 1) || number % one.factor != 0) continue;
    return in_base(number / one.factor, 10).append(one.suffix);
  }
  return in_base(number, 10);
}

std::string written(const endpoint_target& target) {
  const auto descriptor = [](int number) {
    return number < 0 ? std::string{"-"} : std::to_string(number);
  };
  if (const auto* name = std::get_if<std::string>(&target)) return *name;
  if (const auto* process = std::get_if<process_address>(&target))
    return std::to_string(process->id);
  if (const auto* pipe = std::get_if<descriptor_address>(&target))
    return descriptor(pipe->reading) + "," + descriptor(pipe->writing);
  if (const auto* local = std::get_if<unix_socket_target>(&target))
    return (local->is_abstract ? "@" : "") + local->name;
  const auto& inet = std::get<inet_socket_target>(target);
  const bool is_ipv6 = inet.host.find(':') != inet.host.npos;
  return (is_ipv6 ? "[" + inet.host + "]" : inet.host) + ":" + std::to_string(inet.port);
}

}  // namespace

std::string endpoint_complaint::explain(std::string_view text) const {
  std::string shown;
  for (const char letter : text)
    shown += static_cast<unsigned char>(letter) < 0x20 || letter == 0x7f ? '?' : letter;
  return what + " at column " + std::to_string(column) + ": " + allowed + "\n  " + shown + "\n  " +
         std::string(column - std::min<std::size_t>(column, 1), ' ') + "^";
}

result<endpoint> endpoint::parse(std::string_view text) {
  endpoint_complaint complaint;
  return parse(text, complaint);
}

result<endpoint> endpoint::parse(std::string_view text, endpoint_complaint& complaint) {
  auto made = endpoint_parser{text, complaint}.parse();
  if (!made)
    return failure{std::errc::invalid_argument, "endpoint::parse",
                   "parse(text, complaint) tells which character is wrong and what is allowed"};
  return std::move(*made);
}

std::string_view endpoint::scheme() const noexcept { return endpoint_rules::scheme_of(kind_).name; }

std::string endpoint::target_text() const { return written(target_); }

bool endpoint::has(endpoint_option option) const noexcept {
  return std::any_of(settings_.begin(), settings_.end(),
                     [&](const setting& one) { return one.option == option; });
}

std::optional<std::uint64_t> endpoint::number(endpoint_option option) const noexcept {
  for (const setting& one : settings_) {
    if (one.option != option) continue;
    if (const auto* number = std::get_if<std::uint64_t>(&one.value)) return *number;
  }
  return std::nullopt;
}

std::optional<std::string_view> endpoint::text(endpoint_option option) const noexcept {
  for (const setting& one : settings_) {
    if (one.option != option) continue;
    if (const auto* text = std::get_if<std::string>(&one.value)) return *text;
  }
  return std::nullopt;
}

result<endpoint> endpoint::with_name(std::string_view name) const {
  endpoint renamed = *this;
  if (auto* socket = std::get_if<unix_socket_target>(&renamed.target_)) {
    socket->is_abstract = name.starts_with('@');
    socket->name = name.substr(socket->is_abstract ? 1 : 0);
    return parse(renamed.text());
  }
  auto* target = std::get_if<std::string>(&renamed.target_);
  if (target == nullptr || target->empty())
    return failure{std::errc::invalid_argument, "endpoint::with_name",
                   "this kind of channel has no name"};
  *target = name;
  return parse(renamed.text());
}

endpoint endpoint::with(endpoint_option option, std::uint64_t number) const {
  endpoint changed = *this;
  std::erase_if(changed.settings_, [&](const setting& one) { return one.option == option; });
  std::string said = changed.text() + (changed.settings_.empty() ? "?" : "&");
  for (const option_rule& rule : endpoint_rules::scheme_of(kind_).options) {
    const bool is_number = rule.form != value_form::text && number <= rule.most;
    if (rule.option != option || !is_number) continue;
    auto made = parse(said.append(rule.name).append("=").append(written(rule, number)));
    if (made) return std::move(*made);
  }
  return *this;
}

std::string endpoint::text() const {
  const scheme_rule& scheme = endpoint_rules::scheme_of(kind_);
  std::string all = std::string{scheme.name} + ":" + escaped(written(target_));
  char separator = '?';
  for (const option_rule& rule : scheme.options) {
    for (const setting& one : settings_) {
      if (one.option != rule.option) continue;
      all.append({separator}).append(rule.name).append("=");
      const auto* number = std::get_if<std::uint64_t>(&one.value);
      all += number != nullptr ? written(rule, *number) : escaped(std::get<std::string>(one.value));
      separator = '&';
    }
  }
  return all;
}

}  // namespace sluice
