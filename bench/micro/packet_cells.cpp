#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <memory>
#include <sluice/channel/ring_channel.hpp>
#include <sluice/channel/udp_socket.hpp>
#include <sluice/channel/unix_datagram.hpp>
#include <sluice/channel/unix_seqpacket.hpp>
#include <sluice/compose/any_channel.hpp>
#include <stdexcept>
#include <vector>

#include "one_process.hpp"
#include "payload.hpp"
#include "stream_contest.hpp"

namespace bench {

namespace {

/// Both ends in this process: what goes in at the one comes out at the other.
template <class Sender, class Receiver>
struct message_ends {
  Sender sender;
  Receiver receiver;
  int out_fd;
  int in_fd;
  std::vector<std::byte> out;
  std::vector<std::byte> in;

  message_ends(Sender to, Receiver from, std::array<int, 2> fds, std::size_t size)
      : sender(std::move(to)),
        receiver(std::move(from)),
        out_fd(fds[0]),
        in_fd(fds[1]),
        out(size),
        in(size) {}

  void move(std::uint64_t i) {
    write_payload(i, out);
    sender.send(out).value();
    const std::size_t got = receiver.receive(in).value();
    expect_payload(i, sluice::const_bytes{in}.first(got), out.size());
  }
  // The same with the calls themselves, over the same sockets.
  template <class Receive>
  void move_raw(std::uint64_t i, Receive receive) {
    write_payload(i, out);
    expect_bytes(::send(out_fd, out.data(), out.size(), MSG_NOSIGNAL), "send");
    expect_payload(i, sluice::const_bytes{in}.first(receive()), out.size());
  }
  std::size_t receive_raw() {
    return expect_bytes(::recv(in_fd, in.data(), in.size(), MSG_TRUNC), "recv");
  }
  // What is too long stays.
  std::size_t look_and_receive_raw() {
    constexpr int look = MSG_PEEK | MSG_TRUNC;
    if (expect_bytes(::recv(in_fd, nullptr, 0, look), "recv") > in.size())
      throw std::runtime_error{"a message is too long"};
    return receive_raw();
  }
  std::size_t receive_raw_from(sockaddr_storage& from) {
    socklen_t size = sizeof from;
    auto* any = reinterpret_cast<sockaddr*>(&from);
    return expect_bytes(::recvfrom(in_fd, in.data(), in.size(), MSG_TRUNC, any, &size), "recvfrom");
  }
};

template <class Sender, class Receiver>
auto share(Sender sender, Receiver receiver, std::array<int, 2> fds, std::size_t size) {
  return std::make_shared<message_ends<Sender, Receiver>>(std::move(sender), std::move(receiver),
                                                          fds, size);
}

/// The receiver was made for messages of this size.
contest open_datagram(std::size_t size, const cell_settings& settings) {
  auto made = sluice::unix_datagram_receiver::create_pair(size).value();
  const std::array fds{made.sender.native_handle(), made.receiver.native_handle()};
  auto both = share(std::move(made.sender), std::move(made.receiver), fds, size);
  return one_process(
      [=](std::uint64_t i) { both->move(i); },
      [=](std::uint64_t i) { both->move_raw(i, [&] { return both->receive_raw(); }); }, settings);
}

/// Longer ones might come, and would have to stay: both sides look first.
contest open_datagram_looking(std::size_t size, const cell_settings& settings) {
  auto made = sluice::unix_datagram_receiver::create_pair().value();
  const std::array fds{made.sender.native_handle(), made.receiver.native_handle()};
  auto both = share(std::move(made.sender), std::move(made.receiver), fds, size);
  return one_process(
      [=](std::uint64_t i) { both->move(i); },
      [=](std::uint64_t i) { both->move_raw(i, [&] { return both->look_and_receive_raw(); }); },
      settings, 3);
}

/// Who sent it is told by both; a message that is too long stays with Sluice alone.
contest open_udp(std::size_t size, const cell_settings& settings) {
  auto receiver = sluice::udp_socket::create().value();
  auto sender = sluice::udp_socket::create().value();
  sender.connect(receiver.address()).value();
  const std::array fds{sender.native_handle(), receiver.native_handle()};
  auto both = share(std::move(sender), std::move(receiver), fds, size);
  auto from = std::make_shared<sockaddr_storage>();
  return one_process(
      [=](std::uint64_t i) { both->move(i); },
      [=](std::uint64_t i) { both->move_raw(i, [&] { return both->receive_raw_from(*from); }); },
      settings);
}

/// Ends that forgot what they are, against raw calls.
contest open_any_seqpacket(std::size_t size, const cell_settings& settings) {
  auto made = sluice::unix_seqpacket::create_pair(size).value();
  const std::array fds{made.first.native_handle(), made.second.native_handle()};
  auto both = share(sluice::any_sender{std::move(made.first)},
                    sluice::any_receiver{std::move(made.second)}, fds, size);
  return one_process(
      [=](std::uint64_t i) { both->move(i); },
      [=](std::uint64_t i) { both->move_raw(i, [&] { return both->receive_raw(); }); }, settings);
}

/// The same of a ring, which makes no calls: against its ends as they are.
contest open_any_ring(std::size_t size, const cell_settings& settings) {
  using ring = sluice::ring_channel;
  const auto open = [] { return ring::create_anonymous({.capacity_bytes = 1U << 16}).value(); };
  const auto attached = [size](const ring& one, auto erase_sender, auto erase_receiver) {
    return share(erase_sender(sluice::ring_sender::attach(one).value()),
                 erase_receiver(sluice::ring_receiver::attach(one).value()), {-1, -1}, size);
  };
  const auto as_it_is = [](auto end) { return end; };
  auto erased = attached(
      open(), [](sluice::ring_sender end) { return sluice::any_sender{std::move(end)}; },
      [](sluice::ring_receiver end) { return sluice::any_receiver{std::move(end)}; });
  auto plain = attached(open(), as_it_is, as_it_is);
  return one_process([=](std::uint64_t i) { erased->move(i); },
                     [=](std::uint64_t i) { plain->move(i); }, settings, 0);
}

/// A descriptor that goes with a message of `size` bytes, and is closed by who got it.
class descriptor_ends {
 public:
  explicit descriptor_ends(std::size_t size) : out_(size), in_(size) {}

  void move(std::uint64_t i) {
    write_payload(i, out_);
    const std::array<int, 1> passed{STDIN_FILENO};
    ends_.first.send(out_, passed).value();
    const std::size_t got = ends_.second.receive(in_, handles_).value();
    expect_payload(i, sluice::const_bytes{in_}.first(got), out_.size());
    if (handles_.size() != 1) throw std::runtime_error{"no descriptor came"};
    handles_.clear();
  }

  void move_raw(std::uint64_t i) {
    write_payload(i, out_);
    std::array<control, 2> controls{};
    iovec sent{.iov_base = out_.data(), .iov_len = out_.size()};
    msghdr sending = header(sent, controls[0]);
    cmsghdr& rights = *CMSG_FIRSTHDR(&sending);
    rights.cmsg_level = SOL_SOCKET;
    rights.cmsg_type = SCM_RIGHTS;
    rights.cmsg_len = CMSG_LEN(sizeof(int));
    const int passed = STDIN_FILENO;
    std::memcpy(CMSG_DATA(&rights), &passed, sizeof passed);
    expect_bytes(::sendmsg(ends_.first.native_handle(), &sending, MSG_NOSIGNAL), "sendmsg");

    iovec room{.iov_base = in_.data(), .iov_len = in_.size()};
    msghdr receiving = header(room, controls[1]);
    constexpr int flags = MSG_CMSG_CLOEXEC | MSG_TRUNC;
    const std::size_t got =
        expect_bytes(::recvmsg(ends_.second.native_handle(), &receiving, flags), "recvmsg");
    expect_payload(i, sluice::const_bytes{in_}.first(got), out_.size());
    const cmsghdr* const came = CMSG_FIRSTHDR(&receiving);
    if (came == nullptr || came->cmsg_type != SCM_RIGHTS || (receiving.msg_flags & MSG_CTRUNC) != 0)
      throw std::runtime_error{"no descriptor came"};
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(came), sizeof fd);
    ::close(fd);
  }

 private:
  struct control {
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int))> bytes;
  };
  static msghdr header(iovec& part, control& room) {
    msghdr made{};
    made.msg_iov = &part;
    made.msg_iovlen = 1;
    made.msg_control = room.bytes.data();
    made.msg_controllen = room.bytes.size();
    return made;
  }

  std::vector<std::byte> out_;
  std::vector<std::byte> in_;
  sluice::received_handles handles_;
  sluice::unix_seqpacket_pair ends_ = sluice::unix_seqpacket::create_pair(in_.size()).value();
};

contest open_descriptor(std::size_t size, const cell_settings& settings) {
  auto both = std::make_shared<descriptor_ends>(size);
  return one_process([=](std::uint64_t i) { both->move(i); },
                     [=](std::uint64_t i) { both->move_raw(i); }, settings, 3);
}

}  // namespace

std::vector<cell> packet_cells() {
  constexpr std::array kinds{one_process_kind{"unix_datagram", open_datagram},
                             one_process_kind{"unix_datagram_looking", open_datagram_looking},
                             one_process_kind{"udp", open_udp},
                             one_process_kind{"descriptor", open_descriptor},
                             one_process_kind{"any_unix_seqpacket", open_any_seqpacket},
                             one_process_kind{"any_ring", open_any_ring}};
  return cells_of(kinds);
}

}  // namespace bench
