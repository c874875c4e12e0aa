#pragma once
// One side of a hardened ring as an attacker makes it: memory with the seals and numbers that are
// wanted, every byte of which the attacker writes as it likes.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstring>
#include <sluice/channel/hardened_ring.hpp>
#include <string>

#include "support/child.hpp"

namespace sluice::test {

/// Seals as a side of ours has them.
inline constexpr int every_seal = 0x0001 | 0x0002 | 0x0004 | 0x0010;

/// What the attacker makes. The memory is shared with children that are forked from here.
struct forged_side {
  struct plan {
    ring::hardened_role role = ring::hardened_role::sender;
    std::uint64_t capacity_bytes = 4096;
    std::uint64_t file_bytes = 0;  // 0: as many as belong there
    int seals = every_seal;
    bool allocated = true;
  };

  explicit forged_side(const plan& wanted)
      : page(static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE))),
        capacity(wanted.capacity_bytes),
        bytes(wanted.file_bytes != 0 ? wanted.file_bytes : page + wanted.capacity_bytes),
        fd(::memfd_create("forged", MFD_CLOEXEC | MFD_ALLOW_SEALING)) {
    EXPECT_EQ(::ftruncate(fd.get(), static_cast<off_t>(bytes)), 0);
    if (wanted.allocated && bytes != 0) {
      EXPECT_EQ(::fallocate(fd.get(), 0, 0, static_cast<off_t>(bytes)), 0);
    }
    memory = static_cast<std::byte*>(
        ::mmap(nullptr, std::max(bytes, page), PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0));
    EXPECT_NE(memory, MAP_FAILED);
    if (bytes >= page) {
      header() = {
          .magic = ring::hardened_header::magic_value,
          .version = ring::hardened_header::current_version,
          .word_bytes = sizeof(void*),
          .role = static_cast<std::uint32_t>(wanted.role),
          .page_bytes = static_cast<std::uint32_t>(page),
          .capacity_bytes = wanted.role == ring::hardened_role::sender ? wanted.capacity_bytes : 0};
      words().state = ring::hardened_words::attached;
    }
    if (wanted.seals != 0) {
      EXPECT_EQ(::fcntl(fd.get(), F_ADD_SEALS, wanted.seals), 0);
    }
  }
  forged_side(const forged_side&) = delete;
  forged_side& operator=(const forged_side&) = delete;
  ~forged_side() { ::munmap(memory, std::max(bytes, page)); }

  [[nodiscard]] ring::hardened_header& header() const {
    return *reinterpret_cast<ring::hardened_header*>(memory);
  }
  [[nodiscard]] ring::hardened_words& words() const {
    return *reinterpret_cast<ring::hardened_words*>(memory + ring::hardened_layout::words_offset);
  }
  /// The header of the record at a position of the log.
  [[nodiscard]] std::atomic_ref<std::uint64_t> record_at(ring::position at) const {
    return std::atomic_ref{*reinterpret_cast<std::uint64_t*>(memory + page + at % capacity)};
  }
  [[nodiscard]] std::byte* payload_at(ring::position at) const {
    return memory + page + at % capacity + ring::record_header::size_bytes;
  }
  [[nodiscard]] std::uint64_t record_word(ring::position at, std::uint64_t length) const {
    return ring::record_header::make(static_cast<std::uint32_t>(length), ring::record_kind::message,
                                     at / capacity)
        .word;
  }
  [[nodiscard]] unique_fd handle() const { return fd.duplicate().value(); }
  /// Keeps the byte that proves life, from a description of its own, as a living side does.
  void hold_lock() {
    lock = unique_fd{
        ::open(("/proc/self/fd/" + std::to_string(fd.get())).c_str(), O_RDWR | O_CLOEXEC)};
    struct flock byte {};
    byte.l_type = F_WRLCK;
    byte.l_whence = SEEK_SET;
    byte.l_start = static_cast<off_t>(ring::hardened_layout::lock_byte);
    byte.l_len = 1;
    EXPECT_EQ(::fcntl(lock.get(), F_OFD_SETLK, &byte), 0);
  }

  std::uint64_t page;
  std::uint64_t capacity;
  std::uint64_t bytes;
  unique_fd fd;
  unique_fd lock;
  std::byte* memory;
};

/// A process that does the same again and again until it is killed.
template <class Body>
child again_and_again(Body body) {
  const rendezvous begun;
  child other{[&] {
    body(0U);
    begun.arrive();
    for (std::uint64_t turn = 1;; ++turn) body(turn);
  }};
  begun.wait();
  return other;
}

}  // namespace sluice::test
