#pragma once
// The message channels that there are, each as a pair of connected ends. A new one is a struct like
// these and a word in message_channel_test.cpp.
//
//   std::optional<...> sender, receiver;  both ends, connected; each can be given away
//   another_sender(), another_receiver()  one more, where the traits say many; asked for while the
//                                         link still has both of its ends

#include <cstddef>
#include <optional>
#include <sluice/channel/fifo.hpp>
#include <sluice/channel/fifo_channel.hpp>
#include <sluice/channel/local_channel.hpp>
#include <sluice/channel/pipe.hpp>
#include <sluice/compose/framed.hpp>
#include <string>

#include "conformance/byte_stream_links.hpp"
#include "support/isolation.hpp"

namespace sluice::test {

/// The largest message of a link unless the test asks for another.
inline constexpr std::size_t usual_max_message_bytes = std::size_t{1} << 20;

/// The reference: what holds here must hold everywhere.
struct local_link {
  static constexpr const char* name = "local";

  explicit local_link(std::size_t max_message_bytes = usual_max_message_bytes) {
    auto made = local_channel::create({.max_message_bytes = max_message_bytes}).value();
    sender.emplace(std::move(made.sender));
    receiver.emplace(std::move(made.receiver));
  }
  [[nodiscard]] local_sender another_sender() const { return sender->duplicate(); }
  [[nodiscard]] local_receiver another_receiver() const { return receiver->duplicate(); }

  std::optional<local_sender> sender;
  std::optional<local_receiver> receiver;
};

/// Frames over any stream of bytes.
template <class StreamLink>
struct framed_link {
  static constexpr const char* name = StreamLink::name;

  explicit framed_link(std::size_t max_message_bytes = usual_max_message_bytes) {
    StreamLink stream;
    const frame_options options{.max_message_bytes = max_message_bytes};
    sender.emplace(sender_type::create(std::move(*stream.writer), options).value());
    receiver.emplace(receiver_type::create(std::move(*stream.reader), options).value());
  }

  using sender_type = framed_sender<typename decltype(StreamLink::writer)::value_type>;
  using receiver_type = framed_receiver<typename decltype(StreamLink::reader)::value_type>;
  std::optional<sender_type> sender;
  std::optional<receiver_type> receiver;
};

struct framed_pipe_link : framed_link<pipe_link> {
  static constexpr const char* name = "framed_pipe";
  using framed_link::framed_link;
};
struct framed_fifo_link : framed_link<fifo_link> {
  static constexpr const char* name = "framed_fifo";
  using framed_link::framed_link;
};
struct framed_foreign_fifo_link : framed_link<foreign_fifo_link> {
  static constexpr const char* name = "framed_foreign_fifo";
  using framed_link::framed_link;
};

struct fifo_channel_link {
  static constexpr const char* name = "fifo_channel";

  explicit fifo_channel_link(std::size_t max_message_bytes = usual_max_message_bytes)
      : max_message_bytes_(max_message_bytes), named_(fifo::create(unique_name()).value()) {
    receiver.emplace(
        fifo_receiver::open(named_.path(), {.max_message_bytes = max_message_bytes}).value());
    sender.emplace(another_sender());
  }
  [[nodiscard]] fifo_sender another_sender() const {
    return fifo_sender::open(named_.path(), deadline::now(),
                             {.max_message_bytes = max_message_bytes_})
        .value();
  }

 private:
  std::size_t max_message_bytes_;
  fifo named_;

 public:
  std::optional<fifo_sender> sender;
  std::optional<fifo_receiver> receiver;
};

}  // namespace sluice::test
