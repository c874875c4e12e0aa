// What sleeps, with bare system calls: a futex that wakes, a pipe, a pair of connected sockets.

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstring>
#include <sluice/os/unique_fd.hpp>
#include <stdexcept>
#include <system_error>

#include "crew_parts.hpp"
#include "shared_bytes.hpp"
#include "transports.hpp"

namespace bench {

namespace {

/// A word beside a futex. The reply is what says that it may be written again.
class futex_link {
 public:
  struct control {
    futex_word turn;
    std::uint64_t value = 0;
  };
  explicit futex_link(const link_options& /*unused*/) : memory_(0) {}

  struct sender {
    control& shared;
    void send(sluice::const_bytes message) noexcept {
      std::memcpy(&shared.value, message.data(), sizeof shared.value);
      shared.turn.value.fetch_add(1);
      futex_wake(shared.turn.value);
    }
  };
  struct receiver {
    control& shared;
    std::uint32_t last = 0;
    std::size_t receive(sluice::mutable_bytes into) noexcept {
      while (shared.turn.value.load() == last) futex_wait(shared.turn.value, last);
      ++last;
      std::memcpy(into.data(), &shared.value, sizeof shared.value);
      return sizeof shared.value;
    }
  };
  sender become_sender() noexcept { return {memory_.control()}; }
  receiver become_receiver() noexcept { return {memory_.control()}; }

 private:
  shared_bytes<control> memory_;
};

[[noreturn]] void fail(const char* operation) {
  throw std::system_error{errno, std::generic_category(), operation};
}

/// Messages of a known size over a stream: no header, as many calls as the kernel makes of it.
class stream_end {
 public:
  explicit stream_end(sluice::unique_fd fd) noexcept : fd_(std::move(fd)) {}

  void send(sluice::const_bytes message) {
    while (!message.empty()) {
      const ssize_t written = ::write(fd_.get(), message.data(), message.size());
      if (written < 0 && errno != EINTR) fail("write");
      message = message.subspan(static_cast<std::size_t>(std::max<ssize_t>(written, 0)));
    }
  }
  std::size_t receive(sluice::mutable_bytes into) {
    const std::size_t size = into.size();
    while (!into.empty()) {
      const ssize_t got = ::read(fd_.get(), into.data(), into.size());
      if (got < 0 && errno != EINTR) fail("read");
      if (got == 0) throw std::runtime_error{"the other process closed the stream"};
      into = into.subspan(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    }
    return size;
  }

 private:
  sluice::unique_fd fd_;
};

/// Two descriptors, of which each process keeps one, so that a death ends the stream.
class descriptor_pair {
 public:
  stream_end become_receiver() {
    ends_[1].reset();
    return stream_end{std::move(ends_[0])};
  }
  stream_end become_sender() {
    ends_[0].reset();
    return stream_end{std::move(ends_[1])};
  }

 protected:
  void keep(const std::array<int, 2>& made) {
    ends_[0] = sluice::unique_fd{made[0]};
    ends_[1] = sluice::unique_fd{made[1]};
  }
  std::array<sluice::unique_fd, 2> ends_;
};

/// The kernel's limits for users are asked for where the memory of the cell is more.
constexpr std::size_t most_pipe_bytes = std::size_t{1} << 20;

class pipe_link : public descriptor_pair {
 public:
  explicit pipe_link(const link_options& options) {
    std::array<int, 2> made{};
    if (::pipe2(made.data(), O_CLOEXEC) != 0) fail("pipe2");
    keep(made);
    // Who may not have as much keeps the default.
    static_cast<void>(::fcntl(made[1], F_SETPIPE_SZ,
                              static_cast<int>(std::min(options.memory_bytes, most_pipe_bytes))));
  }
};

class socket_link : public descriptor_pair {
 public:
  explicit socket_link(const link_options& options) {
    std::array<int, 2> made{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, made.data()) != 0) fail("socketpair");
    keep(made);
    // The kernel takes its limit (net.core.wmem_max) where this is more.
    const int size = static_cast<int>(options.memory_bytes);
    static_cast<void>(::setsockopt(made[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof size));
  }
};

}  // namespace

void add_blocking_floors(std::vector<transport>& to) {
  to.push_back({.name = "futex_wake",
                .what = role::floor,
                .how = waiting::blocking,
                .latency_sizes = {},
                .throughput_sizes = no_size,
                .latency =
                    [](link_options options) {
                      options.message_bytes = word_bytes;  // whatever the others move
                      return ping_pong<futex_link, word_bytes>(options);
                    },
                .throughput = {},
                .wake = wake<futex_link, word_bytes>});
  to.push_back(make_blocking_transport<pipe_link>("pipe", role::floor));
  to.push_back(make_blocking_transport<socket_link>("socketpair", role::floor));
}

void add_pipe_crew(std::vector<crew_transport>& to) {
  crew_transport made = make_crew_transport<pipe_link>("pipe", role::floor);
  made.most_bytes = PIPE_BUF;  // several write to it: what is longer may be mixed
  to.push_back(std::move(made));
}

}  // namespace bench
