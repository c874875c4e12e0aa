#pragma once
// What managed_segment.hpp gives to Boost.Interprocess: its memory algorithm behind our lock and
// latch, and the allocator that containers in a segment use. Needs Boost, as that header does.

#include <boost/interprocess/mem_algo/rbtree_best_fit.hpp>
#include <boost/interprocess/offset_ptr.hpp>
#include <boost/interprocess/sync/mutex_family.hpp>
#include <cstddef>
#include <limits>
#include <new>
#include <sluice/base/result.hpp>
#include <sluice/primitive/segment_guard.hpp>

namespace sluice {

/// Boost's best-fit heap, entered only through a segment_guard.
///
/// *Semantics*: a MemoryAlgorithm of Boost.Interprocess; lies at the start of the memory that it
/// manages. *Threads*: all members from any thread of any process at once. *Errors*: allocating
/// returns nullptr when there is no room or the segment is corrupt. *Lifetime*: that of the memory.
/// *Crash*: a holder killed inside latches the segment: allocating fails from then on, giving back
/// does nothing (it is called by destructors, which must not throw), and no list or tree in here is
/// walked again.
class segment_heap {
  using best_fit = boost::interprocess::rbtree_best_fit<boost::interprocess::null_mutex_family,
                                                        boost::interprocess::offset_ptr<void>>;
  using section = segment_guard::section;
  static constexpr auto use = segment_guard::purpose::use_heap;

 public:
  // The names that Boost asks for.
  using mutex_family = best_fit::mutex_family;  // no lock of Boost's: ours is around everything
  using void_pointer = best_fit::void_pointer;
  using multiallocation_chain = best_fit::multiallocation_chain;
  using difference_type = best_fit::difference_type;
  using size_type = best_fit::size_type;
  // NOLINTBEGIN(readability-identifier-naming)
  static constexpr size_type Alignment = best_fit::Alignment;
  static constexpr size_type PayloadPerAllocation = best_fit::PayloadPerAllocation;
  // NOLINTEND(readability-identifier-naming)

  segment_heap(size_type size, size_type reserved) : heap_(size, reserved + own_bytes()) {}
  segment_heap(const segment_heap&) = delete;
  segment_heap& operator=(const segment_heap&) = delete;

  [[nodiscard]] static size_type get_min_size(size_type reserved) {
    return best_fit::get_min_size(reserved + own_bytes());
  }

  [[nodiscard]] void* allocate(size_type bytes) {
    const section inside{guard_, use};
    return inside && fits(bytes) ? heap_.allocate(bytes) : nullptr;
  }
  [[nodiscard]] void* allocate_aligned(size_type bytes, size_type alignment) {
    const section inside{guard_, use};
    return inside && fits(bytes) && fits(alignment) ? heap_.allocate_aligned(bytes, alignment)
                                                    : nullptr;
  }
  void deallocate(void* address) {
    const section inside{guard_, use};
    if (inside) heap_.deallocate(address);
  }
  void allocate_many(size_type bytes, size_type count, multiallocation_chain& chain) {
    const section inside{guard_, use};
    if (inside && fits(bytes)) heap_.allocate_many(bytes, count, chain);
  }
  void deallocate_many(multiallocation_chain& chain) {
    const section inside{guard_, use};
    if (inside) heap_.deallocate_many(chain);
  }
  template <class T>
  [[nodiscard]] T* allocation_command(boost::interprocess::allocation_type command, size_type limit,
                                      size_type& preferred, T*& reuse) {
    const section inside{guard_, use};
    if (inside && fits(limit)) return heap_.allocation_command(command, limit, preferred, reuse);
    return reuse = nullptr;
  }

  [[nodiscard]] size_type get_size() const { return heap_.get_size(); }
  [[nodiscard]] size_type get_free_memory() const { return heap_.get_free_memory(); }
  [[nodiscard]] bool check_sanity() {
    const section inside{guard_, use};
    return inside && heap_.check_sanity();
  }
  [[nodiscard]] bool all_memory_deallocated() {
    const section inside{guard_, use};
    return inside && heap_.all_memory_deallocated();
  }

  [[nodiscard]] segment_guard& guard() noexcept { return guard_; }
  [[nodiscard]] bool is_corrupt() const noexcept { return guard_.is_corrupt(); }

 private:
  // Our members behind Boost's are reserved like those that its segment manager adds.
  static size_type own_bytes() noexcept { return sizeof(segment_heap) - sizeof(best_fit); }
  // What is larger than the whole would overflow Boost's arithmetic.
  [[nodiscard]] bool fits(size_type bytes) const { return bytes < heap_.get_size(); }

  best_fit heap_;  // first: it measures the memory that it manages from its own address
  segment_guard guard_;
};

/// Allocates T in the segment that it was made for.
///
/// *Semantics*: an allocator of the standard's, with pointers that mean the same in every process.
/// *Threads*: a value. *Errors*: `allocate` throws std::bad_alloc when the segment is full, and
/// std::system_error with `errc::corrupt` when it is latched; `deallocate` then leaks and says
/// nothing. *Lifetime*: used while the segment is mapped. *Crash*: see segment_heap.
template <class T>
class segment_allocator {
 public:
  using value_type = T;
  using pointer = boost::interprocess::offset_ptr<T>;
  using const_pointer = boost::interprocess::offset_ptr<const T>;
  using void_pointer = boost::interprocess::offset_ptr<void>;
  using const_void_pointer = boost::interprocess::offset_ptr<const void>;
  using size_type = std::size_t;
  using difference_type = std::ptrdiff_t;

  explicit segment_allocator(segment_heap& heap) noexcept : heap_(&heap) {}
  template <class U>
  segment_allocator(const segment_allocator<U>& other) noexcept : heap_(other.heap()) {}

  [[nodiscard]] pointer allocate(size_type count) {
    if (count > std::numeric_limits<size_type>::max() / sizeof(T)) throw std::bad_alloc{};
    const size_type bytes = count * sizeof(T);
    void* const room = alignof(T) > segment_heap::Alignment
                           ? heap_->allocate_aligned(bytes, alignof(T))
                           : heap_->allocate(bytes);
    if (room != nullptr) return pointer{static_cast<T*>(room)};
    if (!heap_->is_corrupt()) throw std::bad_alloc{};
    throw_system_error({errc::corrupt, "segment_allocator::allocate",
                        "a process died inside the segment's allocator: rebuild it"});
  }
  void deallocate(const pointer& room, size_type) noexcept { heap_->deallocate(room.get()); }

  [[nodiscard]] segment_heap* heap() const noexcept { return heap_.get(); }
  template <class U>
  friend bool operator==(const segment_allocator& a, const segment_allocator<U>& b) noexcept {
    return a.heap() == b.heap();
  }

 private:
  boost::interprocess::offset_ptr<segment_heap> heap_;
};

}  // namespace sluice
