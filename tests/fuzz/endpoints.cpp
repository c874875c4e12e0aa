// Addresses as text: endpoints, names, sockets, hosts. What is accepted prints as an equal one, and
// a complaint points into the text.

#include <algorithm>
#include <sluice/base/name.hpp>
#include <sluice/compose/endpoint.hpp>
#include <sluice/os/inet_address.hpp>
#include <sluice/os/unix_address.hpp>

#include "fuzz/script.hpp"
#include "fuzz/target.hpp"
#include "fuzz/targets.hpp"

namespace sluice::test {
namespace {

bool is_control(char letter) noexcept {
  return static_cast<unsigned char>(letter) < 0x20 || letter == 0x7f;
}

void check_complaint(const endpoint_complaint& complaint, std::string_view text) {
  require(complaint.column >= 1 && complaint.column <= text.size() + 1, "a column is in the text");
  require(!complaint.what.empty() && !complaint.allowed.empty(), "a complaint says what is wrong");
  const std::string shown = complaint.explain(text);
  require(std::ranges::count(shown, '\n') == 2, "an explanation has three lines");
  require(std::ranges::none_of(shown, [](char one) { return one != '\n' && is_control(one); }),
          "an explanation is safe to print");
}

void check_changes(const endpoint& made) {
  // As an option of every form is set to what it has already.
  for (int one = 0; one <= static_cast<int>(endpoint_option::interface); ++one) {
    const auto option = static_cast<endpoint_option>(one);
    require(made.has(option) == (made.number(option) || made.text(option)),
            "an option has a value");
    if (const auto number = made.number(option))
      require(made.with(option, *number) == made, "an option set to its value changes nothing");
  }
  const bool is_named = std::holds_alternative<std::string>(made.target())
                            ? !std::get<std::string>(made.target()).empty()
                            : std::holds_alternative<unix_socket_target>(made.target());
  const auto renamed = made.with_name(made.target_text());
  require(renamed.has_value() == is_named, "what has a name can be renamed");
  require(!renamed || *renamed == made, "the same name is the same address");
}

void check_endpoint(std::string_view text) {
  endpoint_complaint complaint;
  const auto made = endpoint::parse(text, complaint);
  if (!made) return check_complaint(complaint, text);
  const std::string printed = made->text();
  const auto again = endpoint::parse(printed, complaint);
  require(again.has_value(), "what is printed is an address");
  require(*again == *made && again->text() == printed, "what is printed is the same address");
  check_changes(*made);
}

void check_name(std::string_view text) {
  const auto name = channel_name::parse(text);
  if (!name) return;
  require(name->text() == text && std::ranges::none_of(text, is_control), "a name is its text");
  require(!name->leaf().empty() && name->leaf() != "." && name->leaf() != "..",
          "a name leads to a file");
  require(name->leaf().find('/') == std::string_view::npos, "a leaf is in one directory");
  if (!name->is_path()) return require(name->leaf() == text, "a plain name is a leaf");
  const std::string leaf{name->leaf()};
  const std::string folder = name->directory();
  require(text == folder + "/" + leaf || (folder == "/" && text == "/" + leaf),
          "a path is its directory and its leaf");
}

void check_socket_addresses(std::string_view text) {
  if (const auto local = unix_address::parse(text)) {
    require(local->text() == text, "an address of a socket is its text");
    require(local->is_abstract() == text.starts_with('@'), "an abstract name has its mark");
    require(local->abstract_name().size() <= unix_address::max_abstract_bytes, "it fits");
  }
  if (const auto inet = inet_address::parse(text)) {
    const auto again = inet_address::parse(inet->to_string());
    require(again && *again == *inet, "what is printed is the same host");
    require(std::ranges::none_of(text, is_control), "no other bytes are passed over");
  }
}

}  // namespace
}  // namespace sluice::test

int sluice_fuzz_endpoints(const std::uint8_t* data, std::size_t size) {
  using namespace sluice::test;
  const nothing_left_behind checked;
  const std::string_view text = sluice::text_of(script{data, size}.rest());
  check_endpoint(text);
  check_name(text);
  check_socket_addresses(text);
  return 0;
}
