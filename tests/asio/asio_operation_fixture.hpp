#pragma once
// A ring in the event loop of Asio, for tests of what holds for every operation.

#include <array>
#include <optional>
#include <sluice/channel/ring_channel.hpp>
#include <string>
#include <string_view>

#include "asio/asio_support.hpp"

namespace sluice::test {

using size_result = result<std::size_t>;

/// A ring with its receiver in the loop, and a sender by whose hand the test decides when.
class AsioOperation : public testing::Test {
 protected:
  asio::io_context context;
  ring_channel ring = ring_channel::create_anonymous({.capacity_bytes = 4096}).value();
  asio_end<ring_receiver> inbox = in_loop(context, ring_receiver::attach(ring).value());
  std::optional<ring_sender> sender = ring_sender::attach(ring).value();
  std::array<std::byte, 16> buffer{};

  void put(std::string_view text) { ASSERT_TRUE(sender->try_send(bytes_of(text))); }
  [[nodiscard]] std::string next() {
    auto size = inbox.end().try_receive(buffer);
    return size ? std::string{text_of(const_bytes{buffer}.first(*size))} : size.error().message();
  }
};

}  // namespace sluice::test
