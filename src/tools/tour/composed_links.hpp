#pragma once
// What the library puts together, in the tour: ends that an address opens, a relay, and rings that
// a listener hands over.

#include <chrono>
#include <optional>
#include <sluice/channel/fifo_channel.hpp>
#include <sluice/channel/ring_channel.hpp>
#include <sluice/compose/any_channel.hpp>
#include <sluice/compose/ring_connection.hpp>
#include <sluice/compose/ring_listener.hpp>
#include <sluice/os/process.hpp>
#include <string>
#include <utility>

#include "tools/tour/fifo_links.hpp"
#include "tools/tour/link.hpp"

namespace sluice::tour {

/// A ring that both sides know by a text.
class address_link {
 public:
  [[nodiscard]] static result<address_link> create(const link_options& options);
  [[nodiscard]] result<any_sender> sender() && { return any_sender::open(address_); }
  [[nodiscard]] result<any_receiver> receiver() && { return any_receiver::open(address_); }
  void leave_to(crew&) {}

 private:
  explicit address_link(std::string address) : address_(std::move(address)) {}
  std::string address_;
};

/// A ring, a FIFO, and a process between them that passes on from the one into the other. Who is
/// forked later may inherit a ring; a copied end of a pipe would hide the end of the stream.
class relay_link {
 public:
  [[nodiscard]] static result<relay_link> create(const link_options& options);
  [[nodiscard]] result<ring_sender> sender() &&;
  [[nodiscard]] result<fifo_receiver> receiver() &&;
  void leave_to(crew& people);

 private:
  struct parts {
    ring_channel into;
    process between;
  };
  relay_link(parts made, named_fifo out_of, const link_options& options)
      : parts_(std::move(made)), out_of_(std::move(out_of)), options_(options) {}
  [[nodiscard]] static int pass_on(const ring_channel& from, const std::string& into,
                                   const link_options& options);
  std::optional<parts> parts_;
  named_fifo out_of_;  // its name stays until the link goes
  link_options options_;
};

/// Connects with the listener when it sends first: who opens both ends of a conversation cannot
/// wait for one of them.
class connecting_sender {
 public:
  explicit connecting_sender(std::string address) : address_(std::move(address)) {}
  [[nodiscard]] result<void> send(const_bytes message);

 private:
  std::string address_;
  std::optional<ring_connection> met_;
};

/// Listens from the beginning, and lets in who connects when it receives first.
class listening_receiver {
 public:
  explicit listening_receiver(ring_listener door) : door_(std::move(door)) {}
  [[nodiscard]] result<std::size_t> receive(mutable_bytes buffer);

 private:
  std::optional<ring_listener> door_;  // until somebody came
  std::optional<ring_connection> met_;
};

class listener_link {
 public:
  [[nodiscard]] static result<listener_link> create(const link_options& options);
  [[nodiscard]] result<connecting_sender> sender() && { return connecting_sender{address_}; }
  [[nodiscard]] result<listening_receiver> receiver() &&;
  void leave_to(crew&) {}

 private:
  listener_link(std::string address, const link_options& options)
      : address_(std::move(address)), options_(options) {}
  std::string address_;
  link_options options_;
};

}  // namespace sluice::tour
