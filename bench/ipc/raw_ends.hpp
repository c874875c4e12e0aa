#pragma once
// What raw floors are made of: descriptors of which each process keeps one, and errors that end a
// cell with the call that failed.

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <sluice/os/unique_fd.hpp>
#include <system_error>
#include <utility>

#include "transport.hpp"

namespace bench {

[[noreturn]] inline void fail(const char* operation) {
  throw std::system_error{errno, std::generic_category(), operation};
}

/// Whether a call that returned -1 is to be made again: an interruption, or, for who polls, that
/// nothing is there yet.
[[nodiscard]] inline bool is_worth_another_try() noexcept {
  return errno == EINTR || errno == EAGAIN;
}

inline void keep_from_blocking(int fd) {
  if (::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK) != 0) fail("fcntl");
}

/// Two descriptors: what is written into the second is read from the first. A death closes them.
class descriptor_pair {
 public:
  sluice::unique_fd take_receiver() {
    if (!one_process_) ends_[1].reset();
    return std::move(ends_[0]);
  }
  sluice::unique_fd take_sender() {
    if (!one_process_) ends_[0].reset();
    return std::move(ends_[1]);
  }

 protected:
  void keep(int receiver, int sender, const link_options& options) {
    ends_[0] = sluice::unique_fd{receiver};
    ends_[1] = sluice::unique_fd{sender};
    one_process_ = options.one_process;
  }
  std::array<sluice::unique_fd, 2> ends_;

 private:
  bool one_process_ = false;
};

}  // namespace bench
