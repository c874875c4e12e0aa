#include "os/unix_endpoint.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <string>

#include "os/named_directory.hpp"
#include "os/named_file.hpp"
#include "os/syscall.hpp"
#include "os/syscall_sockets.hpp"

namespace sluice::unix_endpoint {

namespace {

using syscall::socket_family;

constexpr named_file::kind socket_kind{
    .type = S_IFSOCK,
    .operation = "unix_address",
    .other_type = "the name leads to something else than a socket",
    .other_owner = "the socket belongs to another user: name the owner in the options to accept it",
    .open_to_all = "",
};

constexpr const char* taken = "somebody has this address";

// That everybody may connect endangers nobody who connects.
result<void> check(const struct stat& found, uid_t owner) {
  return named_file::check(found, socket_kind, {.owner = owner, .world_writable = true});
}

// A way to a file that is held open, whatever names lead to it: a socket's path is short, and the
// directories of a path may be renamed or replaced meanwhile.
result<syscall::socket_address> address_of(int fd, const std::string& leaf = {}) {
  return syscall::path_address("/proc/self/fd/" + std::to_string(fd) +
                               (leaf.empty() ? "" : "/" + leaf));
}

failure without_proc(const error& reason) {
  if (reason == std::errc::no_such_file_or_directory)
    return failure{reason.with_hint("the names of sockets need /proc mounted")};
  return failure{reason};
}

// Only named (O_PATH): a socket cannot be opened.
result<unique_fd> open_file(const name_place& place, uid_t owner) {
  auto fd = syscall::open_at(place.directory(), place.leaf().c_str(), O_PATH | O_NOFOLLOW);
  if (!fd) return fd;
  auto found = syscall::status(fd->get());
  if (!found) return failure{found.error()};
  if (auto checked = check(*found, owner); !checked) return failure{checked.error()};
  return fd;
}

// Whether no process has a socket bound to this file any more. A connection would disturb a
// listener that lives; one of another type than its own is refused with another reason than that
// nobody is there, and of the same type (datagrams) it does nothing to the other side.
result<bool> is_left_behind(const name_place& place) {
  auto file = open_file(place, syscall::effective_user());
  if (!file) return failure{file.error()};
  auto probe = syscall::socket(socket_family::unix_domain, socket_type::datagram);
  if (!probe) return failure{probe.error()};
  auto address = address_of(file->get());
  if (!address) return failure{address.error()};
  auto found = syscall::connect(probe->get(), *address);
  if (found) return false;
  if (found.error() == std::errc::connection_refused) return true;
  if (found.error() == std::errc::wrong_protocol_type) return false;
  // Somebody receives datagrams there, of another sender alone.
  if (found.error() == std::errc::operation_not_permitted)
    return failure{found.error().with_hint(taken)};
  return without_proc(found.error());
}

// Binds the socket under `leaf`, with exactly this mode, and lets it listen.
result<file_identity> make(int socket, int directory, const char* leaf, socket_type type,
                           const bind_options& options) {
  auto address = address_of(directory, leaf);
  if (!address) return failure{address.error()};
  if (auto bound = syscall::bind(socket, *address); !bound) return without_proc(bound.error());
  const auto settle = [&]() -> result<file_identity> {
    auto file = syscall::open_at(directory, leaf, O_PATH | O_NOFOLLOW);
    if (!file) return failure{file.error()};
    auto found = syscall::status(file->get());
    if (!found) return failure{found.error()};
    if (auto ours = check(*found, syscall::effective_user()); !ours) return failure{ours.error()};
    if ((found->st_mode & 07777) != options.mode)
      if (auto exact = syscall::set_mode(file->get(), options.mode); !exact)
        return failure{exact.error()};
    if (type != socket_type::datagram)
      if (auto listens = syscall::listen(socket, options.backlog); !listens)
        return failure{listens.error()};
    return named_file::identity_of(*found);
  };
  auto settled = settle();
  if (!settled) static_cast<void>(syscall::unlink_at(directory, leaf));
  return settled;
}

bool is_taken(const error& reason) {
  return reason == std::errc::file_exists || reason == std::errc::address_in_use;
}

struct published {
  unique_fd fd;
  file_identity identity;
};

// Gives a new socket its name. A socket that was bound once cannot be bound again.
result<published> publish(socket_type type, const name_place& place, const bind_options& options) {
  auto socket = syscall::socket(socket_family::unix_domain, type);
  if (!socket) return failure{socket.error()};
  // The file gets the mode of the socket, less what the umask takes: at no time is it open to more.
  if (auto set = syscall::set_mode(socket->get(), options.mode); !set) return failure{set.error()};
  auto made = named_file::publish(place, [&](const char* leaf) {
    return make(socket->get(), place.directory(), leaf, type, options);
  });
  if (!made) return failure{made.error()};
  return published{std::move(*socket), *made};
}

// Removes what nobody is bound to any more; `address_in_use` if somebody is.
result<void> clear_away(const name_place& place) {
  // A path outside of the runtime directory is bound without a lock, which bind(2) makes one winner
  // of. To clear a name away takes the lock of its directory there, too: else two who both found
  // the name left behind could each clear away what the other just made.
  auto clearing = place.in_runtime_directory() ? result<directory_lock>{directory_lock{}}
                                               : lock_directory(place.directory());
  if (!clearing) return failure{clearing.error()};
  auto stale = is_left_behind(place);
  if (!stale && stale.error() == std::errc::no_such_file_or_directory) return {};
  if (!stale) return failure{stale.error()};
  if (!*stale) return failure{std::errc::address_in_use, "bind", taken};
  return syscall::unlink_at(place.directory(), place.leaf().c_str());
}

result<bound> bind_name(socket_type type, name_place place, const bind_options& options) {
  auto checked = named_file::check_mode(options.mode, place, options.directory, "unix_address");
  if (!checked) return failure{checked.error()};
  auto lock = place.lock();
  if (!lock) return failure{lock.error()};
  auto made = publish(type, place, options);
  if (!made && is_taken(made.error())) {
    if (auto cleared = clear_away(place); !cleared) return failure{cleared.error()};
    made = publish(type, place, options);
  }
  if (!made && is_taken(made.error())) return failure{std::errc::address_in_use, "bind", taken};
  if (!made) return failure{made.error()};
  return bound{std::move(made->fd), owned_name{std::move(place), made->identity}};
}

result<name_place> place_of(const unix_address& address,
                            const runtime_directory_options& directory) {
  return name_place::resolve(*address.name(), ".sock", directory);
}

}  // namespace

result<bound> bind(socket_type type, const unix_address& address, const bind_options& options) {
  if (!address.is_abstract()) {
    auto place = place_of(address, options.directory);
    if (!place) return failure{place.error()};
    return bind_name(type, std::move(*place), options);
  }
  auto socket = syscall::socket(socket_family::unix_domain, type);
  if (!socket) return failure{socket.error()};
  auto named = syscall::bind(socket->get(), syscall::abstract_address(address.abstract_name()));
  if (!named && named.error() == std::errc::address_in_use)
    return failure{named.error().with_hint(taken)};
  if (!named) return failure{named.error()};
  if (type != socket_type::datagram)
    if (auto listens = syscall::listen(socket->get(), options.backlog); !listens)
      return failure{listens.error()};
  return bound{std::move(*socket), std::nullopt};
}

result<void> connect(int socket, const unix_address& address, const connect_options& options) {
  if (!address.is_abstract()) {
    auto place = place_of(address, options.directory);
    if (!place) return failure{place.error()};
    auto file = open_file(*place, options.owner);
    if (!file) return failure{file.error()};
    auto way = address_of(file->get());
    if (!way) return failure{way.error()};
    auto made = syscall::connect(socket, *way);
    if (!made) return without_proc(made.error());
    return {};
  }
  auto made = syscall::connect(socket, syscall::abstract_address(address.abstract_name()));
  if (!made) return failure{made.error()};
  auto who = syscall::peer_credentials(socket);
  // Where there are no connections the kernel does not know.
  if (!who) return failure{who.error()};
  if (who->process != 0 && who->user != options.owner)
    return failure{std::errc::permission_denied, "unix_address", socket_kind.other_owner};
  return {};
}

result<unique_fd> connect(socket_type type, const unix_address& address,
                          const connect_options& options) {
  auto socket = syscall::socket(
      socket_family::unix_domain, type,
      type == socket_type::datagram ? syscall::blocking::yes : syscall::blocking::no);
  if (!socket) return socket;
  if (auto made = connect(socket->get(), address, options); !made) return failure{made.error()};
  if (type != socket_type::datagram)
    if (auto set = syscall::set_nonblocking(socket->get(), false); !set)
      return failure{set.error()};
  return socket;
}

}  // namespace sluice::unix_endpoint
