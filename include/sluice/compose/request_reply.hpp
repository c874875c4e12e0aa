#pragma once
// Questions and answers over channels of messages: what client (request_client.hpp), server
// (request_server.hpp) and the typed layer (typed_request.hpp) have in common. What goes over the
// channels is docs/request-format.md. Three ways to put channels together:
//
//  one to one      a pair of channels between a client and its server: duplex pipe, two rings, two
//                  hardened rings. Cancels go the way of the requests. `over` both ends.
//  a shared queue  many clients send into one queue (ring queue, FIFO, POSIX, System V, mailbox,
//                  datagrams) from which many servers take, as many as it has receivers; each
//                  client has a reply channel of its own, which servers open when they first hear
//                  of it. `open` a request_service.
//  a topic         as before, but all replies go over one topic, and each client picks its own.
//
// With several servers, cancels need a topic of their own, since whoever takes a cancel out of the
// queue need not be who has the request.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <sluice/base/error.hpp>
#include <string>
#include <vector>

namespace sluice {

/// A request of one client: never used twice by it.
using request_id = std::uint64_t;

/// Whose numbers the code of a request_error is from.
enum class request_error_domain : std::uint32_t {
  service = 0,  ///< The service's own.
  generic = 1,  ///< std::errc.
  sluice = 2,   ///< sluice::errc.
};

/// Why a server could not do what was asked: made by its handler, and sent to the client.
struct request_error {
  static constexpr std::size_t max_text_bytes = 1024;  ///< What is longer is cut.

  request_error_domain domain = request_error_domain::service;
  std::int32_t code = 0;
  std::string text;

  request_error() = default;
  request_error(std::int32_t service_code, std::string why)
      : code(service_code), text(std::move(why)) {}
  request_error(std::errc which, std::string why)
      : domain(request_error_domain::generic),
        code(static_cast<std::int32_t>(which)),
        text(std::move(why)) {}
  request_error(errc which, std::string why)
      : domain(request_error_domain::sluice),
        code(static_cast<std::int32_t>(which)),
        text(std::move(why)) {}

  friend bool operator==(const request_error& left, std::errc right) noexcept {
    return left.domain == request_error_domain::generic &&
           left.code == static_cast<std::int32_t>(right);
  }
  friend bool operator==(const request_error& left, errc right) noexcept {
    return left.domain == request_error_domain::sluice &&
           left.code == static_cast<std::int32_t>(right);
  }
};

/// What a server says to a request: what was asked for, or why not.
struct reply {
  std::vector<std::byte> body;
  std::optional<request_error> failed = {};
};

/// The addresses of a service (endpoint.hpp); clients and servers are given the same.
struct request_service {
  std::string requests;  ///< "queue:work?take=1"
  /// Of a topic: for all. Else each client's has a dot and its number at the end of the name, and
  /// is made by the client: "queue:work.reply".
  std::string replies;
  /// A topic, or empty: with the requests, which is enough where there is one server.
  std::string cancels = {};
};

/// What becomes of the requests that a server had taken when it is killed.
enum class request_custody {
  /// It says of each request that it has it: if it goes, the client's request fails at once with
  /// `errc::closed`. The channel of replies proves that it has gone, by its end or by the lock of a
  /// ring, or a file beside it does (request_presence.hpp).
  acknowledged,
  /// A request leaves the channel when it was answered. If the server goes, another one gets it,
  /// and perhaps does it a second time; the client is told nothing, and answered once. Requests
  /// over a ring channel or ring queue only; one at a time for each server.
  redelivered,
  /// It says nothing, which saves a message: where the end of the channel tells everything (pipes,
  /// rings without a name, one to one), or where the deadline is enough.
  untold,
};

struct request_client_statistics {
  std::uint64_t sent = 0;
  std::uint64_t answered = 0;
  std::uint64_t failed = 0;     ///< By the death of a server, the end of the channel, the deadline.
  std::uint64_t cancelled = 0;  ///< By us.
  std::uint64_t late = 0;       ///< Answers to what was no longer asked: dropped.
  std::uint64_t of_others = 0;  ///< Answers to other clients, on a topic.
  std::uint64_t garbage = 0;    ///< What no server of ours can have sent.
};

struct request_server_statistics {
  std::uint64_t taken = 0;
  std::uint64_t answered = 0;
  std::uint64_t cancelled = 0;      ///< Before they were answered; their answers go nowhere.
  std::uint64_t expired = 0;        ///< The client had given up before they were answered.
  std::uint64_t undeliverable = 0;  ///< Answers that the client did not take, or could not.
  std::uint64_t garbage = 0;        ///< What no client of ours can have sent.
};

}  // namespace sluice
