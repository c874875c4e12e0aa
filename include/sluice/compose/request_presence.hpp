#pragma once
// Proof of life between a client and its servers where their channels give none: queues of the
// kernel, mailboxes, FIFOs, datagrams. `request_client::open` makes it and `request_server::open`
// finds it by itself; whoever puts channels together (`over`) gives one to each side.

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <sluice/base/result.hpp>
#include <sluice/os/liveness.hpp>
#include <sluice/os/owned_name.hpp>
#include <sluice/os/runtime_directory.hpp>
#include <string_view>
#include <utility>

namespace sluice {

struct request_presence_options {
  mode_t mode = 0600;  ///< For `create`. Servers must be able to read and write the file.
  /// For `open`: the owner that is accepted; nothing: this process's user.
  std::optional<uid_t> owner = {};
  bool world_writable = false;  ///< For `open`: accept what everybody may lock in.
  runtime_directory_options directory = {};
};

/// One side's place in the file of a client.
///
/// *Semantics*: the client makes a file without content; each side holds a lock there on a number
/// of its own (os/liveness.hpp): the client on 0, a server on one that it draws at random and that
/// nobody else will ever have. Whoever is told a number asks the kernel whether its owner lives.
/// *Threads*: one at a time. *Errors*: `create`: `file_exists`; `open`:
/// `no_such_file_or_directory`, `permission_denied` where owner or mode are not as they should be;
/// asking: those of liveness, and then nothing is known. *Lifetime*: a number is free when the
/// object goes; the file's name goes with the client's. *Crash*: the number is free at that moment;
/// the name of a killed client stays until a server notices, or `list_lasting_objects` shows it.
class request_presence {
 public:
  static constexpr std::uint32_t number_of_client = 0;

  /// The client's, under a name or path (base/name.hpp) that its servers know.
  [[nodiscard]] static result<request_presence> create(
      std::string_view name, const request_presence_options& options = {});
  /// A server's.
  [[nodiscard]] static result<request_presence> open(std::string_view name,
                                                     const request_presence_options& options = {});
  /// Removes the name that a killed client left.
  [[nodiscard]] static result<void> unlink(std::string_view name,
                                           const request_presence_options& options = {});

  /// Ours, for others to ask after.
  [[nodiscard]] std::uint32_t number() const noexcept { return number_; }
  /// Whether another's owner lives. Once it does not, it never will.
  [[nodiscard]] result<bool> lives(std::uint32_t other) const {
    return life_.is_held_by_others(other);
  }
  /// Of the client, which no server need be told.
  [[nodiscard]] result<bool> client_lives() const { return lives(number_of_client); }

 private:
  request_presence(liveness life, std::optional<owned_name> name, std::uint32_t number) noexcept
      : life_(std::move(life)), name_(std::move(name)), number_(number) {}

  liveness life_;
  std::optional<owned_name> name_;  // the client's
  std::uint32_t number_;
};

}  // namespace sluice
