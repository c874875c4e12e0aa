#pragma once
// The side that answers (request_reply.hpp).

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <sluice/base/bytes.hpp>
#include <sluice/base/deadline.hpp>
#include <sluice/base/result.hpp>
#include <sluice/compose/any_channel.hpp>
#include <sluice/compose/request_presence.hpp>
#include <sluice/compose/request_reply.hpp>
#include <utility>
#include <vector>

namespace sluice {

struct request_server_options {
  request_custody custody = request_custody::acknowledged;
  /// Requests that are taken and not answered, or were read while looking for cancels.
  std::size_t max_taken = 64;
  /// A longer request is answered with `message_size`.
  std::size_t max_request_bytes = std::size_t{1} << 20;
  /// Reply channels of clients that are held open; at least `max_taken`.
  std::size_t max_clients = 64;
  /// So long a client that takes no replies is waited for. Then its reply is dropped.
  std::chrono::nanoseconds reply_patience = std::chrono::seconds{1};
};

/// The channels of a server whose clients all get their replies by one of them.
struct request_server_ends {
  any_receiver requests;
  any_sender replies;
  std::optional<any_receiver> cancels = {};  ///< Without it they come with the requests.
  /// In the client's file, where the channel of replies does not tell of our death by itself.
  std::optional<request_presence> presence = {};
};

/// A request that was taken. Owns its bytes.
struct incoming_request {
  std::uint64_t client = 0;
  request_id id = 0;
  deadline answered_by = deadline::never();  ///< When the client gives up.
  std::vector<std::byte> body;
};

class request_server;

/// What a handler is given: the request, and whether it is still wanted.
class request_in_hand {
 public:
  request_in_hand(request_server& server, const incoming_request& request) noexcept
      : server_(&server), request_(&request) {}
  [[nodiscard]] const_bytes body() const noexcept { return request_->body; }
  [[nodiscard]] const incoming_request& request() const noexcept { return *request_; }
  /// Looks whether the client has cancelled it, has given up by its deadline, or has died (where
  /// its replies go over a channel of its own that has a name; within a second): a few loads where
  /// cancels come over a ring. Worth asking again and again in long work.
  [[nodiscard]] bool is_cancelled() const;

 private:
  request_server* server_;
  const incoming_request* request_;
};

/// Takes requests and answers them.
///
/// *Semantics*: `take` and `answer`, in any order where custody allows; or `serve` with a handler.
/// A request whose client has cancelled it, or has given up by its deadline, is not handed out.
/// *Threads*: one at a time; as many servers as the channel has receivers. *Errors*: those of the
/// channel of requests; `errc::corrupt` once for each message that is no request, which is taken
/// and counted; `device_or_resource_busy` when so many are taken as may be. A client that is gone
/// or takes no replies is counted, and costs `reply_patience` at most. *Lifetime*: what was taken
/// and not answered when it goes is as after a crash. *Crash*: as `request_custody` says. Clients
/// are trusted as far as the channel is: who may send may ask in another's name.
class request_server {
 public:
  [[nodiscard]] static result<request_server> over(request_server_ends ends,
                                                   const request_server_options& options = {});
  /// Opens the channels of a service; those of its clients later, when they ask.
  [[nodiscard]] static result<request_server> open(const request_service& service,
                                                   const request_server_options& options = {});

  [[nodiscard]] result<incoming_request> take(deadline until = deadline::never());
  /// Each request once. `invalid_argument` for one that is not taken; the channel's error when the
  /// reply could not be delivered: the request is dealt with all the same.
  [[nodiscard]] result<void> answer(const incoming_request& request, const reply& what);
  /// Looks for cancels first.
  [[nodiscard]] bool is_cancelled(const incoming_request& request);

  /// One request: `handler(request_in_hand&)` returns a `reply`. What could not be delivered is
  /// counted and no failure.
  template <class Handler>
  [[nodiscard]] result<void> serve_one(Handler&& handler, deadline until = deadline::never()) {
    auto request = take(until);
    if (!request) return failure{request.error()};
    request_in_hand in_hand{*this, *request};
    static_cast<void>(answer(*request, handler(in_hand)));
    return {};
  }
  /// Until the channel of requests ends, which is success; `timed_out` at the deadline. What is no
  /// request is counted.
  template <class Handler>
  [[nodiscard]] result<void> serve(Handler&& handler, deadline until = deadline::never()) {
    for (;;) {
      auto served = serve_one(handler, until);
      if (served || served.error() == errc::corrupt) continue;
      if (served.error() == std::errc::connection_reset) continue;  // one of several clients died
      if (served.error() == errc::closed) return {};
      return served;
    }
  }

  [[nodiscard]] const request_server_statistics& statistics() const noexcept { return statistics_; }
  [[nodiscard]] any_receiver& requests() noexcept { return requests_; }

 private:
  struct key {
    std::uint64_t client;
    request_id id;
    friend bool operator==(const key&, const key&) = default;
  };
  struct taken_request {
    key which;
    bool is_cancelled = false;
  };
  struct route {
    std::uint64_t client;
    std::uint64_t last_used;
    any_sender to;
    std::optional<request_presence> presence;
  };
  request_server(any_receiver requests, std::optional<any_sender> replies,
                 std::optional<endpoint> replies_of_each, std::optional<any_receiver> cancels,
                 const request_server_options& options);
  [[nodiscard]] static result<void> check(const any_receiver& requests,
                                          const request_server_options& options);

  // Of what was read.
  enum class read_outcome { request, other };
  [[nodiscard]] result<read_outcome> read_one();
  [[nodiscard]] result<read_outcome> take_in(const_bytes message);
  [[nodiscard]] bool is_unwanted(const incoming_request& request);
  void read_cancels();
  void note_cancel(key which);
  [[nodiscard]] bool is_full() const noexcept {
    return taken_.size() + backlog_.size() >= options_.max_taken;
  }

  [[nodiscard]] result<any_sender*> route_to(std::uint64_t client);
  [[nodiscard]] const request_presence* presence_towards(std::uint64_t client) const noexcept;
  [[nodiscard]] static bool has_gone(any_sender& to, const request_presence* presence);
  [[nodiscard]] result<endpoint> replies_of(std::uint64_t client) const;
  [[nodiscard]] result<void> deliver(std::uint64_t client, const_bytes frame);
  void say_taken(key which);
  void forget_gone_clients();
  [[nodiscard]] result<void> say_failed(key which, const request_error& why);

  static constexpr std::size_t cancels_at_once = 64;
  static constexpr std::size_t max_early_cancels = 256;

  any_receiver requests_;
  std::optional<any_sender> replies_;        // one for all, or
  std::optional<endpoint> replies_of_each_;  // what each client's is called, without its number
  std::optional<any_receiver> cancels_;
  std::optional<request_presence> presence_ = {};  // where one channel is for all
  request_server_options options_;
  std::vector<route> routes_;
  std::uint64_t uses_ = 0;
  deadline::clock::time_point next_look_ = {};  // for clients that have gone
  std::vector<taken_request> taken_;
  std::deque<incoming_request> backlog_;  // read while looking for cancels
  std::deque<key> early_cancels_;         // of requests that may still come
  bool holds_message_ = false;            // redelivered: it leaves the channel with the answer
  std::vector<std::byte> frame_;          // reused
  std::vector<std::byte> room_;
  request_server_statistics statistics_ = {};
};

inline bool request_in_hand::is_cancelled() const { return server_->is_cancelled(*request_); }

}  // namespace sluice
