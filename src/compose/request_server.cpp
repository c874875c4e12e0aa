#include <algorithm>
#include <sluice/compose/request_server.hpp>
#include <utility>

#include "compose/request_frame.hpp"
#include "compose/request_presence_name.hpp"

namespace sluice {

namespace {

constexpr const char* operation = "request_server";

bool is_redelivering(const any_receiver& requests) noexcept {
  const std::string_view mechanism = requests.capabilities().mechanism;
  return mechanism == ring_channel_capabilities.mechanism ||
         mechanism == ring_queue_capabilities.mechanism;
}

}  // namespace

request_server::request_server(any_receiver requests, std::optional<any_sender> replies,
                               std::optional<endpoint> replies_of_each,
                               std::optional<any_receiver> cancels,
                               const request_server_options& options)
    : requests_(std::move(requests)),
      replies_(std::move(replies)),
      replies_of_each_(std::move(replies_of_each)),
      cancels_(std::move(cancels)),
      options_(options),
      room_(request_frame::size_bytes + 256) {}

result<void> request_server::check(const any_receiver& requests,
                                   const request_server_options& options) {
  if (options.max_taken < 1 || options.max_clients < options.max_taken)
    return failure{std::errc::invalid_argument, operation,
                   "max_taken is at least 1, max_clients at least max_taken"};
  if (options.custody == request_custody::redelivered && !is_redelivering(requests))
    return failure{std::errc::invalid_argument, operation,
                   "only a ring channel or a ring queue gives a request of a killed server again"};
  return {};
}

result<request_server> request_server::over(request_server_ends ends,
                                            const request_server_options& options) {
  if (auto checked = check(ends.requests, options); !checked) return failure{checked.error()};
  request_server made{std::move(ends.requests), std::move(ends.replies), std::nullopt,
                      std::move(ends.cancels), options};
  made.presence_ = std::move(ends.presence);
  return made;
}

result<request_server> request_server::open(const request_service& service,
                                            const request_server_options& options) {
  auto where = endpoint::parse(service.replies);
  if (!where) return failure{where.error()};
  std::optional<any_receiver> cancels;
  if (!service.cancels.empty()) {
    auto called = endpoint::parse(service.cancels);
    if (!called) return failure{called.error()};
    // Also those that came before us: their requests may still wait for us.
    if (!called->has(endpoint_option::join))
      called =
          called->with(endpoint_option::join, static_cast<std::uint64_t>(ring::joining::oldest));
    auto opened = any_receiver::open(*called);
    if (!opened) return failure{opened.error()};
    cancels = std::move(*opened);
  }
  std::optional<any_sender> replies;
  std::optional<endpoint> of_each;
  if (where->kind() == endpoint_kind::topic) {
    auto opened = any_sender::open(*where);
    if (!opened) return failure{opened.error()};
    replies = std::move(*opened);
  } else {
    // Checked now, not when the first client asks. A client makes its own.
    auto named = where->with_name(reply_name(where->target_text(), 0));
    if (!named) return failure{named.error()};
    of_each =
        where->with(endpoint_option::create, static_cast<std::uint64_t>(endpoint_creation::no));
  }
  // Last: whoever waits for a server finds one that can answer.
  auto requests = any_receiver::open(service.requests);
  if (!requests) return failure{requests.error()};
  if (auto checked = check(*requests, options); !checked) return failure{checked.error()};
  return request_server{std::move(*requests), std::move(replies), std::move(of_each),
                        std::move(cancels), options};
}

// --- Taking ------------------------------------------------------------------------------------

result<incoming_request> request_server::take(deadline until) {
  if (holds_message_)
    return failure{std::errc::device_or_resource_busy, "request_server::take",
                   "where requests are redelivered they are taken and answered one by one"};
  if (taken_.size() >= options_.max_taken)
    return failure{std::errc::device_or_resource_busy, "request_server::take",
                   "as many requests are taken as may be: answer one of them"};
  for (;;) {
    read_cancels();
    while (!backlog_.empty()) {
      incoming_request next = std::move(backlog_.front());
      backlog_.pop_front();
      if (is_unwanted(next)) {
        if (std::exchange(holds_message_, false)) requests_.release();
        continue;
      }
      taken_.push_back({.which = {next.client, next.id}});
      ++statistics_.taken;
      return next;
    }
    auto read = read_one();
    if (read) continue;
    if (!would_block(read.error())) return failure{read.error()};
    forget_gone_clients();
    if (auto ready = requests_.wait_readable(until); !ready) return failure{ready.error()};
  }
}

// Takes one message out of the channel. The server says that it has a request before that leaves
// the channel, where this can be said: killed in between, it is taken again, or told of.
result<request_server::read_outcome> request_server::read_one() {
  if (auto view = requests_.try_peek()) {
    auto seen = take_in(view->bytes());
    if (options_.custody == request_custody::redelivered && seen &&
        *seen == read_outcome::request) {
      view->put_back();
      holds_message_ = true;
    }
    return seen;
  } else if (!(view.error() == std::errc::operation_not_supported)) {
    return failure{view.error()};
  }
  auto got = requests_.try_receive(room_);
  if (!got && got.error() == std::errc::no_buffer_space) {
    auto size = requests_.next_size();
    if (!size) return failure{size.error()};
    room_.resize(*size);  // bounded by the largest message of the channel
    got = requests_.try_receive(room_);
  }
  if (!got) return failure{got.error()};
  return take_in(const_bytes{room_}.first(*got));
}

result<request_server::read_outcome> request_server::take_in(const_bytes message) {
  const auto seen = request_frame::decode(message);
  const bool is_known = seen && (seen->what == request_frame::kind::request ||
                                 seen->what == request_frame::kind::cancel);
  if (!is_known) {
    ++statistics_.garbage;
    return failure{errc::corrupt, operation, "a message that is no request was dropped"};
  }
  const key which{seen->client, seen->id};
  if (seen->what == request_frame::kind::cancel) {
    note_cancel(which);
    return read_outcome::other;
  }
  const const_bytes body = request_frame::body_of(message);
  if (body.size() > options_.max_request_bytes) {
    static_cast<void>(say_failed(
        which, {std::errc::message_size, "the request exceeds the server's max_request_bytes"}));
    return read_outcome::other;
  }
  if (options_.custody == request_custody::acknowledged) say_taken(which);
  backlog_.push_back({.client = seen->client,
                      .id = seen->id,
                      .answered_by = seen->as_deadline(),
                      .body = {body.begin(), body.end()}});
  return read_outcome::request;
}

bool request_server::is_unwanted(const incoming_request& request) {
  const auto early =
      std::find(early_cancels_.begin(), early_cancels_.end(), key{request.client, request.id});
  if (early != early_cancels_.end()) {
    early_cancels_.erase(early);
    ++statistics_.cancelled;
    return true;
  }
  if (!request.answered_by.has_passed()) return false;
  ++statistics_.expired;
  return true;
}

// --- Cancelling --------------------------------------------------------------------------------

void request_server::note_cancel(key which) {
  for (taken_request& one : taken_) {
    if (one.which != which || one.is_cancelled) continue;
    one.is_cancelled = true;
    ++statistics_.cancelled;
    return;
  }
  // It is in the backlog, or will be, or is somebody else's. The oldest is forgotten first: its
  // request is done in vain then.
  early_cancels_.push_back(which);
  if (early_cancels_.size() > max_early_cancels) early_cancels_.pop_front();
}

void request_server::read_cancels() {
  if (!cancels_) return;
  for (std::size_t count = 0; count < cancels_at_once; ++count) {
    auto got = cancels_->try_receive(room_);
    if (!got && got.error() == std::errc::no_buffer_space) {
      auto size = cancels_->next_size();
      if (size) room_.resize(*size);
      continue;
    }
    if (!got) return;  // nothing more, or nobody cancels any more
    const auto seen = request_frame::decode(const_bytes{room_}.first(*got));
    if (seen && seen->what == request_frame::kind::cancel) {
      note_cancel({seen->client, seen->id});
    } else {
      ++statistics_.garbage;
    }
  }
}

bool request_server::is_cancelled(const incoming_request& request) {
  if (cancels_) {
    read_cancels();
  } else if (!holds_message_) {
    // They come with the requests; what comes before them is kept for later.
    for (std::size_t count = 0; count < cancels_at_once && !is_full(); ++count) {
      auto read = read_one();
      if (!read && !(read.error() == errc::corrupt)) break;
    }
  }
  if (request.answered_by.has_passed()) return true;
  forget_gone_clients();
  const key which{request.client, request.id};
  return std::any_of(taken_.begin(), taken_.end(), [&](const taken_request& one) {
    return one.which == which && one.is_cancelled;
  });
}

// --- Answering ---------------------------------------------------------------------------------

result<void> request_server::answer(const incoming_request& request, const reply& what) {
  const key which{request.client, request.id};
  const auto taken = std::find_if(taken_.begin(), taken_.end(),
                                  [&](const taken_request& one) { return one.which == which; });
  if (taken == taken_.end())
    return failure{std::errc::invalid_argument, "request_server::answer",
                   "this request is not taken, or was answered"};
  // What comes after the client's deadline is not wanted either: it has given up before us.
  const bool is_late = request.answered_by.has_passed();
  const bool is_wanted = !taken->is_cancelled && !is_late;
  if (is_late && !taken->is_cancelled) ++statistics_.expired;
  const auto done = [&](result<void> outcome) {
    // Only now: whoever kills us before lets another one do it.
    if (std::exchange(holds_message_, false)) requests_.release();
    return outcome;
  };
  *taken = taken_.back();
  taken_.pop_back();
  if (!is_wanted) return done({});
  if (what.failed) {
    auto said = say_failed(which, *what.failed);
    if (said) ++statistics_.answered;
    return done(said);
  }
  request_frame{.what = request_frame::kind::reply, .client = which.client, .id = which.id}.encode(
      what.body, frame_);
  auto delivered = deliver(which.client, frame_);
  if (!delivered && delivered.error() == std::errc::message_size)
    static_cast<void>(say_failed(
        which, {std::errc::message_size, "the reply exceeds what the channel can carry"}));
  if (delivered) ++statistics_.answered;
  return done(delivered);
}

result<void> request_server::say_failed(key which, const request_error& why) {
  const std::string_view text{why.text.data(),
                              std::min(why.text.size(), request_error::max_text_bytes)};
  request_frame{.what = request_frame::kind::error,
                .client = which.client,
                .id = which.id,
                .value = request_frame::value_of(why)}
      .encode(bytes_of(text), frame_);
  return deliver(which.client, frame_);
}

void request_server::say_taken(key which) {
  auto to = route_to(which.client);
  if (!to) return;  // it will not get the reply either, and that is counted
  const request_presence* presence = presence_towards(which.client);
  const auto us = presence == nullptr
                      ? (*to)->participant()
                      : ring_participant{.slot = presence->number(), .generation = 0};
  request_frame{.what = request_frame::kind::taken,
                .client = which.client,
                .id = which.id,
                .value = request_frame::value_of(us)}
      .encode({}, frame_);
  static_cast<void>(deliver(which.client, frame_));
}

result<void> request_server::deliver(std::uint64_t client, const_bytes frame) {
  auto to = route_to(client);
  if (!to) {
    ++statistics_.undeliverable;
    return failure{to.error()};
  }
  auto sent = (*to)->try_send(frame);
  if (!sent && would_block(sent.error())) {
    // Who has gone will make no room.
    sent = has_gone(**to, presence_towards(client))
               ? result<void>{failure{errc::closed, operation, "the client has gone"}}
               : (*to)->send(frame, deadline{options_.reply_patience});
  }
  // What a stream could not take yet must not wait for the next reply.
  if (sent) sent = (*to)->flush(deadline{options_.reply_patience});
  if (sent) return sent;
  if (!(sent.error() == std::errc::message_size)) {
    ++statistics_.undeliverable;
    // Opened anew for its next request, if there is one.
    std::erase_if(routes_, [&](const route& one) { return one.client == client; });
  }
  return sent;
}

// Who was killed leaves its channel of replies to us; so we look before we lie down, now and then.
void request_server::forget_gone_clients() {
  constexpr std::chrono::seconds between_looks{1};
  const auto now = deadline::clock::now();
  if (routes_.empty() || now < next_look_) return;
  next_look_ = now + between_looks;
  std::erase_if(routes_, [&](route& one) {
    const bool is_gone = has_gone(one.to, presence_towards(one.client));
    for (taken_request& request : taken_) {
      if (!is_gone || request.which.client != one.client || request.is_cancelled) continue;
      request.is_cancelled = true;
      ++statistics_.cancelled;
    }
    // Who left in order has removed it.
    if (auto where = replies_of(one.client); is_gone && one.presence && where)
      unlink_presence_beside(*where);
    return is_gone;
  });
}

// By the lock of a ring, or by that in its own file.
bool request_server::has_gone(any_sender& to, const request_presence* presence) {
  if (presence != nullptr) {
    auto lives = presence->client_lives();
    return lives && !*lives;
  }
  auto client = to.peer();
  return client && (*client == ring_presence::died || *client == ring_presence::left);
}

const request_presence* request_server::presence_towards(std::uint64_t client) const noexcept {
  if (presence_) return &*presence_;
  for (const route& one : routes_)
    if (one.client == client && one.presence) return &*one.presence;
  return nullptr;
}

result<endpoint> request_server::replies_of(std::uint64_t client) const {
  return replies_of_each_->with_name(reply_name(replies_of_each_->target_text(), client));
}

result<any_sender*> request_server::route_to(std::uint64_t client) {
  if (replies_) return &*replies_;
  for (route& one : routes_) {
    if (one.client != client) continue;
    one.last_used = ++uses_;
    return &one.to;
  }
  auto where = replies_of(client);
  if (!where) return failure{where.error()};
  auto opened = any_sender::open(*where, deadline::now());
  if (!opened) return failure{opened.error()};
  if (routes_.size() >= options_.max_clients) {
    // The one that was used longest ago and waits for nothing: who waits would take us for gone.
    const auto waits = [&](const route& one) {
      return std::any_of(taken_.begin(), taken_.end(),
                         [&](const taken_request& t) { return t.which.client == one.client; }) ||
             std::any_of(backlog_.begin(), backlog_.end(),
                         [&](const incoming_request& r) { return r.client == one.client; });
    };
    const auto oldest =
        std::min_element(routes_.begin(), routes_.end(), [&](const route& a, const route& b) {
          return std::pair{waits(a), a.last_used} < std::pair{waits(b), b.last_used};
        });
    routes_.erase(oldest);
  }
  routes_.push_back({.client = client,
                     .last_used = ++uses_,
                     .to = std::move(*opened),
                     .presence = open_presence_beside(*where)});
  return &routes_.back().to;
}

}  // namespace sluice
