#include <algorithm>
#include <optional>
#include <sluice/compose/ring_connection.hpp>

#include "compose/ring_hand_over.hpp"
#include "os/syscall.hpp"
#include "os/syscall_sockets.hpp"
#include "os/syscall_watch.hpp"

namespace sluice {

namespace {

using namespace ring_hand_over;

constexpr const char* operation = "ring_connection::connect";
// Three offers and an agreement, or that it lets us go.
constexpr int most_words = 5;

// What the listener says.
struct word {
  enum class kind { offer, out_of_reach, agreement, turned_away };
  kind is = kind::offer;
  offer what = {};
};

// Nothing but `mark`, a text of eight bytes.
template <class Text>
bool is_text(const offer& said, std::size_t size, const received_handles& came) {
  return size == sizeof(Text) && said.mark == Text{}.mark && came.empty();
}

result<word> receive_word(unix_seqpacket& server, received_handles& came, bool may_agree,
                          deadline until) {
  word said;
  offer& what = said.what;
  auto size = server.receive(writable_bytes_of(what), came, until);
  if (!size && size.error() == std::errc::message_size)
    return word{.is = word::kind::out_of_reach};  // descriptors for which there is no room here
  // It went, and left of ours what it had not heard.
  if (!size && size.error() == std::errc::connection_reset) return failure{errc::closed, operation};
  if (size && is_text<turned_away>(what, *size, came)) return word{.is = word::kind::turned_away};
  if (size && may_agree && is_text<agreement>(what, *size, came))
    return word{.is = word::kind::agreement};
  const bool is_other =
      size ? *size != sizeof what || !what.is_known() || came.size() != handles_of(what.carrier)
           : size.error() == std::errc::no_buffer_space;
  if (is_other)
    return failure{errc::incompatible, operation, "the listener hands out something else"};
  if (!size) return failure{size.error()};
  if (!is_capacity(what.to_client_bytes) || !is_capacity(what.from_client_bytes))
    return failure{errc::incompatible, operation, "the listener offers a size that no ring has"};
  return said;
}

// One that hangs up meanwhile has said why, which is received next.
result<void> say(unix_seqpacket& server, const_bytes words) {
  auto said = server.try_send(words);
  if (!said && said.error() == std::errc::broken_pipe) return {};
  return said;
}

// What came of an offer.
struct taking {
  bool is_taken = false;
  std::optional<ring_connection_ends> rings = {};
};

// Takes it, or says that it wants something else.
result<taking> answer_to(unix_seqpacket& server, const word& said, received_handles& came,
                         ring_carrier best, const ring_wait_options& wait) {
  const bool is_offer = said.is == word::kind::offer;
  const ring_carrier carrier = said.what.carrier;
  if (is_offer && carrier == ring_carrier::socket) {
    if (auto sent = say(server, bytes_of(answer{})); !sent) return failure{sent.error()};
    return taking{.is_taken = true};
  }
  if (is_offer && carrier >= best) {
    auto mine = take(server, said.what, came, wait);
    if (mine) return taking{.is_taken = true, .rings = std::move(*mine)};
    if (mine.error() == std::errc::broken_pipe) return taking{};
    if (!is_shortage(mine.error())) return failure{mine.error()};
  }
  auto sent = say(server, bytes_of(answer{.what = verdict::something_else}));
  if (!sent) return failure{sent.error()};
  return taking{};
}

}  // namespace

ring_connection ring_connection::over_rings(unix_seqpacket connection, ring_connection_ends rings) {
  return {std::make_shared<unix_seqpacket>(std::move(connection)), std::move(rings)};
}

result<ring_connection> ring_connection::over_socket(unix_seqpacket connection,
                                                     std::uint64_t sending_bytes,
                                                     std::uint64_t receiving_bytes) {
  auto shared = std::make_shared<unix_seqpacket>(std::move(connection));
  auto ends = over_connection(shared, sending_bytes, receiving_bytes);
  if (!ends) return failure{ends.error()};
  ring_connection met{std::move(shared), std::move(*ends)};
  // An end is always told of, also where nothing else is asked for. Without such a list there is
  // the socket itself.
  auto list = syscall::watch_list();
  if (list && syscall::watch(list->get(), met.connection_->native_handle(), {}, 0))
    met.hang_up_ = std::move(*list);
  return met;
}

result<std::optional<ring_connection>> ring_connection::meet(std::string_view address,
                                                             deadline until,
                                                             const ring_connect_options& options) {
  auto server = unix_seqpacket::connect(address, until, options.socket);
  if (!server) return failure{server.error()};
  auto who = server->peer_credentials();
  if (!who) return failure{who.error()};
  const ring_carrier best = best_with(who->user, options.trust);
  auto greeted =
      say(*server, bytes_of(hello{.best = best, .max_capacity_bytes = options.max_capacity_bytes}));
  if (!greeted) return failure{greeted.error()};
  std::optional<offer> last;
  taking mine;
  for (int words = 0; words < most_words; ++words) {
    received_handles came;
    auto said = receive_word(*server, came, mine.is_taken, until);
    if (!said) return failure{said.error()};
    if (said->is == word::kind::turned_away) return std::optional<ring_connection>{};
    if (said->is == word::kind::agreement) {
      if (mine.rings) return std::optional{over_rings(std::move(*server), std::move(*mine.rings))};
      return over_socket(std::move(*server), last->from_client_bytes, last->to_client_bytes)
          .transform([](ring_connection&& met) { return std::optional{std::move(met)}; });
    }
    if (said->is == word::kind::offer) {
      const offer& what = said->what;
      if (last && what.carrier <= last->carrier)
        return failure{errc::incompatible, operation, "the listener offers what was refused"};
      if (std::max(what.to_client_bytes, what.from_client_bytes) > options.max_capacity_bytes)
        return failure{std::errc::value_too_large, operation,
                       "a ring of the listener is beyond ring_connect_options::max_capacity_bytes"};
      last = what;
    }
    auto answered = answer_to(*server, *said, came, best, options.wait);
    if (!answered) return failure{answered.error()};
    mine = std::move(*answered);
    if (mine.rings && last->carrier == ring_carrier::shared)
      return std::optional{over_rings(std::move(*server), std::move(*mine.rings))};
  }
  return failure{errc::incompatible, operation, "the listener comes to no end"};
}

result<ring_connection> ring_connection::connect(std::string_view address, deadline until,
                                                 const ring_connect_options& options) {
  for (;;) {
    auto met = meet(address, until, options);
    if (!met) return failure{met.error()};
    if (*met) return std::move(**met);
    if (until.has_passed())
      return failure{std::errc::timed_out, operation, "the listener is overrun: it let us go"};
  }
}

result<bool> ring_connection::peer_has_left() const {
  const int socket = connection_->native_handle();
  // Beside rings nothing more is ever sent over the connection: whatever can be read is its end.
  if (carrier() != ring_carrier::socket) return syscall::is_readable(socket);
  return syscall::has_hung_up(socket);
}

}  // namespace sluice
