#pragma once
// Rings as the experiments of traits_test.cpp want them.

#include <gtest/gtest.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <sluice/channel/ring_channel.hpp>
#include <sluice/channel/ring_queue.hpp>
#include <string>

#include "conformance/connection_links.hpp"
#include "conformance/gone_probe.hpp"
#include "conformance/hardened_links.hpp"
#include "conformance/ring_links.hpp"
#include "conformance/traits_probes.hpp"

namespace sluice::test {

struct ring_channel_probe {
  static constexpr const char* name = "ring_channel";
  // An end that was refused because the role is taken reports that from each verb.
  using sender_type = late_end<ring_channel, ring_sender, true>;
  using receiver_type = late_end<ring_channel, ring_receiver, true>;

  named_ring_channel_link link;
  sender_type another_sender() const { return link.another_sender(); }
  receiver_type another_receiver() const { return link.another_receiver(); }
  static void leave_behind(const std::string& called, const_bytes text) {
    auto made = ring_channel::create(called).value();
    made.persist();
    EXPECT_TRUE(ring_sender::open(called).value().try_send(text));
  }
  static std::optional<receiver_type> find_again(const std::string& called) {
    return receiver_type{std::make_shared<const ring_channel>(ring_channel::open(called).value())};
  }
  static bool unlink(const std::string& called) { return ring_channel::unlink(called).has_value(); }
  // A length has 32 bits; a ring for messages that need them all would take 8 GiB of memory.
  static bool accepts_maximum(std::size_t bytes) {
    ring::log_control control{};
    return bytes <= ring::log{control, nullptr, std::uint64_t{1} << 34}.max_message_bytes();
  }
};

struct ring_queue_probe {
  static constexpr const char* name = "ring_queue";
  using sender_type = late_end<ring_queue, ring_queue_sender, true>;
  using receiver_type = late_end<ring_queue, ring_queue_receiver, true>;

  named_ring_queue_link link;
  sender_type another_sender() const { return link.another_sender(); }
  // Here from now on: a receiver shares what there is with those it knows of.
  receiver_type another_receiver() const {
    auto made = link.another_receiver();
    EXPECT_TRUE(made.attach());
    return made;
  }
  static void leave_behind(const std::string& called, const_bytes text) {
    auto made = ring_queue::create(called).value();
    made.persist();
    EXPECT_TRUE(ring_queue_sender::open(called).value().try_send(text));
  }
  static std::optional<receiver_type> find_again(const std::string& called) {
    return receiver_type{std::make_shared<const ring_queue>(ring_queue::open(called).value())};
  }
  static bool unlink(const std::string& called) { return ring_queue::unlink(called).has_value(); }
  static bool accepts_maximum(std::size_t bytes) {
    return ring_channel_probe::accepts_maximum(bytes);
  }
};

struct ring_topic_probe {
  static constexpr const char* name = "ring_topic";
  // A subscriber joins when it is made: what comes later reaches it.
  using sender_type = late_end<ring_topic, ring_publisher, true>;
  using receiver_type = ring_subscriber;

  std::shared_ptr<const ring_topic> topic =
      std::make_shared<const ring_topic>(ring_topic::create_anonymous().value());
  sender_type another_sender() const { return sender_type{topic}; }
  receiver_type another_receiver() const { return ring_subscriber::attach(*topic).value(); }
  static void leave_behind(const std::string& called, const_bytes text) {
    auto made = ring_topic::create(called).value();
    made.persist();
    EXPECT_TRUE(ring_publisher::open(called).value().try_send(text));
  }
  static std::optional<receiver_type> find_again(const std::string& called) {
    return ring_subscriber::open(called, {.join = ring::joining::oldest}).value();
  }
  static bool unlink(const std::string& called) { return ring_topic::unlink(called).has_value(); }
  static bool accepts_maximum(std::size_t bytes) {
    return ring_channel_probe::accepts_maximum(bytes);
  }
};

struct hardened_ring_probe : gone_with_its_processes<late_hardened_end<hardened_receiver>> {
  static constexpr const char* name = "hardened_ring";
  using sender_type = late_hardened_end<hardened_sender>;
  using receiver_type = late_hardened_end<hardened_receiver>;

  hardened_ring_link link;
  sender_type another_sender() const { return link.another_sender(); }
  receiver_type another_receiver() const { return link.another_receiver(); }
  static bool accepts_maximum(std::size_t bytes) {
    return bytes <= ring::untrusted_log::max_message_bytes_of(std::uint64_t{1} << 34);
  }
};

/// Over rings that are shared; the others are probed as what they are.
struct ring_connection_probe
    : gone_with_its_processes<
          late_end<ring_channel, connection_receiver_of<ring_receiver>, false>> {
  static constexpr const char* name = "ring_connection";
  using sender_type = late_end<ring_channel, connection_sender_of<ring_sender>, false>;
  using receiver_type = late_end<ring_channel, connection_receiver_of<ring_receiver>, false>;

  ring_connection_link link;
  sender_type another_sender() const { return link.another_sender(); }
  receiver_type another_receiver() const { return link.another_receiver(); }
  static bool accepts_maximum(std::size_t bytes) {
    // What each of its carriers takes.
    return ring_channel_probe::accepts_maximum(bytes) &&
           hardened_ring_probe::accepts_maximum(bytes) && framed_pipe_probe::accepts_maximum(bytes);
  }
};

}  // namespace sluice::test
