// What a service manager says in the environment about sockets that it handed over: no descriptor
// is taken that is not a listening socket of the type that was asked for, and meant for us.

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <initializer_list>
#include <string>

#include "fuzz/script.hpp"
#include "fuzz/target.hpp"
#include "fuzz/targets.hpp"
#include "os/inherited_socket.hpp"

namespace sluice::test {
namespace {

// A socket under an abstract name that the kernel chooses.
unique_fd next_socket(script& input) {
  const int type = input.coin() ? SOCK_STREAM : SOCK_SEQPACKET;
  unique_fd fd{::socket(AF_UNIX, type | SOCK_CLOEXEC, 0)};
  sockaddr_un any{};
  any.sun_family = AF_UNIX;
  require(::bind(fd.get(), reinterpret_cast<sockaddr*>(&any), sizeof(sa_family_t)) == 0, "bound");
  if (input.below(4) != 0) require(::listen(fd.get(), 1) == 0, "it listens");
  return fd;
}

std::string next_number(script& input, long right) {
  switch (input.below(4)) {
    case 0:
      return input.text(12);
    case 1:
      return std::to_string(input.number<std::int32_t>());
    default:
      return std::to_string(right);
  }
}

}  // namespace
}  // namespace sluice::test

int sluice_fuzz_inherited(const std::uint8_t* data, std::size_t size) {
  using namespace sluice;
  using namespace sluice::test;
  const nothing_left_behind checked;
  script input{data, size};
  unique_fd fd = next_socket(input);
  const auto index = static_cast<std::size_t>(fd.get() - 3);
  const std::string process = next_number(input, ::getpid());
  const std::string count = next_number(input, fd.get() - 2);
  ::setenv("LISTEN_PID", process.c_str(), 1);
  ::setenv("LISTEN_FDS", count.c_str(), 1);
  if (input.below(16) == 0) ::unsetenv("LISTEN_PID");
  const auto type = input.coin() ? socket_type::stream : socket_type::seqpacket;
  const auto family =
      input.coin() ? syscall::socket_family::unix_domain : syscall::socket_family::v4;
  auto taken = inherited_socket::take(index, {family}, type);
  if (taken) {
    require(taken->get() == fd.release(), "what is taken is what was meant");
    require(family == syscall::socket_family::unix_domain,
            "it is of the family that was asked for");
    require(std::getenv("LISTEN_PID") != nullptr &&
                std::strtol(process.c_str(), nullptr, 10) == ::getpid(),
            "it was meant for us");
    require(std::strtol(count.c_str(), nullptr, 10) > static_cast<long>(index),
            "it is one of those");
    int listens = 0;
    socklen_t bytes = sizeof listens;
    require(::getsockopt(taken->get(), SOL_SOCKET, SO_ACCEPTCONN, &listens, &bytes) == 0 &&
                listens != 0,
            "it listens");
    int kind = 0;
    require(::getsockopt(taken->get(), SOL_SOCKET, SO_TYPE, &kind, &bytes) == 0 &&
                kind == (type == socket_type::stream ? SOCK_STREAM : SOCK_SEQPACKET),
            "it is of the type that was asked for");
  }
  // None that is not there.
  require(!inherited_socket::take(index + 1000, {family}, type), "what is not open is not taken");
  ::unsetenv("LISTEN_PID");
  ::unsetenv("LISTEN_FDS");
  return 0;
}
