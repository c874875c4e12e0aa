#include <sluice/channel/unix_stream.hpp>

#include "os/syscall_sockets.hpp"

namespace sluice {

result<unix_stream> unix_stream::connect(std::string_view address, deadline until,
                                         const unix_connect_options& options) {
  auto fd = unix_connection::open(type, address, until, options);
  if (!fd) return failure{fd.error()};
  return unix_stream{stream_socket{std::move(*fd)}};
}

result<unix_stream_pair> unix_stream::create_pair() {
  auto ends = syscall::socket_pair(type);
  if (!ends) return failure{ends.error()};
  return unix_stream_pair{unix_stream{stream_socket{std::move(ends->one)}},
                          unix_stream{stream_socket{std::move(ends->other)}}};
}

result<unix_stream> unix_stream::from_native(unique_fd fd) {
  auto facts = syscall::facts_of(fd.get());
  if (!facts) return failure{facts.error()};
  if (facts->family != syscall::socket_family::unix_domain || facts->type != type ||
      facts->is_listening)
    return failure{std::errc::invalid_argument, "from_native",
                   "not a connected Unix stream socket"};
  return unix_stream{stream_socket{std::move(fd)}};
}

result<unix_stream> unix_stream::duplicate() const {
  auto copy = socket_.duplicate();
  if (!copy) return failure{copy.error()};
  return unix_stream{std::move(*copy)};
}

}  // namespace sluice
