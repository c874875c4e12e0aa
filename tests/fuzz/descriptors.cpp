// Descriptors that a peer has sent, of every kind (H14): what is refused is closed, and what is
// accepted is memory that can be touched from its first to its last byte.

#include <sluice/channel/hardened_ring.hpp>
#include <sluice/channel/pipe.hpp>
#include <sluice/channel/posix_queue_receiver.hpp>
#include <sluice/channel/ring_channel.hpp>
#include <sluice/channel/ring_queue.hpp>
#include <sluice/channel/ring_topic.hpp>
#include <sluice/channel/tcp_stream.hpp>
#include <sluice/channel/unix_seqpacket.hpp>
#include <sluice/channel/unix_stream.hpp>
#include <sluice/primitive/event.hpp>
#include <sluice/primitive/shared_memory.hpp>
#include <sluice/primitive/signal_receiver.hpp>

#include "fuzz/descriptor_of.hpp"
#include "fuzz/script.hpp"
#include "fuzz/target.hpp"
#include "fuzz/targets.hpp"

namespace sluice::test {
namespace {

void check_memory(unique_fd fd, script& input) {
  const std::size_t wanted = input.coin() ? 0 : input.below(3) * 4096;
  const bool read_only = input.coin();
  auto memory = shared_memory::from_native(
      std::move(fd),
      {.access = read_only ? map_access::read_only : map_access::read_write, .size_bytes = wanted});
  if (!memory) return;
  require(wanted == 0 || memory->size_bytes() == wanted, "it has the size that was asked for");
  require(memory->writable_bytes().empty() || !read_only, "nothing but what was asked for");
  unsigned sum = 0;
  for (const std::byte one : memory->bytes()) sum += static_cast<unsigned>(one);
  for (std::byte& one : memory->writable_bytes()) one = static_cast<std::byte>(sum);
}

template <class Ring>
void check_ring(unique_fd fd) {
  auto ring = Ring::from_native(std::move(fd));
  require(!ring || ring->max_message_bytes() != 0, "what is accepted can be used");
}

// Of those that take over an end of something: the kind is what the kernel says.
void check_end(unique_fd fd, script& input) {
  switch (input.below(8)) {
    case 0:
      return static_cast<void>(unix_seqpacket::from_native(std::move(fd)));
    case 1:
      return static_cast<void>(unix_stream::from_native(std::move(fd)));
    case 2:
      return static_cast<void>(tcp_stream::from_native(std::move(fd)));
    case 3:
      return static_cast<void>(pipe_reader::from_native(std::move(fd)));
    case 4:
      return static_cast<void>(pipe_writer::from_native(std::move(fd)));
    case 5:
      return static_cast<void>(posix_queue_receiver::from_native(std::move(fd)));
    case 6:
      return static_cast<void>(signal_receiver::from_native(std::move(fd)));
    default:
      return static_cast<void>(event::from_native(std::move(fd)));
  }
}

}  // namespace
}  // namespace sluice::test

int sluice_fuzz_descriptors(const std::uint8_t* data, std::size_t size) {
  using namespace sluice;
  using namespace sluice::test;
  const nothing_left_behind checked;
  script input{data, size};
  const std::size_t taker = input.below(8);
  unique_fd fd = next_descriptor(input);
  if (!fd) return 0;  // what may not be opened anew
  switch (taker) {
    case 0:
      check_ring<ring_channel>(std::move(fd));
      break;
    case 1:
      check_ring<ring_queue>(std::move(fd));
      break;
    case 2:
      check_ring<ring_topic>(std::move(fd));
      break;
    case 3:
      static_cast<void>(
          hardened_sender::create({.capacity_bytes = 4096}).value().connect(std::move(fd)));
      break;
    case 4:
      static_cast<void>(
          hardened_receiver::create({.max_capacity_bytes = 16384}).value().connect(std::move(fd)));
      break;
    case 5:
      check_end(std::move(fd), input);
      break;
    default:
      check_memory(std::move(fd), input);
  }
  return 0;
}
