#include <algorithm>
#include <array>
#include <sluice/compose/request_client.hpp>
#include <utility>

#include "compose/any_open.hpp"
#include "compose/own_ring_name.hpp"
#include "compose/request_frame.hpp"
#include "compose/request_presence_name.hpp"
#include "os/syscall.hpp"

namespace sluice {

namespace {

constexpr const char* operation = "request_client";
// Between two tries to send, replies are read: the server may wait for room for them.
constexpr std::chrono::milliseconds between_tries{10};
constexpr std::size_t index_bits = 16;

bool is_end(const error& why) noexcept {
  return why == errc::closed || why == std::errc::connection_reset ||
         why == std::errc::broken_pipe || why == errc::removed;
}

failure closed() noexcept { return {errc::closed, operation, "the server has gone"}; }

}  // namespace

request_client::request_client(request_client_ends ends, const request_client_options& options,
                               std::uint64_t number)
    : ends_(std::move(ends)),
      options_(options),
      number_(number),
      slots_(options.max_outstanding),
      room_(request_frame::size_bytes + 256) {}

result<request_client> request_client::over(request_client_ends ends,
                                            const request_client_options& options) {
  if (options.max_outstanding < 1 || options.max_outstanding >= std::size_t{1} << index_bits)
    return failure{std::errc::invalid_argument, operation, "max_outstanding is 1 to 65535"};
  auto number = syscall::random_number();
  if (!number) return failure{number.error()};
  return request_client{std::move(ends), options, *number};
}

result<request_client> request_client::open(const request_service& service,
                                            const request_client_options& options, deadline until) {
  auto number = syscall::random_number();
  if (!number) return failure{number.error()};
  auto where = endpoint::parse(service.replies);
  if (!where) return failure{where.error()};
  if (where->kind() != endpoint_kind::topic) {
    where = where->with_name(reply_name(where->target_text(), *number));
    if (!where) return failure{where.error()};
  }
  // First of all the place for replies: who gets our first request looks for it.
  auto replies = any_receiver::open(*where);
  if (!replies) return failure{replies.error()};
  auto presence = create_presence_beside(*where);
  if (!presence) return failure{presence.error()};
  auto requests = any_sender::open(service.requests, until);
  if (!requests) return failure{requests.error()};
  request_client_ends ends{.requests = std::move(*requests), .replies = std::move(*replies)};
  ends.presence = std::move(*presence);
  if (!service.cancels.empty()) {
    auto cancels = any_sender::open(service.cancels, until);
    if (!cancels) return failure{cancels.error()};
    ends.cancels = std::move(*cancels);
  }
  auto made = over(std::move(ends), options);
  if (!made) return made;
  made->number_ = *number;
  const bool is_own_ring =
      where->kind() == endpoint_kind::ring || where->kind() == endpoint_kind::queue;
  if (is_own_ring)
    made->reply_name_ = std::make_shared<own_ring_name>(
        where->target_text(), endpoint_options::base<ring_name_options>(*where));
  return made;
}

request_client& request_client::operator=(request_client&& other) noexcept {
  if (this == &other) return *this;
  give_up();
  reply_name_ = std::move(other.reply_name_);
  ends_ = std::move(other.ends_);
  options_ = other.options_;
  number_ = other.number_;
  serial_ = other.serial_;
  ended_ = other.ended_;
  outstanding_ = other.outstanding_;
  slots_ = std::move(other.slots_);
  frame_ = std::move(other.frame_);
  room_ = std::move(other.room_);
  proves_life_ = other.proves_life_;
  next_look_ = other.next_look_;
  statistics_ = other.statistics_;
  return *this;
}

void request_client::give_up() noexcept {
  for (slot& one : slots_)
    if (one.id != 0 && !one.what) say_cancelled(one.id);
  slots_.clear();
}

// The lower bits of a request's number are its slot.
const request_client::slot* request_client::find(request_id id) const noexcept {
  const std::size_t index = id & ((std::size_t{1} << index_bits) - 1);
  if (id == 0 || index >= slots_.size() || slots_[index].id != id) return nullptr;
  return &slots_[index];
}

request_client::slot* request_client::find(request_id id) noexcept {
  return const_cast<slot*>(std::as_const(*this).find(id));
}

bool request_client::is_outstanding(request_id id) const noexcept { return find(id) != nullptr; }

bool request_client::is_taken(request_id id) const noexcept {
  const slot* one = find(id);
  return one != nullptr && one->is_taken;
}

void request_client::free(slot& one) noexcept {
  one = slot{};
  --outstanding_;
}

void request_client::end(slot& one, result<reply> what) {
  ++(what ? statistics_.answered : statistics_.failed);
  one.what = std::move(what);
  one.ended = ++ended_;
}

void request_client::end_all(const failure& why) {
  for (slot& one : slots_)
    if (one.id != 0 && !one.what) end(one, why);
}

// --- Asking ------------------------------------------------------------------------------------

result<void> request_client::send_frame(const_bytes frame, deadline until) {
  for (;;) {
    auto sent = ends_.requests.try_send(frame);
    if (!sent && is_end(sent.error())) return closed();
    if (sent || !would_block(sent.error())) return sent;
    step();
    auto ready = ends_.requests.wait_writable(earlier(until, deadline{between_tries}));
    const bool goes_on = ready || ready.error() == std::errc::timed_out;
    if (!goes_on) return ready;
    if (!ready && until.has_passed())
      return failure{std::errc::timed_out, "request_client::send", "no room for the request"};
  }
}

result<request_id> request_client::send(const_bytes body, deadline answered_by) {
  if (outstanding_ == slots_.size())
    return failure{std::errc::resource_unavailable_try_again, "request_client::send",
                   "as many requests are outstanding as may be: wait for one of them"};
  const auto place = std::find_if(slots_.begin(), slots_.end(), [](auto& s) { return s.id == 0; });
  const request_id id =
      ++serial_ << index_bits | static_cast<std::uint64_t>(place - slots_.begin());
  request_frame{.what = request_frame::kind::request,
                .client = number_,
                .id = id,
                .value = request_frame::value_of(answered_by)}
      .encode(body, frame_);
  // Known before it is sent: its reply may be read while the rest of it goes out.
  *place = slot{.id = id, .until = answered_by};
  ++outstanding_;
  if (auto sent = send_frame(frame_, answered_by); !sent) {
    free(*place);
    return failure{sent.error()};
  }
  ++statistics_.sent;
  // What a stream could not take yet goes out while we wait; the server must not need us for that.
  static_cast<void>(ends_.requests.flush(deadline::now()));
  return id;
}

bool request_client::say_cancelled(request_id id) {
  request_frame{.what = request_frame::kind::cancel, .client = number_, .id = id}.encode({},
                                                                                         frame_);
  any_sender& to = ends_.cancels ? *ends_.cancels : ends_.requests;
  return to.try_send(frame_).has_value();
}

result<void> request_client::cancel(request_id id) {
  slot* one = find(id);
  if (one == nullptr)
    return failure{std::errc::invalid_argument, "request_client::cancel", "it is not outstanding"};
  const bool has_ended = one->what.has_value();
  free(*one);
  ++statistics_.cancelled;
  if (has_ended || say_cancelled(id)) return {};
  return failure{std::errc::resource_unavailable_try_again, "request_client::cancel",
                 "no room to tell the server, which goes on; its reply will be dropped"};
}

// --- Waiting -----------------------------------------------------------------------------------

request_client::slot* request_client::first_ended() noexcept {
  slot* first = nullptr;
  for (slot& one : slots_)
    if (one.what && (first == nullptr || one.ended < first->ended)) first = &one;
  return first;
}

result<reply> request_client::wait(request_id id, deadline until) {
  for (;;) {
    slot* one = find(id);
    if (one == nullptr)
      return failure{std::errc::invalid_argument, "request_client::wait", "it is not outstanding"};
    if (!one->what) step();
    if (one->what) {
      result<reply> what = std::move(*one->what);
      free(*one);
      return what;
    }
    if (until.has_passed())
      return failure{std::errc::timed_out, "request_client::wait", "the request goes on"};
    if (auto slept = sleep(until); !slept) return failure{slept.error()};
  }
}

result<request_outcome> request_client::wait_any(deadline until) {
  for (;;) {
    if (outstanding_ == 0)
      return failure{std::errc::no_message_available, "request_client::wait_any",
                     "nothing is outstanding"};
    step();
    if (slot* one = first_ended(); one != nullptr) {
      request_outcome outcome{.id = one->id, .what = std::move(*one->what)};
      free(*one);
      return outcome;
    }
    if (until.has_passed())
      return failure{std::errc::timed_out, "request_client::wait_any", "the requests go on"};
    if (auto slept = sleep(until); !slept) return failure{slept.error()};
  }
}

result<reply> request_client::call(const_bytes body, deadline answered_by) {
  auto id = send(body, answered_by);
  if (!id) return failure{id.error()};
  return wait(*id);
}

void request_client::step() {
  static_cast<void>(ends_.requests.flush(deadline::now()));
  static_cast<void>(read_replies(replies_at_once));
  expire();
  look_after_servers();
}

result<void> request_client::sleep(deadline until) {
  bool is_held = false;
  for (const slot& one : slots_) {
    if (one.id == 0 || one.what) continue;
    until = earlier(until, one.until);
    is_held |= one.holder.has_value();
  }
  if (is_held && proves_life_) until = earlier(until, deadline{options_.longest_sleep});
  // Of a stream: the server reads the rest of our request, or waits for us to read its reply.
  auto gone_out = ends_.requests.flush(earlier(until, deadline{between_tries}));
  if (!gone_out && gone_out.error() == std::errc::timed_out) return {};
  auto ready = ends_.replies.wait_readable(until);
  return ready || ready.error() == std::errc::timed_out ? result<void>{} : ready;
}

// False when there may be more.
bool request_client::read_replies(std::size_t most) {
  for (std::size_t count = 0; count < most; ++count) {
    auto got = ends_.replies.try_receive(room_);
    if (got) {
      take_in(const_bytes{room_}.first(*got));
      continue;
    }
    if (would_block(got.error())) return true;
    if (got.error() == std::errc::no_buffer_space) {
      // Bounded by the largest message of the channel, and only as long as one is that large.
      auto size = ends_.replies.next_size();
      if (size) room_.resize(*size);
      continue;
    }
    // One of several servers died: whose requests those were is looked after.
    if (got.error() == std::errc::connection_reset && ends_.replies.capabilities().many_senders) {
      next_look_ = {};
      continue;
    }
    if (got.error() == errc::corrupt) {
      ++statistics_.garbage;
      end_all(failure{got.error()});
      return true;
    }
    if (is_end(got.error())) {
      end_all(closed());
    } else {
      end_all(failure{got.error()});
    }
    return true;
  }
  return false;
}

void request_client::take_in(const_bytes message) {
  const auto seen = request_frame::decode(message);
  if (!seen || seen->what == request_frame::kind::request ||
      seen->what == request_frame::kind::cancel) {
    ++statistics_.garbage;
    return;
  }
  if (seen->client != number_) {
    ++statistics_.of_others;
    return;
  }
  slot* one = find(seen->id);
  if (one == nullptr || one->what) {
    if (seen->what != request_frame::kind::taken) ++statistics_.late;
    return;
  }
  const const_bytes body = request_frame::body_of(message);
  if (seen->what == request_frame::kind::taken) {
    one->is_taken = true;
    one->holder = seen->as_holder();
  } else if (seen->what == request_frame::kind::error) {
    end(*one, reply{.body = {}, .failed = seen->as_error(body)});
  } else if (body.size() > options_.max_reply_bytes) {
    end(*one, failure{std::errc::message_size, operation,
                      "the reply exceeds request_client_options::max_reply_bytes"});
  } else {
    end(*one, reply{.body = {body.begin(), body.end()}});
  }
  const std::size_t usual = request_frame::size_bytes + options_.max_reply_bytes;
  if (room_.size() > usual) {
    room_.resize(usual);
    room_.shrink_to_fit();
  }
}

void request_client::expire() {
  for (slot& one : slots_) {
    if (one.id == 0 || one.what || !one.until.has_passed()) continue;
    say_cancelled(one.id);  // as far as there is room
    end(one, failure{std::errc::timed_out, operation, "no reply until the deadline"});
  }
}

result<ring_presence> request_client::look_at(const ring_participant& server) {
  if (!ends_.presence) return ends_.replies.presence_of(server);
  if (server.generation != 0)
    return ring_presence::alive;  // a later version's, which tells nothing
  auto lives = ends_.presence->lives(server.slot);
  if (!lives) return failure{lives.error()};
  return *lives ? ring_presence::alive : ring_presence::died;
}

// Fails what is held by servers that have gone. What they sent before counts: their lock is looked
// at first, then everything is read, and only then is it decided.
void request_client::look_after_servers() {
  const auto now = deadline::clock::now();
  if (!proves_life_ || now < next_look_) return;
  std::vector<ring_participant> gone;
  std::vector<ring_participant> alive;
  for (const slot& one : slots_) {
    if (one.id == 0 || one.what || !one.holder) continue;
    const auto is_known = [&](const auto& list) {
      return std::find(list.begin(), list.end(), *one.holder) != list.end();
    };
    if (is_known(gone) || is_known(alive)) continue;
    auto seen = look_at(*one.holder);
    if (!seen) {
      proves_life_ = !(seen.error() == std::errc::operation_not_supported);
      return;  // nothing is known: the deadline decides
    }
    (*seen == ring_presence::alive ? alive : gone).push_back(*one.holder);
  }
  if (!alive.empty() || !gone.empty()) next_look_ = now + options_.longest_sleep;
  if (gone.empty()) return;
  // A server sends two messages for each request; who floods us may delay this by a round.
  if (!read_replies(replies_at_once + 2 * slots_.size())) {
    next_look_ = {};
    return;
  }
  for (slot& one : slots_) {
    const bool is_lost = one.id != 0 && !one.what && one.holder &&
                         std::find(gone.begin(), gone.end(), *one.holder) != gone.end();
    if (!is_lost) continue;
    // Its server may have died between saying that it has the request and taking it out of the
    // channel: then the next one gets what nobody waits for any more.
    say_cancelled(one.id);
    end(one, closed());
  }
}

}  // namespace sluice
