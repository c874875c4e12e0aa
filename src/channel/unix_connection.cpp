#include <sluice/channel/unix_connection.hpp>
#include <sluice/os/unix_address.hpp>

#include "channel/growing_pause.hpp"
#include "os/syscall.hpp"
#include "os/unix_endpoint.hpp"

namespace sluice::unix_connection {

namespace {

unix_endpoint::connect_options trust_of(const unix_connect_options& options) {
  return {.owner = options.owner.value_or(syscall::effective_user()),
          .directory = options.directory};
}

bool is_absent(const error& reason) {
  return reason == std::errc::no_such_file_or_directory || reason == std::errc::connection_refused;
}

// Tries until it works, or until it is no use.
template <class Attempt>
auto retry(deadline until, bool wait_for_peer, Attempt&& attempt) -> decltype(attempt()) {
  growing_pause pause;
  for (;;) {
    auto made = attempt();
    if (made) return made;
    const bool absent = is_absent(made.error());
    if (!would_block(made.error()) && !(absent && wait_for_peer)) return made;
    if (until.has_passed())
      return failure{std::errc::timed_out, "connect",
                     absent ? "nobody listens at this address" : "the listener accepts nobody"};
    if (auto slept = syscall::sleep(pause.next(until)); !slept) return failure{slept.error()};
  }
}

}  // namespace

result<unique_fd> open(socket_type type, std::string_view address, deadline until,
                       const unix_connect_options& options) {
  auto parsed = unix_address::parse(address);
  if (!parsed) return failure{parsed.error()};
  return retry(until, options.wait_for_peer,
               [&] { return unix_endpoint::connect(type, *parsed, trust_of(options)); });
}

result<void> point(int socket, std::string_view address, deadline until,
                   const unix_connect_options& options) {
  auto parsed = unix_address::parse(address);
  if (!parsed) return failure{parsed.error()};
  return retry(until, options.wait_for_peer,
               [&] { return unix_endpoint::connect(socket, *parsed, trust_of(options)); });
}

}  // namespace sluice::unix_connection
