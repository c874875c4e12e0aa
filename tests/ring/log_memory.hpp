#pragma once
// A log in memory of its own, as tests of the pure algorithm want it.

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <sluice/os/memory_map.hpp>
#include <sluice/os/unique_fd.hpp>
#include <sluice/ring/consumer.hpp>
#include <sluice/ring/producer.hpp>
#include <string>
#include <vector>

namespace sluice::test {

class log_memory {
 public:
  explicit log_memory(std::size_t capacity_bytes = 4096, ring::position start = 0)
      : capacity_(capacity_bytes) {
    const unique_fd file{::memfd_create("log_memory", MFD_CLOEXEC)};
    EXPECT_EQ(::ftruncate(file.get(), static_cast<off_t>(capacity_bytes)), 0);
    map_.emplace_back(
        memory_map::map(file.get(), {.size_bytes = capacity_bytes, .twice = true}).value());
    ring::log::initialize(control, start);
  }
  [[nodiscard]] ring::log log() {
    return {control, map_.front().writable_bytes().data(), capacity_};
  }
  [[nodiscard]] std::byte* data() { return map_.front().writable_bytes().data(); }
  /// A producer that goes on at the end of what is there.
  [[nodiscard]] ring::producer producer(ring::released_by who = ring::released_by::reader) {
    return ring::producer{log(), ring::end_of(log()).value(), who};
  }

  ring::log_control control{};

 private:
  std::size_t capacity_;
  std::vector<memory_map> map_;
};

/// What message number `sequence` of `size` bytes holds.
[[nodiscard]] inline std::vector<std::byte> ring_message(std::uint64_t sequence, std::size_t size) {
  std::vector<std::byte> message(size);
  for (std::size_t i = 0; i < size; ++i)
    message[i] = static_cast<std::byte>(sequence * 31 + i * 7 + size);
  return message;
}

inline bool put(ring::producer& producer, std::uint64_t sequence, std::size_t size) {
  std::byte* const room = producer.try_claim(size);
  if (room == nullptr) return false;
  const auto message = ring_message(sequence, size);
  if (size != 0) std::memcpy(room, message.data(), size);
  producer.commit(size);
  return true;
}

/// What stands in front, which stays there.
inline ring::found look(ring::consumer& consumer) {
  const_bytes ignored;
  return consumer.try_peek(ignored);
}

/// Takes the next message and compares it with what number `sequence` must be.
inline bool get(ring::consumer& consumer, std::uint64_t sequence, std::size_t size) {
  const_bytes seen;
  if (consumer.try_peek(seen) != ring::found::message) return false;
  const auto expected = ring_message(sequence, size);
  EXPECT_EQ(seen.size(), size);
  EXPECT_TRUE(std::equal(seen.begin(), seen.end(), expected.begin(), expected.end()))
      << "message " << sequence << " of " << size << " bytes";
  consumer.release();
  return true;
}

}  // namespace sluice::test
