// The library's byte streams with frames around the messages: pipe, FIFO, Unix stream, TCP. And its
// FIFO of many senders.

#include <sluice/channel/fifo.hpp>
#include <sluice/channel/fifo_channel.hpp>
#include <sluice/channel/pipe.hpp>
#include <sluice/channel/tcp_listener.hpp>
#include <sluice/channel/tcp_stream.hpp>
#include <sluice/channel/unix_stream.hpp>
#include <sluice/compose/framed.hpp>
#include <utility>

#include "crew_parts.hpp"
#include "library_ends.hpp"
#include "make_transport.hpp"
#include "transports.hpp"

namespace bench {

namespace {

/// As much as the raw pipes of raw_streams.cpp ask for.
constexpr std::size_t most_pipe_bytes = std::size_t{1} << 20;

template <class Writer, class Reader>
using stream_ends = std::pair<Writer, Reader>;

struct over_pipe {
  static auto open(const link_options& options) {
    sluice::pipe made =
        sluice::pipe::create({.capacity_bytes = std::min(options.memory_bytes, most_pipe_bytes)})
            .value();
    return stream_ends<sluice::pipe_writer, sluice::pipe_reader>{std::move(made.writer),
                                                                 std::move(made.reader)};
  }
};

struct over_fifo {
  static auto open(const link_options& options) {
    const std::string path = options.address + ".fifo";
    const auto name = sluice::fifo::create(path).value();  // goes when both have it open
    auto reader = sluice::fifo_reader::open(path).value();
    auto writer = sluice::fifo_writer::open(path).value();
    // Who may not have as much keeps the default, as with a pipe.
    static_cast<void>(writer.set_capacity_bytes(std::min(options.memory_bytes, most_pipe_bytes)));
    return stream_ends<sluice::fifo_writer, sluice::fifo_reader>{std::move(writer),
                                                                 std::move(reader)};
  }
};

struct over_unix_stream {
  static auto open(const link_options& /*unused*/) {
    auto made = sluice::unix_stream::create_pair().value();
    return stream_ends<sluice::unix_stream, sluice::unix_stream>{std::move(made.first),
                                                                 std::move(made.second)};
  }
};

struct over_tcp {
  static auto open(const link_options& /*unused*/) {
    auto listener = sluice::tcp_listener::create().value();
    auto one = sluice::tcp_stream::connect(listener.address()).value();
    return stream_ends<sluice::tcp_stream, sluice::tcp_stream>{std::move(one),
                                                               listener.accept().value()};
  }
};

template <class Stream>
class framed_base {
  using ends = decltype(Stream::open(std::declval<const link_options&>()));
  using sender = sluice::framed_sender<typename ends::first_type>;
  using receiver = sluice::framed_receiver<typename ends::second_type>;

 public:
  explicit framed_base(const link_options& options)
      : wait_(options.wait), ends_(make(options, Stream::open(options))) {}

 protected:
  wait_loop wait_;
  inherited_ends<sender, receiver> ends_;

 private:
  static inherited_ends<sender, receiver> make(const link_options& options, ends made) {
    const sluice::frame_options frames{.max_message_bytes = options.message_bytes};
    return {sender::create(std::move(made.first), frames).value(),
            receiver::create(std::move(made.second), frames).value(), options.one_process};
  }
};

template <class Stream>
struct framed {
  template <bool Polls>
  class link : framed_base<Stream> {
   public:
    using framed_base<Stream>::framed_base;
    auto become_sender() { return sender_end<Polls>(this->ends_.take_sender(), this->wait_); }
    auto become_receiver() { return receiver_end<Polls>(this->ends_.take_receiver(), this->wait_); }
  };
};

template <bool Polls>
class fifo_messages_link {
 public:
  explicit fifo_messages_link(const link_options& options)
      : wait_(options.wait), ends_(make(options)) {}
  auto become_sender() { return sender_end<Polls>(ends_.take_sender(), wait_); }
  auto become_receiver() { return receiver_end<Polls>(ends_.take_receiver(), wait_); }

 private:
  using both = inherited_ends<sluice::fifo_sender, sluice::fifo_receiver>;
  static both make(const link_options& options) {
    const std::string path = options.address + ".fifo";
    const auto name = sluice::fifo::create(path).value();
    auto receiver =
        sluice::fifo_receiver::open(path, {.max_message_bytes = options.message_bytes}).value();
    auto writer = sluice::fifo_writer::open(path).value();
    static_cast<void>(writer.set_capacity_bytes(std::min(options.memory_bytes, most_pipe_bytes)));
    return {
        sluice::fifo_sender::over(std::move(writer), {.max_message_bytes = options.message_bytes})
            .value(),
        std::move(receiver), options.one_process};
  }
  wait_loop wait_;
  both ends_;
};

}  // namespace

void add_stream_channels(std::vector<transport>& to) {
  add_both<framed<over_pipe>::link<true>, framed<over_pipe>::link<false>>(to, "pipe", role::ours,
                                                                          {}, "raw_pipe");
  add_both<framed<over_fifo>::link<true>, framed<over_fifo>::link<false>>(to, "fifo", role::ours,
                                                                          {}, "raw_fifo");
  add_both<fifo_messages_link<true>, fifo_messages_link<false>>(to, "fifo_messages", role::ours, {},
                                                                "raw_fifo");
  add_both<framed<over_unix_stream>::link<true>, framed<over_unix_stream>::link<false>>(
      to, "unix_stream", role::ours, {}, "raw_unix_stream");
  add_both<framed<over_tcp>::link<true>, framed<over_tcp>::link<false>>(to, "tcp", role::ours, {},
                                                                        "raw_tcp");
}

void add_stream_channel_crews(std::vector<crew_transport>& to) {
  to.push_back(make_crew_transport<fifo_messages_link<false>>("fifo_messages", role::ours));
}

}  // namespace bench
