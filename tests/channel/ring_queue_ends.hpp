#pragma once
// What tests of a queue do with its ends: letters go in, texts come out.

#include <gtest/gtest.h>

#include <sluice/channel/ring_queue.hpp>
#include <string>

#include "support/child.hpp"

namespace sluice::test {

inline std::string next(ring_queue_receiver& receiver) {
  auto got = receive_message(receiver, deadline{patience});
  return got ? std::string{text_of(*got)} : got.error().message();
}

inline std::string next(ring_queue_receiver& receiver, int count) {
  std::string all;
  while (count-- > 0) all += next(receiver);
  return all;
}

inline void send_all(ring_queue_sender& sender, const std::string& letters) {
  for (const char& letter : letters) ASSERT_TRUE(sender.send(bytes_of(letter)));
}

}  // namespace sluice::test
