// The library's sockets that keep boundaries: Unix seqpacket, Unix datagram, UDP.

#include <sluice/channel/udp_socket.hpp>
#include <sluice/channel/unix_datagram.hpp>
#include <sluice/channel/unix_seqpacket.hpp>
#include <utility>
#include <vector>

#include "crew_parts.hpp"
#include "library_ends.hpp"
#include "make_transport.hpp"
#include "transports.hpp"

namespace bench {

namespace {

/// Receives into memory for the largest message that can come, as the cards of these receivers
/// advise, since a smaller buffer costs a second system call; and copies it out.
template <class Receiver>
class roomy_receiver {
 public:
  roomy_receiver(Receiver receiver, std::size_t most_bytes)
      : receiver_(std::move(receiver)), room_(most_bytes) {}

  sluice::result<std::size_t> try_receive(sluice::mutable_bytes into) {
    return copied(receiver_.try_receive(room_), into);
  }
  sluice::result<std::size_t> receive(sluice::mutable_bytes into) {
    return copied(receiver_.receive(room_), into);
  }
  sluice::result<std::size_t> next_size() { return receiver_.next_size(); }
  sluice::result<void> wait_readable(sluice::deadline until) {
    return receiver_.wait_readable(until);
  }

 private:
  sluice::result<std::size_t> copied(sluice::result<std::size_t> size, sluice::mutable_bytes into) {
    if (size) sluice::copy_bytes(sluice::const_bytes{room_}.first(*size), into);
    return size;
  }
  Receiver receiver_;
  std::vector<std::byte> room_;
};

struct over_seqpacket {
  using sender = sluice::unix_seqpacket;
  using receiver = sluice::unix_seqpacket;
  static inherited_ends<sender, receiver> open(const link_options& options) {
    auto made = sluice::unix_seqpacket::create_pair(options.message_bytes).value();
    return {std::move(made.first), std::move(made.second), options.one_process};
  }
};

struct over_datagram {
  using sender = sluice::unix_datagram_sender;
  using receiver = roomy_receiver<sluice::unix_datagram_receiver>;
  static inherited_ends<sender, receiver> open(const link_options& options) {
    auto made = sluice::unix_datagram_receiver::create_pair().value();
    const std::size_t most = made.sender.max_message_bytes();
    return {std::move(made.sender), receiver{std::move(made.receiver), most}, options.one_process};
  }
};

struct over_udp {
  using sender = sluice::udp_socket;
  using receiver = roomy_receiver<sluice::udp_socket>;
  static inherited_ends<sender, receiver> open(const link_options& options) {
    auto to = sluice::udp_socket::create().value();
    auto from = sluice::udp_socket::create().value();
    from.connect(to.address()).value();
    return {std::move(from), receiver{std::move(to), sluice::udp_socket::max_message_bytes()},
            options.one_process};
  }
};

template <class Packets>
struct packets {
  template <bool Polls>
  class link {
   public:
    explicit link(const link_options& options)
        : wait_(options.wait), ends_(Packets::open(options)) {}
    auto become_sender() { return sender_end<Polls>(ends_.take_sender(), wait_); }
    auto become_receiver() { return receiver_end<Polls>(ends_.take_receiver(), wait_); }

   private:
    wait_loop wait_;
    inherited_ends<typename Packets::sender, typename Packets::receiver> ends_;
  };
};

}  // namespace

void add_packet_channels(std::vector<transport>& to) {
  add_both<packets<over_seqpacket>::link<true>, packets<over_seqpacket>::link<false>>(
      to, "unix_seqpacket", role::ours, socket_sizes, "raw_unix_seqpacket");
  add_both<packets<over_datagram>::link<true>, packets<over_datagram>::link<false>>(
      to, "unix_datagram", role::ours, socket_sizes, "raw_unix_datagram");
  add_both<packets<over_udp>::link<true>, packets<over_udp>::link<false>>(to, "udp", role::ours,
                                                                          udp_sizes, "raw_udp");
  only_one_by_one(to, 2);
}

void add_packet_channel_crews(std::vector<crew_transport>& to) {
  crew_transport made =
      make_crew_transport<packets<over_datagram>::link<false>>("unix_datagram", role::ours);
  made.most_bytes = socket_sizes.to;
  to.push_back(std::move(made));
}

}  // namespace bench
