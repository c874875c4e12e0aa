// Raw byte streams: an anonymous pipe, a FIFO, a pair of Unix stream sockets, a TCP connection on
// the loopback address. Messages of a known size: no header, and as many calls as the kernel makes
// of it. `write` and `read` for all, as one would without a library.

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <climits>
#include <stdexcept>

#include "call_count.hpp"
#include "crew_parts.hpp"
#include "make_transport.hpp"
#include "raw_ends.hpp"
#include "transports.hpp"

namespace bench {

namespace {

/// One end, waiting in the call, or polled with descriptors that do not block.
template <bool Polls>
class stream_end {
 public:
  stream_end(sluice::unique_fd fd, wait_loop wait) : fd_(std::move(fd)), wait_(wait) {
    if (Polls) keep_from_blocking(fd_.get());
  }

  void send(sluice::const_bytes message) {
    while (!message.empty()) {
      const ssize_t written =
          counted([&] { return ::write(fd_.get(), message.data(), message.size()); });
      message = message.subspan(done(written, "write"));
    }
  }
  std::size_t receive(sluice::mutable_bytes into) {
    const std::size_t size = into.size();
    while (!into.empty()) {
      const ssize_t got = counted([&] { return ::read(fd_.get(), into.data(), into.size()); });
      if (got == 0) throw std::runtime_error{"the other process closed the stream"};
      into = into.subspan(done(got, "read"));
    }
    return size;
  }

 private:
  std::size_t done(ssize_t moved, const char* operation) {
    if (moved >= 0) return static_cast<std::size_t>(moved);
    if (!is_worth_another_try()) fail(operation);
    wait_();
    return 0;
  }
  sluice::unique_fd fd_;
  wait_loop wait_;
};

/// The kernel's limits for users are asked for where the memory of the cell is more.
constexpr std::size_t most_pipe_bytes = std::size_t{1} << 20;

// Who may not have as much keeps the default.
void enlarge_pipe(int fd, const link_options& options) {
  static_cast<void>(
      ::fcntl(fd, F_SETPIPE_SZ, static_cast<int>(std::min(options.memory_bytes, most_pipe_bytes))));
}

struct pipe_pair : descriptor_pair {
  explicit pipe_pair(const link_options& options) {
    std::array<int, 2> made{};
    if (::pipe2(made.data(), O_CLOEXEC) != 0) fail("pipe2");
    keep(made[0], made[1], options);
    enlarge_pipe(made[1], options);
  }
};

struct fifo_pair : descriptor_pair {
  explicit fifo_pair(const link_options& options) {
    const std::string path = options.address + ".raw_fifo";
    if (::mkfifo(path.c_str(), 0600) != 0) fail("mkfifo");
    // The reader comes first and must not wait for the writer, who then finds one.
    const int reader = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    const int writer = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
    ::unlink(path.c_str());
    keep(reader, writer, options);
    if (reader < 0 || writer < 0) fail("open");
    if (::fcntl(reader, F_SETFL, O_RDONLY) != 0) fail("fcntl");
    enlarge_pipe(writer, options);
  }
};

/// With the buffers that the kernel gives by default, as the library leaves them.
struct unix_pair : descriptor_pair {
  explicit unix_pair(const link_options& options) {
    std::array<int, 2> made{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, made.data()) != 0) fail("socketpair");
    keep(made[0], made[1], options);
  }
};

/// Both ends know the other one before they are forked. What is written goes out at once, as for
/// messages it must.
struct tcp_pair : descriptor_pair {
  explicit tcp_pair(const link_options& options) {
    const sluice::unique_fd listener{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* any = reinterpret_cast<sockaddr*>(&address);
    if (!listener || ::bind(listener.get(), any, size) != 0 || ::listen(listener.get(), 1) != 0 ||
        ::getsockname(listener.get(), any, &size) != 0)
      fail("listen");
    const int sender = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    keep(-1, sender, options);
    if (sender < 0 || ::connect(sender, any, size) != 0) fail("connect");
    const int receiver = ::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC);
    if (receiver < 0) fail("accept4");
    ends_[0] = sluice::unique_fd{receiver};
    const int yes = 1;
    for (const int fd : {sender, receiver}) {
      if (::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes) != 0) fail("TCP_NODELAY");
    }
  }
};

template <class Pair>
struct raw_stream {
  template <bool Polls>
  class link {
   public:
    explicit link(const link_options& options) : wait_(options.wait), ends_(options) {}
    stream_end<Polls> become_receiver() { return {ends_.take_receiver(), wait_}; }
    stream_end<Polls> become_sender() { return {ends_.take_sender(), wait_}; }

   private:
    wait_loop wait_;
    Pair ends_;
  };
};

}  // namespace

void add_raw_streams(std::vector<transport>& to) {
  add_both<raw_stream<pipe_pair>::link<true>, raw_stream<pipe_pair>::link<false>>(to, "raw_pipe",
                                                                                  role::floor, {});
  add_both<raw_stream<fifo_pair>::link<true>, raw_stream<fifo_pair>::link<false>>(to, "raw_fifo",
                                                                                  role::floor, {});
  add_both<raw_stream<unix_pair>::link<true>, raw_stream<unix_pair>::link<false>>(
      to, "raw_unix_stream", role::floor, {});
  add_both<raw_stream<tcp_pair>::link<true>, raw_stream<tcp_pair>::link<false>>(to, "raw_tcp",
                                                                                role::floor, {});
}

void add_raw_stream_crews(std::vector<crew_transport>& to) {
  crew_transport made =
      make_crew_transport<raw_stream<pipe_pair>::link<false>>("raw_pipe", role::floor);
  made.most_bytes = PIPE_BUF;  // several write to it: what is longer may be mixed
  to.push_back(std::move(made));
}

}  // namespace bench
