#pragma once
// Options of sockets that are one number. Source: getsockopt(2).

#include <sys/socket.h>
#include <sys/syscall.h>

#include <sluice/base/result.hpp>

#include "os/syscall_invoke.hpp"

namespace sluice::syscall {

[[nodiscard]] inline result<int> option(int socket, int level, int name) {
  int value = 0;
  socklen_t size = sizeof value;
  const long outcome = retried(SYS_getsockopt, socket, level, name, &value, &size);
  if (outcome < 0) return failed(outcome, "getsockopt");
  return value;
}

[[nodiscard]] inline result<void> set_option(int socket, int level, int name, int value) {
  const long outcome = retried(SYS_setsockopt, socket, level, name, &value, sizeof value);
  if (outcome < 0) return failed(outcome, "setsockopt");
  return {};
}

}  // namespace sluice::syscall
