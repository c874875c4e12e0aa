#include <cstring>
#include <sluice/primitive/segment_format.hpp>
#include <sluice/primitive/segment_guard.hpp>

namespace sluice {

namespace {

constexpr const char* operation = "managed_segment";

segment_header header_for(std::size_t size, const segment_abi& ours) noexcept {
  segment_header header;
  header.lock_bytes = sizeof(segment_guard);
  header.heap_bytes = ours.heap_bytes;
  header.manager_version = ours.manager_version;
  header.size_bytes = size;
  return header;
}

result<void> check_room(mutable_bytes memory, std::size_t min_heap_bytes) {
  if (memory.empty())
    return failure{std::errc::permission_denied, operation,
                   "the memory is read-only: looking up a name takes the lock, which lies in it"};
  if (memory.size() < sizeof(segment_header) + min_heap_bytes)
    return failure{std::errc::invalid_argument, operation,
                   "the memory is too small for a managed segment"};
  return {};
}

}  // namespace

result<mutable_bytes> begin_segment(mutable_bytes memory, const segment_abi& ours,
                                    std::size_t min_heap_bytes) {
  if (auto good = check_room(memory, min_heap_bytes); !good) return failure{good.error()};
  const segment_header header = header_for(memory.size(), ours);
  std::memcpy(memory.data(), &header, sizeof header);
  return memory.subspan(sizeof header);
}

result<mutable_bytes> check_segment(mutable_bytes memory, const segment_abi& ours,
                                    std::size_t min_heap_bytes) {
  if (auto good = check_room(memory, min_heap_bytes); !good) return failure{good.error()};
  segment_header found;  // a copy: what is checked is what is used
  std::memcpy(&found, memory.data(), sizeof found);
  const segment_header wanted = header_for(memory.size(), ours);
  const auto other = [](const char* why) { return failure{errc::incompatible, operation, why}; };
  if (found.magic != wanted.magic)
    return failure{errc::corrupt, operation, "there is no managed segment in this memory"};
  if (found.byte_order != wanted.byte_order)
    return other("the segment was made on a machine of the other byte order");
  if (found.version != wanted.version)
    return other("the segment was made by another version of this library's layout");
  if (found.word_bytes != wanted.word_bytes)
    return other("the segment was made by a program of another word size");
  if (found.lock_bytes != wanted.lock_bytes)
    return other("the segment was made with another C library's mutex");
  if (found.manager_version != wanted.manager_version)
    return other("the segment was made with another version of Boost");
  if (found.heap_bytes != wanted.heap_bytes) return other("the segment's heap has another layout");
  if (found.size_bytes != wanted.size_bytes)
    return failure{errc::corrupt, operation, "the memory has not the size that its header states"};
  return memory.subspan(sizeof found);
}

}  // namespace sluice
