#pragma once
// The side that asks (request_reply.hpp).

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <sluice/base/bytes.hpp>
#include <sluice/base/deadline.hpp>
#include <sluice/base/result.hpp>
#include <sluice/compose/any_channel.hpp>
#include <sluice/compose/request_presence.hpp>
#include <sluice/compose/request_reply.hpp>
#include <vector>

namespace sluice {

struct request_client_options {
  std::size_t max_outstanding = 64;  ///< 1 to 65535.
  /// A longer reply is dropped, and its request fails with `message_size`.
  std::size_t max_reply_bytes = std::size_t{1} << 20;
  /// While somebody waits, servers that have requests of ours are looked after so often.
  std::chrono::nanoseconds longest_sleep = std::chrono::milliseconds{50};
};

/// The channels of a client.
struct request_client_ends {
  any_sender requests;
  any_receiver replies;
  std::optional<any_sender> cancels = {};  ///< Without it they go with the requests.
  /// Made by us, where the channel of replies does not tell of a server's death by itself.
  std::optional<request_presence> presence = {};
};

/// What became of a request.
struct request_outcome {
  request_id id = 0;
  result<reply> what;
};

/// Asks, and gets each answer once.
///
/// *Semantics*: up to `max_outstanding` requests at once, each with its deadline; replies in any
/// order. A request ends in one of: its reply, which may be the server's error; `timed_out` at its
/// deadline; `errc::closed` when the server that has it died or left, at once: the end of a channel
/// wakes us, and where several servers share channels their locks are looked at every
/// `longest_sleep`; or by `cancel`. A request that nobody has taken waits for the next server, for
/// ever if none comes and it has no deadline. What comes after the end is dropped and counted.
/// Nothing happens in the background: replies are read, deadlines kept and servers looked after
/// inside the calls. *Threads*: one at a
/// time. *Errors*: `send`: would_block when so many are outstanding, `message_size`, `errc::closed`
/// when the channel of requests ended; `invalid_argument` for a request that is not outstanding.
/// Memory is bounded by `max_outstanding` times `max_reply_bytes` and one message of the channel.
/// *Lifetime*: requests that are outstanding when it goes are cancelled. *Crash*: its requests may
/// still be done; their replies go nowhere.
class request_client {
 public:
  /// Over channels that are open. Replies on a topic need each client's number to be another: it is
  /// drawn at random.
  [[nodiscard]] static result<request_client> over(request_client_ends ends,
                                                   const request_client_options& options = {});
  /// Opens the channels of a service, and makes the one for its own replies.
  [[nodiscard]] static result<request_client> open(const request_service& service,
                                                   const request_client_options& options = {},
                                                   deadline until = deadline::never());

  request_client(request_client&&) noexcept = default;
  request_client& operator=(request_client&& other) noexcept;
  ~request_client() { give_up(); }

  /// Asks; waits for room until the deadline, which is that of the answer, too.
  [[nodiscard]] result<request_id> send(const_bytes body, deadline answered_by = deadline::never());
  /// Waits for what becomes of a request, which is told once. `timed_out` also when `until` passes
  /// and the request goes on (`is_outstanding`).
  [[nodiscard]] result<reply> wait(request_id id, deadline until = deadline::never());
  /// Of any request, the one that ended first; `no_message_available` when none is outstanding.
  [[nodiscard]] result<request_outcome> wait_any(deadline until = deadline::never());
  /// Asks and waits.
  [[nodiscard]] result<reply> call(const_bytes body, deadline answered_by = deadline::never());
  /// The answer is not wanted any more: nothing more will be told of it. The server's handler sees
  /// that; would_block when there was no room to tell it.
  [[nodiscard]] result<void> cancel(request_id id);

  /// Not told yet.
  [[nodiscard]] bool is_outstanding(request_id id) const noexcept;
  [[nodiscard]] std::size_t outstanding() const noexcept { return outstanding_; }
  /// Whether a server has said that it has the request.
  [[nodiscard]] bool is_taken(request_id id) const noexcept;
  [[nodiscard]] std::uint64_t number() const noexcept { return number_; }
  [[nodiscard]] const request_client_statistics& statistics() const noexcept { return statistics_; }
  [[nodiscard]] request_client_ends& channels() noexcept { return ends_; }

 private:
  struct slot {
    request_id id = 0;        // 0: free
    std::uint64_t ended = 0;  // the how manyth to end; 0: not yet
    deadline until = deadline::never();
    bool is_taken = false;
    std::optional<ring_participant> holder = {};
    std::optional<result<reply>> what = {};
  };
  request_client(request_client_ends ends, const request_client_options& options,
                 std::uint64_t number);

  [[nodiscard]] slot* find(request_id id) noexcept;
  [[nodiscard]] const slot* find(request_id id) const noexcept;
  [[nodiscard]] slot* first_ended() noexcept;
  [[nodiscard]] result<void> send_frame(const_bytes frame, deadline until);
  void end(slot& one, result<reply> what);
  void end_all(const failure& why);
  void free(slot& one) noexcept;
  void give_up() noexcept;
  bool say_cancelled(request_id id);

  // One round of everything that there is to do, and a sleep until there may be more.
  void step();
  [[nodiscard]] result<void> sleep(deadline until);
  [[nodiscard]] bool read_replies(std::size_t most);
  void take_in(const_bytes message);
  void expire();
  void look_after_servers();
  [[nodiscard]] result<ring_presence> look_at(const ring_participant& server);

  static constexpr std::size_t replies_at_once = 256;

  // The duty to remove the name of our replies, where the channel leaves it to the last.
  std::shared_ptr<void> reply_name_ = {};
  request_client_ends ends_;
  request_client_options options_;
  std::uint64_t number_;
  std::uint64_t serial_ = 0;
  std::uint64_t ended_ = 0;
  std::size_t outstanding_ = 0;
  std::vector<slot> slots_;
  std::vector<std::byte> frame_;  // reused
  std::vector<std::byte> room_;
  bool proves_life_ = true;  // until the channel says that it does not
  deadline::clock::time_point next_look_ = {};
  request_client_statistics statistics_ = {};
};

}  // namespace sluice
