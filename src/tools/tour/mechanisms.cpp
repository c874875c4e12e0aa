#include "tools/tour/mechanisms.hpp"

#include <array>

#include "tools/tour/fifo_links.hpp"
#include "tools/tour/hardened_link.hpp"
#include "tools/tour/mailbox_link.hpp"
#include "tools/tour/mechanism_rows.hpp"
#include "tools/tour/pipe_links.hpp"
#include "tools/tour/queue_links.hpp"
#include "tools/tour/raw_pipe.hpp"
#include "tools/tour/ring_links.hpp"
#include "tools/tour/signal_links.hpp"
#include "tools/tour/socket_links.hpp"
#include "tools/tour/udp_link.hpp"

namespace sluice::tour {

namespace {

constexpr std::array table{
    one_way<raw_pipe_link>("raw-pipe", "the floor: plain writev(2) and read(2) on a pipe",
                           "is the floor: writev(2) and read(2) with the same header, no more"),
    one_way<pipe_link>("pipe", "framed messages over an anonymous pipe"),
    one_way<cat_link>("pipe-cat", "the same through cat, which was handed both pipes by exec",
                      "does not count what cat itself uses"),
    one_way<fifo_link>("fifo", "framed messages over a FIFO that both sides open by name"),
    one_way<fifo_messages_link>("fifo-messages", "a FIFO that any number of senders may share"),
    many_to_one<fifo_messages_link, 3>("fifo-messages-3", "the same with three senders at once"),
    at_most(std::size_t{4} << 20,
            one_way<signal_link>("signals", "real-time signals with eight bytes in each",
                                 "sends a sample of 4 MiB: every eight bytes are a signal")),
    one_way<system_v_queue_link>("system-v-queue",
                                 "a System V message queue that both open by name",
                                 "sends what is longer than 8 KiB in pieces"),
    one_way<posix_queue_link>("posix-queue", "a POSIX message queue that both open by name",
                              "sends what is longer than 8 KiB in pieces"),
    with_calls_of_others(one_way<mailbox_link>(
        "mailbox", "slots in shared memory, a mutex and two semaphores",
        "sends what is longer than 8 KiB in pieces, and sleeps in calls that are not counted")),
    one_way<ring_channel_link>("ring-channel", "the ring in shared memory, one to one"),
    one_way<ring_queue_link>("ring-queue",
                             "rings from many senders to many receivers: one of each"),
    one_way<ring_topic_link>("ring-topic", "rings to every subscriber: one of each"),
    one_way<hardened_link>("hardened-ring", "the ring between two who do not trust each other"),
    one_way<unix_stream_link>("unix-stream", "framed messages over a Unix stream connection"),
    one_way<unix_seqpacket_link>("unix-seqpacket", "messages over a Unix seqpacket connection",
                                 "sends what is longer than 208 KiB in pieces"),
    one_way<unix_datagram_link>("unix-datagram",
                                "datagrams of a Unix socket to a receiver under a name",
                                "sends what is longer than 208 KiB in pieces"),
    one_way<tcp_link>("tcp", "framed messages over TCP on the loopback address"),
    at_most(std::size_t{1} << 20,
            one_way<udp_link>("udp", "datagrams on the loopback address, a receipt for each",
                              "may lose messages, so each is sent again until its receipt comes: "
                              "a sample of 1 MiB")),
    two_way<duplex_pipe_link>("duplex-pipe", "requests and replies over two pipes, crossed"),
};

}  // namespace

std::span<const mechanism> simple_mechanisms() noexcept { return table; }

std::vector<const mechanism*> all_mechanisms() {
  std::vector<const mechanism*> all;
  for (const auto some : {simple_mechanisms(), composed_mechanisms()})
    for (const mechanism& one : some) all.push_back(&one);
  return all;
}

}  // namespace sluice::tour
