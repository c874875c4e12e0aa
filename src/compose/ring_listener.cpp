#include <algorithm>
#include <array>
#include <sluice/base/retry.hpp>
#include <sluice/compose/ring_listener.hpp>

#include "compose/ring_hand_over.hpp"
#include "os/syscall.hpp"
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
         why == std::errc::broken_pipe || why == std::errc::no_buffer_space;
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

bool ring_listener::is_trusted(const unix_seqpacket& client) const {
  if (options_.trust != ring_trust::same_user) return options_.trust == ring_trust::everybody;
  auto who = client.peer_credentials();
  return who && who->user == syscall::effective_user();
}

// Makes a client an offer: this, or what comes after it. It is heard of again when it has answered.
result<void> ring_listener::offer_to(unix_seqpacket client, ring_carrier carrier) {
  const offer first{.carrier = carrier,
                    .to_client_bytes = options_.to_client.capacity_bytes,
                    .from_client_bytes = options_.from_client.capacity_bytes};
  auto ours = make_first(client, first, options_.wait);
  if (!ours && is_of_the_client(ours.error())) return {};
  if (!ours) return failure{ours.error()};
  const std::uint64_t number = ++last_number_;
  auto watched = syscall::watch_readable(watched_.get(), client.native_handle(), number);
  if (!watched) return watched;
  if (undecided_.size() == options_.max_undecided) {
    syscall::watch_no_more(watched_.get(), undecided_.front().socket.native_handle());
    undecided_.erase(undecided_.begin());
    let_go_ += 1;
  }
  undecided_.push_back({.number = number,
                        .socket = std::move(client),
                        .sender = std::move(ours->sender),
                        .receiver = std::move(ours->receiver)});
  return {};
}

// What a client has answered: a connection, if it has taken what it was offered.
result<std::optional<ring_connection>> ring_listener::look_at(std::uint64_t number) {
  const auto found = std::ranges::find(undecided_, number, &undecided::number);
  if (found == undecided_.end()) return std::optional<ring_connection>{};
  answer said;
  received_handles came;
  auto size = found->socket.try_receive(writable_bytes_of(said), came);
  if (!size && would_block(size.error())) return std::optional<ring_connection>{};
  undecided client = std::move(*found);
  syscall::watch_no_more(watched_.get(), client.socket.native_handle());
  undecided_.erase(found);
  if (!size && !is_of_the_client(size.error())) return failure{size.error()};
  if (!size || *size != sizeof said || !said.is_known()) return std::optional<ring_connection>{};
  if (said.what == verdict::taken) {
    auto met = complete(client.sender, client.receiver, came);
    if (met && client.sender.carrier() == ring_carrier::hardened) {
      auto told = client.socket.try_send(bytes_of(agreement{}));
      if (!told && is_of_the_client(told.error())) return std::optional<ring_connection>{};
      if (!told) return failure{told.error()};
    }
    if (met)
      return std::optional{ring_connection{std::move(client.socket), std::move(client.sender),
                                           std::move(client.receiver)}};
    if (!is_shortage(met.error())) return std::optional<ring_connection>{};
  }
  const ring_carrier refused = client.sender.carrier();
  if (refused == ring_carrier::socket) return std::optional<ring_connection>{};
  auto offered = offer_to(std::move(client.socket), next_of(refused));
  if (!offered) return failure{offered.error()};
  return std::optional<ring_connection>{};
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
    const auto first = is_trusted(*client) ? ring_carrier::shared : ring_carrier::hardened;
    auto offered = offer_to(std::move(*client), first);
    if (!offered) return failure{offered.error()};
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
