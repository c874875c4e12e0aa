// Raw sockets that keep boundaries: Unix seqpacket and datagram, UDP on the loopback address, with
// `send` and `recv` and the buffers that the kernel gives by default.

#include <netinet/in.h>
#include <sys/socket.h>

#include "call_count.hpp"
#include "make_transport.hpp"
#include "raw_ends.hpp"
#include "transports.hpp"

namespace bench {

namespace {

template <bool Polls>
class packet_end {
 public:
  packet_end(sluice::unique_fd fd, wait_loop wait) : fd_(std::move(fd)), wait_(wait) {}

  void send(sluice::const_bytes message) {
    while (counted([&] {
             return ::send(fd_.get(), message.data(), message.size(), MSG_NOSIGNAL | flags);
           }) < 0)
      try_again("send");
  }
  std::size_t receive(sluice::mutable_bytes into) {
    for (;;) {
      const ssize_t got =
          counted([&] { return ::recv(fd_.get(), into.data(), into.size(), MSG_TRUNC | flags); });
      if (got > 0) return static_cast<std::size_t>(got);
      if (got == 0) throw std::runtime_error{"the other process closed the connection"};
      try_again("recv");
    }
  }

 private:
  static constexpr int flags = Polls ? MSG_DONTWAIT : 0;
  void try_again(const char* operation) {
    if (!is_worth_another_try()) fail(operation);
    wait_();
  }
  sluice::unique_fd fd_;
  wait_loop wait_;
};

template <int Type>
struct unix_pair : descriptor_pair {
  explicit unix_pair(const link_options& options) {
    std::array<int, 2> made{};
    if (::socketpair(AF_UNIX, Type | SOCK_CLOEXEC, 0, made.data()) != 0) fail("socketpair");
    keep(made[0], made[1], options);
  }
};

struct udp_pair : descriptor_pair {
  explicit udp_pair(const link_options& options) {
    const int receiver = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const int sender = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    keep(receiver, sender, options);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* any = reinterpret_cast<sockaddr*>(&address);
    if (receiver < 0 || sender < 0 || ::bind(receiver, any, size) != 0 ||
        ::getsockname(receiver, any, &size) != 0 || ::connect(sender, any, size) != 0)
      fail("connect");
  }
};

template <class Pair>
struct raw_packets {
  template <bool Polls>
  class link {
   public:
    explicit link(const link_options& options) : wait_(options.wait), ends_(options) {}
    packet_end<Polls> become_receiver() { return {ends_.take_receiver(), wait_}; }
    packet_end<Polls> become_sender() { return {ends_.take_sender(), wait_}; }

   private:
    wait_loop wait_;
    Pair ends_;
  };
};

}  // namespace

void add_raw_packets(std::vector<transport>& to) {
  add_both<raw_packets<unix_pair<SOCK_SEQPACKET>>::link<true>,
           raw_packets<unix_pair<SOCK_SEQPACKET>>::link<false>>(to, "raw_unix_seqpacket",
                                                                role::floor, socket_sizes);
  add_both<raw_packets<unix_pair<SOCK_DGRAM>>::link<true>,
           raw_packets<unix_pair<SOCK_DGRAM>>::link<false>>(to, "raw_unix_datagram", role::floor,
                                                            socket_sizes);
  add_both<raw_packets<udp_pair>::link<true>, raw_packets<udp_pair>::link<false>>(
      to, "raw_udp", role::floor, udp_sizes);
  only_one_by_one(to, 2);
}

}  // namespace bench
