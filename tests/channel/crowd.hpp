#pragma once
// A server of one thread and a crowd at its door: hundreds who say nothing, nonsense, or a message
// byte by byte, and one who means it.

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <functional>
#include <sluice/base/bytes.hpp>
#include <sluice/compose/framed.hpp>
#include <span>
#include <utility>
#include <vector>

#include "support/child.hpp"

namespace sluice::test {

inline constexpr int crowd_size = 500;

/// Frames of at most 1000 bytes, each of which is answered, until one says "stop".
template <class Listener>
void serve_until_stopped(Listener server) {
  using stream = typename decltype(server.try_accept())::value_type;
  struct guest {
    framed_receiver<stream> from;
    framed_sender<stream> to;
  };
  std::vector<guest> guests;
  std::array<std::byte, 1000> bytes;
  for (;;) {
    while (auto one = server.try_accept()) {
      auto back = one->duplicate().value();
      const frame_options small{.max_message_bytes = 1000};
      guests.push_back({framed_receiver<stream>::create(std::move(*one), small).value(),
                        framed_sender<stream>::create(std::move(back), small).value()});
    }
    for (std::size_t at = 0; at < guests.size();) {
      auto got = guests[at].from.try_receive(bytes);
      if (got && text_of(const_bytes{bytes}.first(*got)) == "stop") return;
      if (got) {
        EXPECT_TRUE(guests[at].to.send(bytes_of("served"), deadline{patience}));
      }
      if (!got && !would_block(got.error())) {
        EXPECT_EQ(got.error(), errc::corrupt) << got.error().message();
        guests.erase(guests.begin() + static_cast<std::ptrdiff_t>(at));
        continue;
      }
      ++at;
    }
    static_cast<void>(server.wait_for_peer(std::chrono::milliseconds{1}));
  }
}

/// The crowd comes first and stays. `connect()` gives a stream to the server.
template <class Connect>
void ask_beside_a_crowd(Connect connect) {
  using stream = decltype(connect());
  std::vector<stream> crowd;
  const auto header = frame_header::encode(6);
  std::vector<std::byte> dripped{header.begin(), header.end()};
  for (const std::byte one : bytes_of("please")) dripped.push_back(one);
  for (int count = 0; count < crowd_size; ++count) {
    crowd.push_back(connect());
    const std::array<unsigned char, 8> nonsense{0xff, 0xff, 0xff, 0xff, 0xff};
    const auto bytes = std::as_bytes(std::span{nonsense});
    // Nothing, a length that no message has, or the first byte of one, whose rest drips.
    if (count % 3 == 1) {
      EXPECT_TRUE(crowd.back().write_all(bytes));
    } else if (count % 3 == 2) {
      EXPECT_TRUE(crowd.back().write_all(const_bytes{dripped}.first(1)));
    }
  }
  auto mine = connect();
  auto back = mine.duplicate().value();
  auto to = framed_sender<stream>::create(std::move(mine)).value();
  auto from = framed_receiver<stream>::create(std::move(back)).value();
  for (std::size_t count = 0; count < 20; ++count) {
    ASSERT_TRUE(to.send(bytes_of("please"), deadline{patience}));
    EXPECT_EQ(text_of(receive_message(from, deadline{patience}).value()), "served");
    for (std::size_t drip = 2; drip < crowd.size() && count + 1 < dripped.size(); drip += 3) {
      EXPECT_TRUE(crowd[drip].write_all(const_bytes{dripped}.subspan(count + 1, 1)));
    }
  }
  auto patient = framed_receiver<stream>::create(std::move(crowd[2])).value();
  EXPECT_EQ(text_of(receive_message(patient, deadline{patience}).value()), "served");
  ASSERT_TRUE(to.send(bytes_of("stop"), deadline{patience}));
  EXPECT_FALSE(receive_message(from, deadline{patience}));  // the crowd stays until the end
}

/// H13, H15: with bounded memory and without a thread for each. `listen()` gives the listener.
template <class Listen, class Connect>
void serve_beside_a_crowd(Listen listen, Connect connect) {
  const auto allow_enough = [] {
    const rlimit enough{.rlim_cur = 1200, .rlim_max = 1200};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &enough), 0);
  };
  child server_process{[&] {
    allow_enough();
    serve_until_stopped(listen());
  }};
  child client_process{[&] {
    allow_enough();
    ask_beside_a_crowd(connect);
  }};
  client_process.wait_success();
  server_process.wait_success();
}

}  // namespace sluice::test
