#pragma once
// Channels of other links behind any_sender and any_receiver: what holds for those must hold for
// these, whatever they hold.

#include <cstddef>
#include <optional>
#include <sluice/compose/any_channel.hpp>
#include <utility>

#include "conformance/message_ends.hpp"
#include "conformance/message_links.hpp"
#include "conformance/queue_links.hpp"
#include "conformance/ring_links.hpp"
#include "conformance/signal_links.hpp"
#include "conformance/socket_links.hpp"

namespace sluice::test {

/// An erased end that states at compile time what it holds, as the suites ask for.
template <class Any, class End>
struct any_of : Any {
  static constexpr channel_capabilities capabilities = channel_traits<End>;

  any_of(End end) : Any(std::move(end)) {}
  /// Of rings, by whoever takes part in them late.
  template <class Ring>
  static result<any_of> attach(const Ring& ring) {
    auto end = End::attach(ring);
    if (!end) return failure{end.error()};
    return any_of{std::move(*end)};
  }
  using Any::attach;
};
template <class End>
using any_sender_of = any_of<any_sender, End>;
template <class End>
using any_receiver_of = any_of<any_receiver, End>;

// Others may send later.
template <>
inline constexpr bool lasts<any_sender_of<unix_datagram_sender>> = true;
template <>
inline constexpr bool lasts<any_receiver_of<unix_datagram_receiver>> = true;

/// A link whose ends are put into the erased ones.
template <class Link>
struct any_link {
  static constexpr bool receiver_is_process = requires { requires Link::receiver_is_process; };
  using sender_type = any_sender_of<typename decltype(Link::sender)::value_type>;
  using receiver_type = any_receiver_of<typename decltype(Link::receiver)::value_type>;

  explicit any_link(std::size_t max_message_bytes = usual_max_message_bytes)
      : link_(max_message_bytes) {
    // Put in from the copies that more than one of these are made of, too.
    sender.emplace(std::move(*link_.sender));
    receiver.emplace(std::move(*link_.receiver));
    link_.sender.reset();
    link_.receiver.reset();
  }
  [[nodiscard]] sender_type another_sender() {
    if constexpr (requires(typename decltype(Link::sender)::value_type& s) { s.duplicate(); }) {
      return sender_type{
          sender->template get_if<typename decltype(Link::sender)::value_type>()->duplicate()};
    } else {
      return sender_type{link_.another_sender()};
    }
  }
  [[nodiscard]] receiver_type another_receiver() {
    if constexpr (requires(typename decltype(Link::receiver)::value_type& r) { r.duplicate(); }) {
      return receiver_type{
          receiver->template get_if<typename decltype(Link::receiver)::value_type>()->duplicate()};
    } else {
      return receiver_type{link_.another_receiver()};
    }
  }

 private:
  Link link_;

 public:
  std::optional<sender_type> sender;
  std::optional<receiver_type> receiver;
};

struct any_local_link : any_link<local_link> {
  static constexpr const char* name = "any_local";
  using any_link::any_link;
};
struct any_framed_pipe_link : any_link<framed_pipe_link> {
  static constexpr const char* name = "any_framed_pipe";
  using any_link::any_link;
};
struct any_fifo_channel_link : any_link<fifo_channel_link> {
  static constexpr const char* name = "any_fifo_channel";
  using any_link::any_link;
};
struct any_system_v_queue_link : any_link<system_v_queue_link> {
  static constexpr const char* name = "any_system_v_queue";
  using any_link::any_link;
};
struct any_posix_queue_link : any_link<posix_queue_link> {
  static constexpr const char* name = "any_posix_queue";
  using any_link::any_link;
};
struct any_mailbox_link : any_link<mailbox_link> {
  static constexpr const char* name = "any_mailbox";
  using any_link::any_link;
};
struct any_signal_channel_link : any_link<signal_channel_link> {
  static constexpr const char* name = "any_signal_channel";
  using any_link::any_link;
};

struct any_framed_unix_stream_link : any_link<framed_unix_stream_link> {
  static constexpr const char* name = "any_framed_unix_stream";
  using any_link::any_link;
};
/// Its ends are of one class, and each is duplicated as what it is here.
struct any_unix_seqpacket_link {
  static constexpr const char* name = "any_unix_seqpacket";

  explicit any_unix_seqpacket_link(std::size_t = 0) {
    auto made = unix_seqpacket::create_pair().value();
    sender.emplace(std::move(made.first));
    receiver.emplace(std::move(made.second));
  }
  [[nodiscard]] any_sender_of<unix_seqpacket> another_sender() {
    return sender->get_if<unix_seqpacket>()->duplicate().value();
  }
  [[nodiscard]] any_receiver_of<unix_seqpacket> another_receiver() {
    return receiver->get_if<unix_seqpacket>()->duplicate().value();
  }

  std::optional<any_sender_of<unix_seqpacket>> sender;
  std::optional<any_receiver_of<unix_seqpacket>> receiver;
};
struct any_unix_datagram_link {
  static constexpr const char* name = "any_unix_datagram";

  explicit any_unix_datagram_link(std::size_t = 0) : link_() {
    receiver.emplace(std::move(*link_.receiver));
    sender.emplace(std::move(*link_.sender));
    link_.receiver.reset();
    link_.sender.reset();
  }
  [[nodiscard]] any_sender_of<unix_datagram_sender> another_sender() {
    return link_.another_sender();
  }
  [[nodiscard]] any_receiver_of<unix_datagram_receiver> another_receiver() {
    return receiver->get_if<unix_datagram_receiver>()->duplicate().value();
  }

 private:
  unix_datagram_link link_;

 public:
  std::optional<any_sender_of<unix_datagram_sender>> sender;
  std::optional<any_receiver_of<unix_datagram_receiver>> receiver;
};
struct any_framed_tcp_link : any_link<framed_tcp_link> {
  static constexpr const char* name = "any_framed_tcp";
  static constexpr bool is_told_late = true;
  using any_link::any_link;
};

/// What one gets by the address of a socket with connections: a receiver that has not looked yet
/// who came.
template <class Sender, class Listener>
struct accepting_link {
  accepting_link(const std::string& before, const std::string& behind)
      : accepting_link(before + unique_name() + behind) {}

  std::optional<any_sender_of<Sender>> sender;
  std::optional<any_receiver_of<accepting_receiver<Listener>>> receiver;

 private:
  explicit accepting_link(const std::string& address) {
    // The receiver first, else the sender would wait for it.
    auto from = any_receiver::open(address).value();
    auto to = any_sender::open(address, deadline{patience}).value();
    receiver.emplace(std::move(*from.template get_if<accepting_receiver<Listener>>()));
    sender.emplace(std::move(*to.template get_if<Sender>()));
  }
};
struct unix_address_link : accepting_link<framed_sender<unix_stream>, unix_stream_listener> {
  static constexpr const char* name = "unix_address";
  explicit unix_address_link(std::size_t max_message_bytes = usual_max_message_bytes)
      : accepting_link("unix:", "?max_message=" + std::to_string(max_message_bytes)) {}
};
struct unix_seqpacket_address_link : accepting_link<unix_seqpacket, unix_seqpacket_listener> {
  static constexpr const char* name = "unix_seqpacket_address";
  explicit unix_seqpacket_address_link(std::size_t = 0)
      : accepting_link("unix:@", "?socket=seqpacket") {}
};

/// Rings: their ends take their roles late, and are erased then.
struct any_ring_channel_link
    : ring_link<ring_channel, any_sender_of<ring_sender>, any_receiver_of<ring_receiver>, false> {
  static constexpr const char* name = "any_ring_channel";
  using ring_link::ring_link;
};
struct any_ring_queue_link : ring_link<ring_queue, any_sender_of<ring_queue_sender>,
                                       any_receiver_of<ring_queue_receiver>, false> {
  static constexpr const char* name = "any_ring_queue";
  using ring_link::ring_link;
};
struct any_ring_topic_link : any_link<ring_topic_link> {
  static constexpr const char* name = "any_ring_topic";
  static constexpr std::size_t largest_message_bytes = ring_topic_link::largest_message_bytes;
  using any_link::any_link;
};

/// What one gets by address, where System V messages are selected by type.
struct system_v_selection_link {
  static constexpr const char* name = "system_v_selection";

  explicit system_v_selection_link(std::size_t = 0) {}
  [[nodiscard]] any_sender_of<system_v_queue_sender> another_sender() const {
    return system_v_queue_sender::over(made_).value();
  }
  [[nodiscard]] any_receiver_of<system_v_selection> another_receiver() const {
    return system_v_selection::over(made_, message_selection::lowest_up_to(7)).value();
  }

 private:
  system_v_queue made_ = system_v_queue::create(unique_name()).value();

 public:
  std::optional<any_sender_of<system_v_queue_sender>> sender = another_sender();
  std::optional<any_receiver_of<system_v_selection>> receiver = another_receiver();
};

}  // namespace sluice::test
