#pragma once
// Addresses of channels as text, for command lines and configuration:
//
//     ring:ticks?capacity=1M             queue:work?take=1&create=no topic:prices?policy=overwrite
//     fifo:/run/log.fifo?mode=0620       sysv:/etc/app?project=65&type=3     mq:/name?priority=2
//     mailbox:orders?messages=100        signal:4711?pair=2                  pipe:3,4
//     unix:/run/app.sock   unix:@app     tcp:127.0.0.1:9000  tcp:[::1]:80    udp:localhost:9000
//
// A scheme, a colon, what it is called, and options: `key=value`, joined by `&` behind a `?`. Sizes
// take K, M and G (of 1024), durations ns, us, ms and s, modes are octal. In names and texts `%3F`
// is the byte 0x3f; `?`, `&`, `%`, blanks and control characters must be written so. The options of
// each scheme are those of its class; docs/endpoints.md lists them. any_channel.hpp opens them.

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <sluice/base/result.hpp>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace sluice {

/// In the order of the schemes: what a channel is. `endpoint::scheme` tells how it is written.
enum class endpoint_kind : std::uint8_t {
  ring,
  queue,
  topic,
  fifo,
  sysv,
  mq,
  mailbox,
  signal,
  pipe,
  unix_socket,
  tcp,
  udp,
};

/// What `create=` says. Without it: `yes`.
enum class endpoint_creation : std::uint8_t {
  no,    ///< It exists already, or opening fails.
  yes,   ///< Whoever comes first makes it.
  only,  ///< It is made now, or opening fails because it exists.
};

/// Everything that can be set in an address; the members of the channels' options.
enum class endpoint_option : std::uint8_t {
  create,
  persist,
  mode,
  owner,
  world_writable,
  directory,
  capacity,
  messages,
  max_message,
  full,
  policy,
  departure,
  delivery,
  senders,
  receivers,
  take,
  join,
  spin,
  sleep,
  unfinished,
  stay_open,
  project,
  key,
  id,
  type,
  up_to,
  except,
  priority,
  pair,
  socket,
  nodelay,
  interface,
};

/// A process, for signals.
struct process_address {
  int id = 0;
  friend bool operator==(const process_address&, const process_address&) = default;
};
/// Descriptors that this process has; -1: none.
struct descriptor_address {
  int reading = -1;
  int writing = -1;
  friend bool operator==(const descriptor_address&, const descriptor_address&) = default;
};
/// A Unix socket: a plain name or path, or without the leading `@` an abstract name.
struct unix_socket_target {
  std::string name;
  bool is_abstract = false;
  friend bool operator==(const unix_socket_target&, const unix_socket_target&) = default;
};
/// A host as a name, as an IPv4 address or, without its brackets, as an IPv6 address.
struct inet_socket_target {
  std::string host;
  std::uint16_t port = 0;
  friend bool operator==(const inet_socket_target&, const inet_socket_target&) = default;
};
/// A text is a channel's name (base/name.hpp, mq_open(3)); empty where an option names it.
using endpoint_target = std::variant<std::string, process_address, descriptor_address,
                                     unix_socket_target, inet_socket_target>;

/// Where a text is no address, why, and what could stand there.
struct endpoint_complaint {
  std::size_t column = 0;  ///< In bytes, from 1; one more than the text has when it ends too early.
  std::string what;        ///< "unknown option \"capacty\""
  std::string allowed;     ///< "ring takes create, persist, mode, ..."

  /// Three lines: both of these, the text, and a mark below the character.
  [[nodiscard]] std::string explain(std::string_view text) const;
};

/// A parsed address.
///
/// *Semantics*: a value: what kind of channel, what it is called, and the options that were given;
/// that it parses does not say that it exists. `text` gives an address that parses to an equal one;
/// options stand in one order there, numbers with the largest unit that divides them. *Threads*: a
/// value. *Errors*: only `parse` fails: `invalid_argument`, with the place in the complaint.
/// *Lifetime*: owns its texts. *Crash*: leaves nothing.
class endpoint {
 public:
  static constexpr std::size_t max_text_bytes = 8192;

  [[nodiscard]] static result<endpoint> parse(std::string_view text);
  /// The same; after a failure `complaint` tells more than an error can.
  [[nodiscard]] static result<endpoint> parse(std::string_view text, endpoint_complaint& complaint);

  [[nodiscard]] endpoint_kind kind() const noexcept { return kind_; }
  /// As it is written: "ring".
  [[nodiscard]] std::string_view scheme() const noexcept;
  [[nodiscard]] const endpoint_target& target() const noexcept { return target_; }
  /// The target as it is written, unescaped: "ticks", "3,4", "[::1]:9000".
  [[nodiscard]] std::string target_text() const;

  [[nodiscard]] bool has(endpoint_option option) const noexcept;
  /// Of bytes, nanoseconds, a count; of a choice its place among the choices; of on and off 1 and
  /// 0.
  [[nodiscard]] std::optional<std::uint64_t> number(endpoint_option option) const noexcept;
  [[nodiscard]] std::optional<std::string_view> text(endpoint_option option) const noexcept;

  [[nodiscard]] std::string text() const;

  /// The same with another name (of a Unix socket `@` and an abstract one, too), of kinds that have
  /// one; `invalid_argument` as from `parse`.
  [[nodiscard]] result<endpoint> with_name(std::string_view name) const;
  /// The same with an option set; unchanged where the scheme has no such option of numbers.
  [[nodiscard]] endpoint with(endpoint_option option, std::uint64_t number) const;

  friend bool operator==(const endpoint&, const endpoint&) = default;

 private:
  friend class endpoint_parser;
  struct setting {
    endpoint_option option;
    std::variant<std::uint64_t, std::string> value;
    friend bool operator==(const setting&, const setting&) = default;
  };
  endpoint(endpoint_kind kind, endpoint_target target, std::vector<setting> settings)
      : kind_(kind), target_(std::move(target)), settings_(std::move(settings)) {}

  endpoint_kind kind_;
  endpoint_target target_;
  std::vector<setting> settings_;  // in the order of the scheme's options
};

}  // namespace sluice
