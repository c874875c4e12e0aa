#include <sys/socket.h>

#include <array>
#include <chrono>
#include <memory>
#include <sluice/channel/tcp_listener.hpp>
#include <sluice/channel/tcp_stream.hpp>
#include <sluice/channel/unix_seqpacket.hpp>
#include <sluice/channel/unix_stream.hpp>
#include <sluice/compose/framed.hpp>
#include <vector>

#include "one_process.hpp"
#include "payload.hpp"
#include "stream_contest.hpp"

namespace bench {

namespace {

/// Both ends in this process: what goes in at the one comes out at the other.
template <class End>
struct ends {
  End first;
  End second;
  std::vector<std::byte> out;
  std::vector<std::byte> in;

  // The same with the calls themselves, over the same sockets.
  void move_raw(std::uint64_t i, int flags) {
    write_payload(i, out);
    expect_bytes(::send(first.native_handle(), out.data(), out.size(), MSG_NOSIGNAL), "send");
    const std::size_t got =
        expect_bytes(::recv(second.native_handle(), in.data(), in.size(), flags), "recv");
    expect_payload(i, sluice::const_bytes{in}.first(got), out.size());
  }
};

/// Bytes: each message is there as a whole when it is read, since it was written before.
template <class Stream>
contest open_bytes(Stream first, Stream second, std::size_t size, const cell_settings& settings) {
  auto both = std::make_shared<ends<Stream>>(ends<Stream>{std::move(first), std::move(second),
                                                          std::vector<std::byte>(size),
                                                          std::vector<std::byte>(size)});
  const auto with_sluice = [=](std::uint64_t i) {
    write_payload(i, both->out);
    both->first.write_all(both->out).value();
    const std::size_t got = both->second.read_some(both->in).value();
    expect_payload(i, sluice::const_bytes{both->in}.first(got), size);
  };
  return one_process(
      with_sluice, [=](std::uint64_t i) { both->move_raw(i, 0); }, settings);
}

contest open_unix_stream(std::size_t size, const cell_settings& settings) {
  auto pair = sluice::unix_stream::create_pair().value();
  return open_bytes(std::move(pair.first), std::move(pair.second), size, settings);
}

contest open_tcp(std::size_t size, const cell_settings& settings) {
  using namespace std::chrono_literals;
  auto server = sluice::tcp_listener::create().value();
  auto first = sluice::tcp_stream::connect(server.address(), 10s).value();
  return open_bytes(std::move(first), server.accept(10s).value(), size, settings);
}

/// Frames around the messages, against frames by hand.
template <class Stream>
contest open_framed(Stream first, Stream second, std::size_t size, const cell_settings& settings) {
  struct state {
    raw_sender raw_out;
    raw_receiver raw_in;
    sluice::framed_sender<Stream> sender;
    sluice::framed_receiver<Stream> receiver;
    std::vector<std::byte> out;
    std::vector<std::byte> in;
  };
  raw_sender raw_out{first.native_handle(), stream_kind::socket};
  raw_receiver raw_in{second.native_handle()};
  auto both = std::make_shared<state>(state{
      raw_out, std::move(raw_in), sluice::framed_sender<Stream>::create(std::move(first)).value(),
      sluice::framed_receiver<Stream>::create(std::move(second)).value(),
      std::vector<std::byte>(size), std::vector<std::byte>(size)});
  const auto with_sluice = [=](std::uint64_t i) {
    write_payload(i, both->out);
    both->sender.send(both->out).value();
    const std::size_t got = both->receiver.receive(both->in).value();
    expect_payload(i, sluice::const_bytes{both->in}.first(got), size);
  };
  const auto with_raw = [=](std::uint64_t i) {
    write_payload(i, both->out);
    both->raw_out.send(both->out);
    const std::size_t got = sluice::copy_bytes(both->raw_in.next(), both->in);
    expect_payload(i, sluice::const_bytes{both->in}.first(got), size);
  };
  return one_process(with_sluice, with_raw, settings);
}

contest open_framed_unix_stream(std::size_t size, const cell_settings& settings) {
  auto pair = sluice::unix_stream::create_pair().value();
  return open_framed(std::move(pair.first), std::move(pair.second), size, settings);
}

contest open_framed_tcp(std::size_t size, const cell_settings& settings) {
  using namespace std::chrono_literals;
  auto server = sluice::tcp_listener::create().value();
  auto first = sluice::tcp_stream::connect(server.address(), 10s).value();
  return open_framed(std::move(first), server.accept(10s).value(), size, settings);
}

/// What the header of a frame costs the kernel: raw calls with eight bytes more, against raw calls.
contest open_longer(std::size_t size, const cell_settings& settings) {
  constexpr std::size_t header_bytes = 8;
  auto pair = sluice::unix_stream::create_pair().value();
  auto both = std::make_shared<ends<sluice::unix_stream>>(
      ends<sluice::unix_stream>{std::move(pair.first), std::move(pair.second),
                                std::vector<std::byte>(size), std::vector<std::byte>(size)});
  auto longer = std::make_shared<ends<sluice::unix_stream>>(ends<sluice::unix_stream>{
      both->first.duplicate().value(), both->second.duplicate().value(),
      std::vector<std::byte>(size + header_bytes), std::vector<std::byte>(size + header_bytes)});
  return one_process([=](std::uint64_t i) { longer->move_raw(i, 0); },
                     [=](std::uint64_t i) { both->move_raw(i, 0); }, settings);
}

/// Messages, into a buffer of the largest size, which costs one call.
contest open_unix_seqpacket(std::size_t size, const cell_settings& settings) {
  auto pair = sluice::unix_seqpacket::create_pair().value();
  const std::size_t largest = pair.second.max_message_bytes();
  auto both = std::make_shared<ends<sluice::unix_seqpacket>>(
      ends<sluice::unix_seqpacket>{std::move(pair.first), std::move(pair.second),
                                   std::vector<std::byte>(size), std::vector<std::byte>(largest)});
  const auto with_sluice = [=](std::uint64_t i) {
    write_payload(i, both->out);
    both->first.send(both->out).value();
    const std::size_t got = both->second.receive(both->in).value();
    expect_payload(i, sluice::const_bytes{both->in}.first(got), size);
  };
  return one_process(
      with_sluice, [=](std::uint64_t i) { both->move_raw(i, MSG_TRUNC); }, settings);
}

}  // namespace

std::vector<cell> socket_cells() {
  constexpr std::array kinds{one_process_kind{"unix_stream", open_unix_stream},
                             one_process_kind{"unix_seqpacket", open_unix_seqpacket},
                             one_process_kind{"tcp", open_tcp},
                             one_process_kind{"framed_unix_stream", open_framed_unix_stream},
                             one_process_kind{"framed_tcp", open_framed_tcp},
                             one_process_kind{"raw_unix_stream_and_8_bytes", open_longer}};
  return cells_of(kinds);
}

}  // namespace bench
