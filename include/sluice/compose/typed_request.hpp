#pragma once
// Questions and answers that are values: as typed.hpp is to messages. Each carries the hash of its
// type, so that a server that means another request says so instead of misreading it.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <sluice/base/codec.hpp>
#include <sluice/compose/request_client.hpp>
#include <sluice/compose/request_server.hpp>
#include <sluice/compose/typed.hpp>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace sluice {

/// A value as the body of a request or reply, and back.
template <encodable T>
struct typed_body {
  [[nodiscard]] static std::vector<std::byte> of(const T& value) {
    std::vector<std::byte> body(type_header::size_bytes + codec<T>::encoded_size(value));
    type_header::encode(type_hash<T>(), body);
    codec<T>::encode(value, mutable_bytes{body}.subspan(type_header::size_bytes));
    return body;
  }
  [[nodiscard]] static result<T> read(const_bytes body) {
    if (auto checked = type_header::check(type_hash<T>(), body); !checked)
      return failure{checked.error()};
    return codec<T>::decode(body.subspan(type_header::size_bytes));
  }
};

/// What a handler returns, and what a client gets: a value, or why there is none.
template <encodable Reply>
using answer_or_error = std::variant<Reply, request_error>;

/// Asks for values with values over a request_client that it owns.
///
/// *Semantics*, *Threads*, *Lifetime*, *Crash*: those of the client. *Errors*: those, and
/// `errc::incompatible` or `errc::corrupt` for a reply that is no `Reply`.
template <encodable Request, encodable Reply>
class typed_request_client {
 public:
  explicit typed_request_client(request_client client) noexcept : client_(std::move(client)) {}

  [[nodiscard]] result<request_id> send(const Request& asked,
                                        deadline answered_by = deadline::never()) {
    return client_.send(typed_body<Request>::of(asked), answered_by);
  }
  [[nodiscard]] result<answer_or_error<Reply>> wait(request_id id,
                                                    deadline until = deadline::never()) {
    return read(client_.wait(id, until));
  }
  [[nodiscard]] result<answer_or_error<Reply>> call(const Request& asked,
                                                    deadline answered_by = deadline::never()) {
    return read(client_.call(typed_body<Request>::of(asked), answered_by));
  }
  [[nodiscard]] result<void> cancel(request_id id) { return client_.cancel(id); }
  [[nodiscard]] request_client& client() noexcept { return client_; }

 private:
  static result<answer_or_error<Reply>> read(result<reply> got) {
    if (!got) return failure{got.error()};
    if (got->failed) return answer_or_error<Reply>{std::in_place_index<1>, *got->failed};
    auto value = typed_body<Reply>::read(got->body);
    if (!value) return failure{value.error()};
    return answer_or_error<Reply>{std::in_place_index<0>, std::move(*value)};
  }
  request_client client_;
};

/// Answers values with values over a request_server that it owns.
///
/// *Semantics*: a request that is no `Request` is answered with why, and never handed out.
/// *Threads*, *Errors*, *Lifetime*, *Crash*: those of the server.
template <encodable Request, encodable Reply>
class typed_request_server {
 public:
  explicit typed_request_server(request_server server) noexcept : server_(std::move(server)) {}

  /// `handler(const Request&, request_in_hand&)` returns a `Reply` or a `request_error`.
  template <class Handler>
  [[nodiscard]] result<void> serve_one(Handler&& handler, deadline until = deadline::never()) {
    return server_.serve_one([&](request_in_hand& in_hand) { return handle(handler, in_hand); },
                             until);
  }
  template <class Handler>
  [[nodiscard]] result<void> serve(Handler&& handler, deadline until = deadline::never()) {
    return server_.serve([&](request_in_hand& in_hand) { return handle(handler, in_hand); }, until);
  }
  [[nodiscard]] request_server& server() noexcept { return server_; }

 private:
  template <class Handler>
  static reply handle(Handler& handler, request_in_hand& in_hand) {
    auto asked = typed_body<Request>::read(in_hand.body());
    if (!asked)
      return {.body = {},
              .failed = request_error{
                  asked.error() == errc::incompatible ? errc::incompatible : errc::corrupt,
                  asked.error().hint()}};
    answer_or_error<Reply> said = handler(*asked, in_hand);
    if (auto* failed = std::get_if<1>(&said)) return {.body = {}, .failed = std::move(*failed)};
    return {.body = typed_body<Reply>::of(*std::get_if<0>(&said))};
  }
  request_server server_;
};

}  // namespace sluice
