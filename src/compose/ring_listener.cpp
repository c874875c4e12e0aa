#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <sluice/base/retry.hpp>
#include <sluice/compose/ring_listener.hpp>

#include "compose/ring_hand_over.hpp"
#include "os/syscall.hpp"
#include "os/syscall_sockets.hpp"
#include "os/syscall_watch.hpp"

namespace sluice {

namespace {

using namespace ring_hand_over;

constexpr std::uint64_t the_door = 0;  // among the numbers of the undecided
// Of one call, so that others have their turn where clients come faster than they are served.
constexpr int most_arrivals = 64;

failure of_forked_child() noexcept {
  return {std::errc::operation_not_permitted, "ring_listener",
          "made before fork(2): the child makes one of its own"};
}

// That the other side went, or speaks otherwise: its own affair.
bool is_of_the_client(const error& why) noexcept {
  return why == errc::closed || why == std::errc::connection_reset ||
         why == std::errc::broken_pipe || why == std::errc::no_buffer_space ||
         why == std::errc::message_size;
}

// What a message says, if it is this.
template <class Words>
std::optional<Words> words_in(const_bytes message) {
  Words said;
  if (message.size() != sizeof said) return {};
  std::memcpy(&said, message.data(), sizeof said);
  if (!said.is_known()) return {};
  return said;
}

result<std::optional<ring_connection>> nothing_after(const result<void>& done) {
  if (!done) return failure{done.error()};
  return std::optional<ring_connection>{};
}

// Whether it has not received all that was sent to it. It cannot be told where the kernel does not
// say so: then nobody is taken to have kept something back.
bool has_unread(const unix_seqpacket& client) {
  return syscall::bytes_under_way(client.native_handle()).value_or(0) != 0;
}

}  // namespace

result<ring_listener> ring_listener::create(std::string_view address,
                                            const ring_listener_options& options) {
  constexpr const char* operation = "ring_listener::create";
  if (!is_capacity(options.to_client.capacity_bytes) ||
      !is_capacity(options.from_client.capacity_bytes))
    return failure{std::errc::invalid_argument, operation,
                   "a capacity is a power of two, from a page to 4 GiB"};
  if (options.max_undecided == 0)
    return failure{std::errc::invalid_argument, operation, "nobody could ever answer"};
  auto door = unix_seqpacket_listener::create(address, options.socket);
  if (!door) return failure{door.error()};
  auto watched = syscall::watch_list();
  if (!watched) return failure{watched.error()};
  auto added = syscall::watch_readable(watched->get(), door->native_handle(), the_door);
  if (!added) return failure{added.error()};
  return ring_listener{std::move(*door), std::move(*watched), syscall::process_id(), options};
}

// For how many of its clients: those that may yet answer, and those with which what they were
// offered still lies, unread.
std::size_t ring_listener::memory_held_for(uid_t user) {
  std::erase_if(unread_, [](const unread& one) { return !has_unread(one.socket); });
  const auto undecided_ones = std::ranges::count_if(
      undecided_, [&](const undecided& one) { return one.rings && one.user == user; });
  const auto unread_ones = std::ranges::count(unread_, user, &unread::user);
  return static_cast<std::size_t>(undecided_ones + unread_ones);
}

// Of those for which no memory is held. Whoever it is held for could not be made to give it back.
void ring_listener::let_go_of_one() {
  std::map<uid_t, std::size_t> count_of;
  for (const undecided& one : undecided_)
    if (!one.rings) count_of[one.user] += 1;
  const auto most =
      std::ranges::max_element(count_of, {}, [](const auto& of) { return of.second; });
  const auto eldest = std::ranges::find_if(
      undecided_, [&](const undecided& one) { return !one.rings && one.user == most->first; });
  syscall::watch_no_more(watched_.get(), eldest->socket.native_handle());
  static_cast<void>(eldest->socket.try_send(bytes_of(turned_away{})));  // or it sees the end alone
  undecided_.erase(eldest);
  let_go_ += 1;
}

// Until it is heard of again.
result<void> ring_listener::keep(undecided client) {
  auto watched =
      syscall::watch_readable(watched_.get(), client.socket.native_handle(), client.number);
  // One that could not be taken out is there still, and under the same number.
  if (!watched && !(watched.error() == std::errc::file_exists)) return watched;
  undecided_.push_back(std::move(client));
  const auto without_memory =
      std::ranges::count_if(undecided_, [](const undecided& one) { return !one.rings; });
  if (static_cast<std::size_t>(without_memory) > options_.max_undecided) let_go_of_one();
  return {};
}

// Makes a client an offer: this, or what comes after it.
result<void> ring_listener::offer_to(undecided client, ring_carrier carrier) {
  client.rings.reset();
  if (carrier != ring_carrier::socket && memory_held_for(client.user) >= options_.max_undecided)
    carrier = ring_carrier::socket;
  const offer what{.carrier = carrier,
                   .to_client_bytes = options_.to_client.capacity_bytes,
                   .from_client_bytes = options_.from_client.capacity_bytes};
  auto made = make(client.socket, what, options_.wait);
  if (!made && is_of_the_client(made.error())) return {};
  if (!made) return failure{made.error()};
  client.offered = made->carrier;
  client.rings = std::move(made->rings);
  return keep(std::move(client));
}

// One that says it has taken what it was offered.
result<std::optional<ring_connection>> ring_listener::conclude(undecided client,
                                                               received_handles& came) {
  using connection = std::optional<ring_connection>;
  if (client.rings) {
    auto met = complete(*client.rings, came);
    if (!met && is_shortage(met.error())) {
      const ring_carrier next = next_of(*client.offered);
      return nothing_after(offer_to(std::move(client), next));
    }
    if (!met) return connection{};
  } else if (!came.empty()) {
    return connection{};
  }
  if (client.offered != ring_carrier::shared) {
    auto told = client.socket.try_send(bytes_of(agreement{}));
    if (!told && is_of_the_client(told.error())) return connection{};
    if (!told) return failure{told.error()};
  }
  if (client.rings)
    return connection{
        ring_connection::over_rings(std::move(client.socket), std::move(*client.rings))};
  return ring_connection::over_socket(std::move(client.socket), options_.to_client.capacity_bytes,
                                      options_.from_client.capacity_bytes)
      .transform([](ring_connection&& met) { return connection{std::move(met)}; });
}

// What a client says: a connection, if it has taken what it was offered.
result<std::optional<ring_connection>> ring_listener::hear(undecided client) {
  std::array<std::byte, sizeof(hello)> buffer;
  received_handles came;
  auto size = client.socket.try_receive(buffer, came);
  if (!size && would_block(size.error())) return nothing_after(keep(std::move(client)));
  if (!size && !is_of_the_client(size.error())) return failure{size.error()};
  // Who has not read an offer cannot answer it: it holds memory, and no more is to be had from it.
  if (client.rings && has_unread(client.socket)) {
    unread_.push_back({.user = client.user, .socket = std::move(client.socket)});
    return std::optional<ring_connection>{};
  }
  const const_bytes said = const_bytes{buffer}.first(size.value_or(0));
  if (!client.offered) {
    const auto greeting = words_in<hello>(said);
    if (!greeting || !came.empty()) return std::optional<ring_connection>{};
    const bool is_too_large =
        std::max(options_.to_client.capacity_bytes, options_.from_client.capacity_bytes) >
        greeting->max_capacity_bytes;
    // Which it will not take, and says so to its user: no memory for that.
    const auto first = is_too_large
                           ? ring_carrier::socket
                           : std::max(best_with(client.user, options_.trust), greeting->best);
    return nothing_after(offer_to(std::move(client), first));
  }
  const auto answered = words_in<answer>(said);
  if (answered && answered->what == verdict::taken) return conclude(std::move(client), came);
  // Descriptors for which there was no room here are a shortage as any.
  const bool is_out_of_reach = !size && size.error() == std::errc::message_size;
  if ((!answered && !is_out_of_reach) || client.offered == ring_carrier::socket)
    return std::optional<ring_connection>{};
  const ring_carrier next = next_of(*client.offered);
  return nothing_after(offer_to(std::move(client), next));
}

result<std::optional<ring_connection>> ring_listener::look_at(std::uint64_t number) {
  const auto found = std::ranges::find(undecided_, number, &undecided::number);
  if (found == undecided_.end()) return std::optional<ring_connection>{};
  undecided client = std::move(*found);
  syscall::watch_no_more(watched_.get(), client.socket.native_handle());
  undecided_.erase(found);
  return hear(std::move(client));
}

result<ring_connection> ring_listener::try_accept() {
  if (maker_ != syscall::process_id()) return of_forked_child();
  for (int arrivals = 0; arrivals < most_arrivals; ++arrivals) {
    std::array<std::uint64_t, 16> numbers;
    auto ready = syscall::readable_now(watched_.get(), numbers);
    if (!ready) return failure{ready.error()};
    for (std::size_t i = 0; i < *ready; ++i) {
      if (numbers[i] == the_door) continue;
      auto settled = look_at(numbers[i]);
      if (!settled) return failure{settled.error()};
      if (*settled) return std::move(**settled);
    }
    auto client = door_.try_accept();
    if (!client) return failure{client.error()};
    auto who = client->peer_credentials();
    if (!who) return failure{who.error()};
    // Most have spoken when they come in.
    auto heard = hear({.number = ++last_number_, .user = who->user, .socket = std::move(*client)});
    if (!heard) return failure{heard.error()};
  }
  return failure{std::errc::resource_unavailable_try_again, "ring_listener::try_accept"};
}

result<ring_connection> ring_listener::accept(deadline until) {
  return retry_until(
      until, [&] { return try_accept(); }, [&](deadline d) { return wait_for_peer(d); });
}

result<void> ring_listener::wait_for_peer(deadline until) {
  if (maker_ != syscall::process_id()) return of_forked_child();
  return syscall::wait_readable(watched_.get(), until);
}

}  // namespace sluice
