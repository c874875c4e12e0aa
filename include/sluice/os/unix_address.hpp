#pragma once
// Where a Unix socket is found: under a name in the runtime directory, under a path, or under an
// abstract name, which is in no directory, of which there is one for each type of socket, and which
// goes with its socket.

#include <cstddef>
#include <optional>
#include <sluice/base/name.hpp>
#include <sluice/base/result.hpp>
#include <string>
#include <string_view>

namespace sluice {

/// A checked address. *Threads*: a value. *Errors*: only `parse` fails.
class unix_address {
 public:
  /// Bytes of an abstract name.
  static constexpr std::size_t max_abstract_bytes = 107;

  /// "chat" is chat.sock in the runtime directory, "/tmp/chat.sock" a path (see base/name.hpp), and
  /// "@chat" the abstract name "chat". `invalid_argument` or `filename_too_long`, with the reason.
  [[nodiscard]] static result<unix_address> parse(std::string_view text);

  [[nodiscard]] bool is_abstract() const noexcept { return !name_; }
  /// As it was parsed.
  [[nodiscard]] const std::string& text() const noexcept { return text_; }
  /// Without the mark; empty where it is not abstract.
  [[nodiscard]] std::string_view abstract_name() const noexcept {
    return is_abstract() ? std::string_view{text_}.substr(1) : std::string_view{};
  }
  /// The name or path; nothing where it is abstract.
  [[nodiscard]] const std::optional<channel_name>& name() const noexcept { return name_; }

  friend bool operator==(const unix_address&, const unix_address&) = default;

 private:
  unix_address(std::string text, std::optional<channel_name> name)
      : text_(std::move(text)), name_(std::move(name)) {}
  std::string text_;
  std::optional<channel_name> name_;
};

}  // namespace sluice
