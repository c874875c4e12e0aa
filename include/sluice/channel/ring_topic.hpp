#pragma once
// A ring in shared memory from publishers to subscribers: each message reaches every subscriber.
// Each publisher writes a log of its own; no subscriber writes a line that anybody else reads for
// each message. The ends are ring_publisher.hpp and ring_subscriber.hpp; the format is
// docs/ring-format.md.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <sluice/base/channel_traits.hpp>
#include <sluice/channel/ring_attachment.hpp>
#include <sluice/channel/ring_channel_options.hpp>
#include <sluice/channel/ring_memory.hpp>
#include <sluice/ring/subscriber.hpp>
#include <sluice/ring/topic.hpp>
#include <string_view>

namespace sluice {

inline constexpr channel_capabilities ring_topic_capabilities{
    .mechanism = "ring topic",
    .keeps_boundaries = true,
    .order = ordering::per_sender,
    .many_senders = true,
    .many_receivers = false,
    .broadcast = true,
    .pollable = true,
    .zero_copy = true,
    .survives_processes = true,
    .max_message_bytes = 0xffff'ffff,
};

/// What becomes of the oldest message when a publisher finds no room. With nobody subscribed, or
/// only subscribers that died, each of them makes room: messages age.
enum class ring_topic_policy : std::uint32_t {
  block,             ///< It stays until the slowest living subscriber has read it: others wait.
  fail,              ///< It stays; the publisher reports `no_buffer_space`, also from `send`.
  overwrite_oldest,  ///< It goes. Who had not read it counts it as lost.
};

struct ring_topic_options {
  /// Of each publisher's log: a power of two of at least a page. A message takes half of it at
  /// most.
  std::size_t capacity_bytes = std::size_t{1} << 20;
  std::uint32_t max_publishers = 4;
  std::uint32_t max_subscribers = 56;  ///< At most 64.
  ring_topic_policy when_full = ring_topic_policy::block;
  /// What subscribers are told when publishers go. Without a value: topics with a name await
  /// successors, those without report.
  std::optional<ring_departure> departure = {};
  ring_name_options name = {};
};

/// Of all publishers and subscribers that there ever were.
struct ring_topic_counters {
  std::uint64_t sent = 0;
  std::uint64_t received = 0;  ///< By each subscriber.
  std::uint64_t lost = 0;      ///< By subscribers whose messages were overwritten.
  std::uint64_t full = 0;      ///< Times that a publisher found no room.
};

/// A topic without a role: the memory, to which publishers and subscribers are attached.
///
/// *Semantics*: a plain name is a file of the runtime directory, `name`.ring; a path is taken as it
/// is. Without a name it is handed on as a descriptor. *Threads*: any, except moving. *Errors*:
/// those of `ring_memory`; `invalid_argument` for more than 64 subscribers; `errc::incompatible`
/// from `open_or_create` for other options. *Lifetime*: the last of all who have it open removes
/// the name, except after `persist`. *Crash*: name and messages stay for who comes next.
class ring_topic {
 public:
  [[nodiscard]] static result<ring_topic> create(std::string_view name,
                                                 const ring_topic_options& options = {});
  [[nodiscard]] static result<ring_topic> open(std::string_view name,
                                               const ring_name_options& options = {});
  [[nodiscard]] static result<ring_topic> open_or_create(std::string_view name,
                                                         const ring_topic_options& options = {});
  [[nodiscard]] static result<ring_topic> create_anonymous(const ring_topic_options& options = {});
  /// Memory that was handed to us.
  [[nodiscard]] static result<ring_topic> from_native(unique_fd fd);
  [[nodiscard]] static result<void> unlink(std::string_view name,
                                           const ring_name_options& options = {}) {
    return ring_memory::unlink(name, options);
  }

  [[nodiscard]] ring_memory& memory() noexcept { return memory_; }
  [[nodiscard]] const ring_memory& memory() const noexcept { return memory_; }
  [[nodiscard]] ring_topic_counters counters() const noexcept;
  [[nodiscard]] std::size_t max_message_bytes() const noexcept;
  /// How many have joined and not left. A death that nobody has noticed yet is not seen.
  [[nodiscard]] std::uint32_t subscribers() const noexcept;
  /// The name stays when the last one leaves, and what is in it.
  void persist() noexcept { memory_.persist(); }
  [[nodiscard]] int native_handle() const noexcept { return memory_.native_handle(); }

 private:
  friend class ring_publisher;
  friend class ring_subscriber;
  [[nodiscard]] static result<ring_memory> open_memory(std::string_view name,
                                                       const ring_name_options& options);
  explicit ring_topic(ring_memory memory) noexcept : memory_(std::move(memory)) {}
  ring_memory memory_;
};

}  // namespace sluice
