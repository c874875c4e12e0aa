#pragma once
// Both ends of an address of a socket, the receiver first.

#include <gtest/gtest.h>

#include <filesystem>
#include <sluice/compose/any_channel.hpp>
#include <string>
#include <utility>

#include "support/child.hpp"
#include "support/runtime_directory.hpp"

namespace sluice::test {

/// The address that a receiver really has: where `:0` stood, the port that it got.
inline std::string reached_at(any_receiver& receiver, const std::string& address) {
  const std::size_t options = address.find('?');
  std::string target = address.substr(0, options);
  const std::string rest = options == address.npos ? "" : address.substr(options);
  if (!target.ends_with(":0")) return address;
  if (const auto* udp = receiver.get_if<udp_socket>())
    return "udp:" + udp->address().to_string() + rest;
  auto* tcp = receiver.get_if<accepting_receiver<tcp_listener>>();
  if (tcp == nullptr || tcp->listener() == nullptr) return address;
  return "tcp:" + tcp->listener()->address().to_string() + rest;
}

inline any_receiver receiver_at(const std::string& address) {
  auto receiver = any_receiver::open(address);
  EXPECT_TRUE(receiver) << address << ": " << receiver.error().message();
  return std::move(receiver).value();
}
inline any_sender sender_at(const std::string& address) {
  auto sender = any_sender::open(address, deadline{patience});
  EXPECT_TRUE(sender) << address << ": " << sender.error().message();
  return std::move(sender).value();
}

struct socket_ends {
  explicit socket_ends(const std::string& address)
      : receiver(receiver_at(address)), sender(sender_at(reached_at(receiver, address))) {}
  any_receiver receiver;
  any_sender sender;
};

inline std::string text_from(any_receiver& receiver) {
  auto message = receive_message(receiver, deadline{patience});
  EXPECT_TRUE(message) << message.error().message();
  return message ? std::string{text_of(*message)} : std::string{};
}

inline bool runtime_directory_is_empty() {
  return std::filesystem::is_empty(private_runtime_directory::current());
}

}  // namespace sluice::test
