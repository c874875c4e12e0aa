#pragma once
// Rings that never wait, made to wait by polling: the one wait loop that all of them share.

#include <cstddef>
#include <sluice/base/bytes.hpp>
#include <utility>

#include "futex.hpp"

namespace bench {

/// The ends of a ring that has a non-blocking push and pop, polled.
template <class Producer>
class polling_sender {
 public:
  polling_sender(Producer producer, wait_loop wait) : producer_(std::move(producer)), wait_(wait) {}
  void send(sluice::const_bytes message) {
    while (!producer_.try_push(message)) wait_();
  }

 protected:
  Producer producer_;
  wait_loop wait_;
};

template <class Consumer>
class polling_receiver {
 public:
  polling_receiver(Consumer consumer, wait_loop wait)
      : consumer_(std::move(consumer)), wait_(wait) {}
  std::size_t receive(sluice::mutable_bytes into) {
    for (;;) {
      if (const std::size_t size = consumer_.try_pop(into)) return size;
      wait_();
    }
  }

 protected:
  Consumer consumer_;
  wait_loop wait_;
};

}  // namespace bench
