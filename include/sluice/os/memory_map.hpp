#pragma once
// The owner of one mapping of memory.

#include <cstddef>
#include <sluice/base/bytes.hpp>
#include <sluice/base/result.hpp>
#include <utility>

namespace sluice {

enum class map_access { read_only, read_write };

struct memory_map_options {
  std::size_t size_bytes = 0;    ///< More than 0.
  std::size_t offset_bytes = 0;  ///< A multiple of the page size.
  map_access access = map_access::read_write;
  /// The same bytes are shown a second time right behind the first; `size_bytes` is of one of both,
  /// and a multiple of the page size.
  bool twice = false;
  std::size_t file_bytes = 0;  ///< Size of the file, if it was looked at already; 0: asked for.
};

/// Owns one shared mapping and unmaps it.
///
/// *Semantics*: memory shared with every process that maps the same file or inherited the mapping
/// over fork. *Threads*: the owner like any value; the bytes as their user arranges it. *Errors*:
/// `map` reports size 0, an offset off the page size, and mmap(2)'s own. *Lifetime*: the bytes are
/// valid until the owner goes; the descriptor may be closed earlier. *Crash*: the kernel unmaps it;
/// the other processes keep theirs.
class memory_map {
 public:
  /// Maps part of the file behind `fd`, which stays the caller's. Touching bytes beyond the end of
  /// the file kills by SIGBUS, so the range is checked against the file's size
  /// (`invalid_argument`).
  [[nodiscard]] static result<memory_map> map(int fd, const memory_map_options& options);
  /// New zeroed memory that children share after fork. The memory is reserved at once:
  /// `not_enough_memory` now rather than a kill later.
  [[nodiscard]] static result<memory_map> create_anonymous(std::size_t size_bytes);

  /// Attaches the System V segment with this id, all of it: `size_bytes` is the segment's size.
  /// Detaches by unmapping (shm_close in the kernel counts mappings).
  [[nodiscard]] static result<memory_map> attach(int segment, const memory_map_options& options);

  memory_map(memory_map&& other) noexcept
      : address_(std::exchange(other.address_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        access_(other.access_) {}
  memory_map& operator=(memory_map&& other) noexcept {
    std::swap(address_, other.address_);
    std::swap(size_, other.size_);
    std::swap(access_, other.access_);
    return *this;
  }
  ~memory_map();

  [[nodiscard]] const_bytes bytes() const noexcept {
    return {static_cast<const std::byte*>(address_), size_};
  }
  /// Empty if the mapping is read-only.
  [[nodiscard]] mutable_bytes writable_bytes() const noexcept {
    if (access_ == map_access::read_only) return {};
    return {static_cast<std::byte*>(address_), size_};
  }
  [[nodiscard]] std::size_t size_bytes() const noexcept { return size_; }

 private:
  memory_map(void* address, std::size_t size, map_access access) noexcept
      : address_(address), size_(size), access_(access) {}
  void* address_;
  std::size_t size_;
  map_access access_;
};

}  // namespace sluice
