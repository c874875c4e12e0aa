// Descriptors that a peer has sent, of every kind (H14): what is refused is closed, and what is
// accepted is memory that can be touched from its first to its last byte.

#include <fcntl.h>
#include <sys/stat.h>

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

// What the kernel says of a descriptor.
struct facts {
  explicit facts(int fd) noexcept : seals(::fcntl(fd, F_GET_SEALS)) {
    struct stat found {};
    require(::fstat(fd, &found) == 0, "it is open");
    kind = found.st_mode & S_IFMT;
    holes = found.st_blocks * 512 < found.st_size;
  }
  [[nodiscard]] bool cannot_shrink() const noexcept { return seals > 0 && (seals & F_SEAL_SHRINK); }

  int seals;
  mode_t kind = 0;
  bool holes = false;
};

void check_memory(unique_fd fd, script& input) {
  const std::size_t wanted = input.coin() ? 0 : input.below(3) * 4096;
  const bool read_only = input.coin();
  const facts known{fd.get()};
  auto memory = shared_memory::from_native(
      std::move(fd),
      {.access = read_only ? map_access::read_only : map_access::read_write, .size_bytes = wanted});
  if (!memory) return;
  require(known.kind == S_IFREG && known.cannot_shrink(), "memory that nobody can shrink");
  require(wanted == 0 || memory->size_bytes() == wanted, "it has the size that was asked for");
  require(memory->writable_bytes().empty() || !read_only, "nothing but what was asked for");
  unsigned sum = 0;
  for (const std::byte one : memory->bytes()) sum += static_cast<unsigned>(one);
  for (std::byte& one : memory->writable_bytes()) one = static_cast<std::byte>(sum);
}

template <class Ring>
void check_ring(unique_fd fd) {
  const facts known{fd.get()};
  auto ring = Ring::from_native(std::move(fd));
  if (!ring) return;
  require(known.cannot_shrink(), "memory that nobody can shrink");
  require(ring->max_message_bytes() != 0, "what is accepted can be used");
}

template <class End>
void check_hardened(End end, unique_fd fd) {
  const facts known{fd.get()};
  if (!end.connect(std::move(fd))) return;
  constexpr int every = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | 0x10;
  require((known.seals & every) == every && !known.holes, "memory that only its owner can write");
}

// Whether it was taken over as an end of this kind.
template <class End>
bool takes(unique_fd fd) {
  return End::from_native(std::move(fd)).has_value();
}

void check_end(unique_fd fd, script& input) {
  const facts known{fd.get()};
  const bool is_socket = known.kind == S_IFSOCK;
  switch (input.below(8)) {
    case 0:
      return require(!takes<unix_seqpacket>(std::move(fd)) || is_socket, "a socket is one");
    case 1:
      return require(!takes<unix_stream>(std::move(fd)) || is_socket, "a socket is one");
    case 2:
      return require(!takes<tcp_stream>(std::move(fd)), "none of these is of the Internet");
    case 3:
      return require(!takes<pipe_reader>(std::move(fd)) || known.kind == S_IFIFO, "a pipe is one");
    case 4:
      return require(!takes<pipe_writer>(std::move(fd)) || known.kind == S_IFIFO, "a pipe is one");
    case 5:
      return require(!takes<posix_queue_receiver>(std::move(fd)), "none of these is a queue");
    case 6:
      return require(!takes<signal_receiver>(std::move(fd)), "none of these receives signals");
    default:
      return require(!takes<event>(std::move(fd)) || known.kind == 0, "an event has no other kind");
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
      check_hardened(hardened_sender::create({.capacity_bytes = 4096}).value(), std::move(fd));
      break;
    case 4:
      check_hardened(hardened_receiver::create({.max_capacity_bytes = 16384}).value(),
                     std::move(fd));
      break;
    case 5:
      check_end(std::move(fd), input);
      break;
    default:
      check_memory(std::move(fd), input);
  }
  return 0;
}
