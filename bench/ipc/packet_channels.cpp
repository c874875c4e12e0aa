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
  using receiver = sluice::unix_datagram_receiver;
  static inherited_ends<sender, receiver> open(const link_options& options) {
    auto made = sluice::unix_datagram_receiver::create_pair(options.message_bytes).value();
    return {std::move(made.sender), std::move(made.receiver), options.one_process};
  }
};

struct over_udp {
  using sender = sluice::udp_socket;
  using receiver = sluice::udp_socket;
  static inherited_ends<sender, receiver> open(const link_options& options) {
    auto to = sluice::udp_socket::create().value();
    auto from = sluice::udp_socket::create().value();
    from.connect(to.address()).value();
    return {std::move(from), std::move(to), options.one_process};
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
