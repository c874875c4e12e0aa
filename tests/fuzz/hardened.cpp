// Both ends of a hardened ring over memory of the other side that holds anything (H1 to H8, H11),
// and where the script says so, changes all the while: nothing beyond a message is handed out, a
// size that was told stays, and what was called corrupt stays corrupt.

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <sluice/channel/hardened_ring.hpp>
#include <thread>
#include <vector>

#include "fuzz/patched_memory.hpp"
#include "fuzz/script.hpp"
#include "fuzz/target.hpp"
#include "fuzz/targets.hpp"

namespace sluice::test {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t capacity = 4096;
constexpr ring_wait_options short_waits{.spin = 0ns, .longest_sleep = 10us};

std::size_t page_bytes() noexcept { return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)); }

// What the other side hands over.
struct forged_side {
  explicit forged_side(ring::hardened_role role)
      : log_bytes(role == ring::hardened_role::sender ? capacity : 0),
        fd(::memfd_create("forged", MFD_CLOEXEC | MFD_ALLOW_SEALING)),
        memory(allocated(fd.get(), page_bytes() + log_bytes), page_bytes() + log_bytes) {
    auto& header = *reinterpret_cast<ring::hardened_header*>(memory.bytes().data());
    header = {.magic = ring::hardened_header::magic_value,
              .version = ring::hardened_header::current_version,
              .word_bytes = sizeof(void*),
              .role = static_cast<std::uint32_t>(role),
              .page_bytes = static_cast<std::uint32_t>(page_bytes()),
              .capacity_bytes = log_bytes};
    words().state = ring::hardened_words::attached;
    constexpr int all_seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | 0x10;  // future writes
    require(::fcntl(fd.get(), F_ADD_SEALS, all_seals) == 0, "memory can be sealed");
  }
  [[nodiscard]] ring::hardened_words& words() const noexcept {
    return *reinterpret_cast<ring::hardened_words*>(memory.bytes().data() +
                                                    ring::hardened_layout::words_offset);
  }
  // A record that a sender may have written there.
  [[nodiscard]] word_patch next_record(script& input) const noexcept {
    const ring::position at = 64 * input.below(192);
    const auto length = static_cast<std::uint32_t>(
        input.below(16) == 0 ? input.number<std::uint32_t>() : input.below(200));
    const auto header =
        ring::record_header::make(length, ring::record_kind::message, at / capacity);
    return {.at = page_bytes() + at % capacity, .value = header.word};
  }
  [[nodiscard]] word_patch next(script& input) const noexcept {
    return log_bytes != 0 && input.below(4) != 0 ? next_record(input)
                                                 : memory.next_patch(input, 512);
  }
  static int allocated(int fd, std::size_t bytes) {
    require(::posix_fallocate(fd, 0, static_cast<off_t>(bytes)) == 0, "there is memory");
    return fd;
  }

  std::size_t log_bytes;
  unique_fd fd;
  patched_memory memory;
};

// Applies changes again and again until it goes, in a thread of its own.
class restless {
 public:
  restless(const forged_side& side, std::vector<word_patch> patches)
      : thread_([&side, this, all = std::move(patches)] {
          while (!over_.load(std::memory_order_relaxed))
            for (const word_patch& one : all) side.memory.apply(one);
        }) {}
  ~restless() {
    over_ = true;
    thread_.join();
  }

 private:
  std::atomic<bool> over_ = false;
  std::thread thread_;
};

void use(hardened_receiver& end, script& input) {
  constexpr std::size_t longest = capacity / 2 - 8;
  switch (input.below(8)) {
    case 0:
      if (const auto size = end.next_size()) {
        require(*size <= longest, "a message is no longer than may be");
        std::vector<std::byte> buffer(*size);
        const auto got = end.try_receive(buffer);
        require(got && *got == *size, "a message has the size that was told");
      }
      break;
    case 1:
      static_cast<void>(end.wait_readable(deadline{20us}));
      break;
    case 2:
      static_cast<void>(end.is_stalled(0ns));
      static_cast<void>(end.counters());
      break;
    case 3:
      static_cast<void>(end.peer());
      break;
    default: {
      std::vector<std::byte> buffer(input.coin() ? longest : input.below(64));
      const auto size = end.try_receive(buffer);
      require(!size || *size <= buffer.size(), "a message fits its buffer");
      if (!size && size.error() == errc::corrupt)
        require(end.try_receive(buffer).error() == errc::corrupt, "corrupt stays corrupt");
    }
  }
}

void use(hardened_sender& end, script& input) {
  const std::vector<std::byte> message(input.coin() ? input.below(2200) : input.below(64));
  switch (input.below(8)) {
    case 0:
      if (auto window = end.try_claim(message.size())) {
        std::ranges::fill(window->bytes(), std::byte{1});
        if (input.coin()) window->commit();
      }
      break;
    case 1:
      static_cast<void>(end.wait_writable(deadline{20us}));
      break;
    case 2:
      static_cast<void>(end.is_stalled(0ns));
      static_cast<void>(end.counters());
      break;
    case 3:
      static_cast<void>(end.peer());
      break;
    default: {
      const auto sent = end.try_send(message);
      require(!sent || message.size() <= end.max_message_bytes(), "too long is refused");
      if (!sent && sent.error() == errc::corrupt)
        require(end.try_send({}).error() == errc::corrupt, "corrupt stays corrupt");
    }
  }
}

template <class End>
void survive(const forged_side& side, End end, script& input) {
  for (std::size_t changes = input.below(3); changes != 0; --changes)
    side.memory.apply(side.next(input));
  std::vector<word_patch> patches;
  for (std::size_t count = input.below(6); count != 0; --count) patches.push_back(side.next(input));
  const bool is_restless = !patches.empty() && input.coin();
  const auto connected = [&] { return end.connect(side.fd.duplicate().value()); };
  const auto go_on = [&] {
    if (!connected()) return;
    for (int turns = 0; turns < 100 && !input.is_over(); ++turns) {
      if (!is_restless && input.coin()) side.memory.apply(side.next(input));
      use(end, input);
    }
  };
  if (!is_restless) return go_on();
  const restless other{side, std::move(patches)};
  go_on();
}

}  // namespace
}  // namespace sluice::test

int sluice_fuzz_hardened(const std::uint8_t* data, std::size_t size) {
  using namespace sluice;
  using namespace sluice::test;
  const nothing_left_behind checked;
  script input{data, size};
  if (input.coin()) {
    survive(forged_side{ring::hardened_role::sender},
            hardened_receiver::create({.max_capacity_bytes = 1 << 16, .wait = short_waits}).value(),
            input);
  } else {
    survive(forged_side{ring::hardened_role::receiver},
            hardened_sender::create({.capacity_bytes = capacity, .wait = short_waits}).value(),
            input);
  }
  return 0;
}
