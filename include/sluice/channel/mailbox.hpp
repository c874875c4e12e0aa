#pragma once
// The textbook's bounded buffer: slots in shared memory, a mutex around them, and two semaphores on
// which those sleep who find it full or empty (Dijkstra 1965; Tanenbaum, "Modern Operating
// Systems", the producer-consumer problem). What is not the textbook's: nobody's death harms it.

#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <sluice/base/channel_traits.hpp>
#include <sluice/base/concepts.hpp>
#include <sluice/channel/blocking.hpp>
#include <sluice/os/runtime_directory.hpp>
#include <sluice/primitive/posix_semaphore.hpp>
#include <sluice/primitive/shared_memory.hpp>
#include <string_view>

namespace sluice {

inline constexpr channel_capabilities mailbox_capabilities{
    .mechanism = "mailbox",
    .keeps_boundaries = true,
    .order = ordering::total,
    .many_senders = true,
    .many_receivers = true,
    .pollable = false,
    .survives_processes = true,
    .max_message_bytes = std::size_t{64} << 20,
};

struct mailbox_create_options {
  std::size_t capacity_messages = 64;    ///< More than 0.
  std::size_t max_message_bytes = 4096;  ///< More than 0; each slot has room for so many.
  mode_t mode = 0600;                    ///< Exact: the umask does not change it.
  runtime_directory_options directory = {};
};

struct mailbox_open_options {
  /// Whose mailbox it may be; without a value ours only.
  std::optional<uid_t> owner = {};
  runtime_directory_options directory = {};
};

struct mailbox_layout;  // what lies in the memory: src/channel/mailbox_layout.hpp

/// The memory of a mailbox, mapped and checked; what its senders and receivers are made of.
///
/// *Semantics*: a value that can only be moved. *Threads*: any. *Errors*: `errc::incompatible` for
/// memory that is no mailbox of this version, `errc::corrupt` for one whose geometry cannot be.
/// *Lifetime*: the mapping. *Crash*: leaves nothing.
class mailbox_memory {
 public:
  [[nodiscard]] static result<mailbox_memory> check(shared_memory memory);

  [[nodiscard]] mailbox_layout& layout() const noexcept { return *layout_; }
  [[nodiscard]] std::size_t capacity_messages() const noexcept { return capacity_messages_; }
  [[nodiscard]] std::size_t max_message_bytes() const noexcept { return max_message_bytes_; }
  [[nodiscard]] mutable_bytes slot(std::size_t index) const noexcept;
  [[nodiscard]] posix_semaphore& arrived() noexcept { return arrived_; }
  [[nodiscard]] posix_semaphore& freed() noexcept { return freed_; }
  [[nodiscard]] shared_memory& memory() noexcept { return memory_; }
  [[nodiscard]] const shared_memory& memory() const noexcept { return memory_; }

 private:
  mailbox_memory(shared_memory memory, posix_semaphore arrived, posix_semaphore freed) noexcept;

  shared_memory memory_;
  mailbox_layout* layout_;
  // Read once: what the memory says later is not asked.
  std::size_t capacity_messages_;
  std::size_t max_message_bytes_;
  posix_semaphore arrived_;
  posix_semaphore freed_;
};

/// Sends messages into a mailbox.
///
/// *Semantics*: a bounded first-in first-out queue over all senders. *Threads*: one thread at a
/// time per object; as many objects, in as many processes, as you like. *Errors*: `message_size`
/// above the maximum; would_block when it is full or somebody is just using it; `errc::corrupt`
/// when what lies in the memory cannot be. Nobody is told that no receiver is left: others may come
/// later. *Lifetime*: independent of the `mailbox` and its name. *Crash*: killed at any instruction
/// a sender has sent its message whole or not at all, and holds nobody up for longer than 50 ms. A
/// sender that is stopped while it uses the mailbox holds up all: deadlines hold.
class mailbox_sender {
 public:
  static constexpr channel_capabilities capabilities = mailbox_capabilities;

  [[nodiscard]] static result<mailbox_sender> open(std::string_view name,
                                                   const mailbox_open_options& options = {});

  [[nodiscard]] result<void> try_send(const_bytes message);
  [[nodiscard]] result<void> wait_writable(deadline until);

  [[nodiscard]] result<void> send(const_bytes message, deadline until = deadline::never()) {
    return sluice::send(*this, message, until);
  }
  [[nodiscard]] std::size_t max_message_bytes() const noexcept {
    return memory_.max_message_bytes();
  }

 private:
  explicit mailbox_sender(mailbox_memory memory) noexcept : memory_(std::move(memory)) {}
  mailbox_memory memory_;
};

/// Receives messages from a mailbox.
///
/// *Semantics*: each message goes to one receiver. *Threads*, *Lifetime*: as `mailbox_sender`.
/// *Errors*: would_block when it is empty or somebody is just using it; `no_buffer_space` leaves
/// the message; `errc::corrupt` as above. There is no end: others may send later. *Crash*: a
/// receiver that is killed has taken its message or left it whole.
class mailbox_receiver {
 public:
  static constexpr channel_capabilities capabilities = mailbox_capabilities;

  [[nodiscard]] static result<mailbox_receiver> open(std::string_view name,
                                                     const mailbox_open_options& options = {});

  [[nodiscard]] result<std::size_t> try_receive(mutable_bytes buffer);
  [[nodiscard]] result<void> wait_readable(deadline until);

  [[nodiscard]] result<std::size_t> receive(mutable_bytes buffer,
                                            deadline until = deadline::never()) {
    return sluice::receive(*this, buffer, until);
  }
  [[nodiscard]] result<std::size_t> next_size();

 private:
  explicit mailbox_receiver(mailbox_memory memory) noexcept : memory_(std::move(memory)) {}
  mailbox_memory memory_;
};

/// A mailbox, and where we made it the duty to remove its name.
///
/// *Semantics*: a plain name is a file of the runtime directory, `name`.mailbox.shm; a path is
/// taken as it is. The name appears when the mailbox is complete. `open_or_create` takes over what
/// was left behind, messages included, if its geometry is the one wanted. *Threads*: any, except
/// moving and removing. *Errors*: those of `shared_memory`; `invalid_argument` for a capacity or
/// size of 0 or beyond what can be addressed. *Lifetime*: whoever created the name removes it at
/// the end, except after `persist`; who has the mailbox open goes on. *Crash*: name and messages
/// stay.
class mailbox {
 public:
  [[nodiscard]] static result<mailbox> create(std::string_view name,
                                              const mailbox_create_options& options = {});
  [[nodiscard]] static result<mailbox> open_or_create(std::string_view name,
                                                      const mailbox_create_options& options = {});
  /// Removes a name, whoever made it; `no_such_file_or_directory` if there is none.
  [[nodiscard]] static result<void> unlink(std::string_view name,
                                           const mailbox_open_options& options = {});

  /// How many messages are in it; by the time it is known it may be another number.
  [[nodiscard]] std::size_t messages() const noexcept;
  [[nodiscard]] std::size_t capacity_messages() const noexcept {
    return memory_.capacity_messages();
  }
  [[nodiscard]] std::size_t max_message_bytes() const noexcept {
    return memory_.max_message_bytes();
  }

  /// Removes the name now; `errc::removed` if it leads elsewhere by now.
  [[nodiscard]] result<void> unlink() { return memory_.memory().unlink(); }
  /// It stays after us.
  void persist() { memory_.memory().persist(); }

 private:
  explicit mailbox(mailbox_memory memory) noexcept : memory_(std::move(memory)) {}
  mailbox_memory memory_;
};

static_assert(message_sender<mailbox_sender> && message_receiver<mailbox_receiver>);

}  // namespace sluice
