#pragma once
// Objects in shared memory: named ones, and containers that allocate there, over any memory of
// shared_memory.hpp. The managing is Boost.Interprocess's; memory, lock and latch are ours, so that
// a process killed inside an allocation neither hangs nor misleads anybody.
//
//     auto segment = managed_segment::create("prices", {.size_bytes = 1 << 20}).value();
//     using table = managed_segment::text_map<double>;
//     table* prices = segment.construct<table>("table", segment.allocator<table::value_type>());
//
// This header (with segment_heap.hpp, which it includes) is the one that needs Boost 1.81 or later;
// no other header includes it, and the library itself is built without Boost.

#include <boost/container/map.hpp>
#include <boost/container/string.hpp>
#include <boost/container/vector.hpp>
#include <boost/interprocess/indexes/iset_index.hpp>
#include <boost/interprocess/managed_external_buffer.hpp>
#include <boost/version.hpp>
#include <functional>
#include <optional>
#include <sluice/base/codec.hpp>
#include <sluice/base/result.hpp>
#include <sluice/primitive/segment_format.hpp>
#include <sluice/primitive/segment_heap.hpp>
#include <sluice/primitive/shared_memory.hpp>
#include <string>
#include <string_view>
#include <utility>

namespace sluice {

static_assert(BOOST_VERSION >= 108100, "managed_segment needs Boost 1.81 or later");

class managed_segment;

struct segment_create_options {
  std::size_t size_bytes = 0;  ///< Of the memory; the segment needs about 500 of them for itself.
  mode_t mode = 0600;          ///< Exact, as in memory_create_options.
  /// Makes the first objects, before anybody else can open the segment.
  std::function<result<void>(managed_segment&)> initialize = {};
  runtime_directory_options directory = {};
};

/// Shared memory with objects in it.
///
/// *Semantics*: objects are found by name, in every process that has the segment; they stay when
/// the process that made them ends. Pointers into the segment are valid in one process, so objects
/// hold `pointer<T>` instead, as the containers here do. What several processes change at once
/// needs a lock of yours: put a sluice::mutex next to it. A segment does not grow, since its memory
/// is allocated and mapped once: take a larger one, or `rebuild` with another size when all have
/// left. *Threads*: all verbs from any thread of any process at once; moving from one. *Errors*:
/// `not_enough_memory` when the segment is full; `errc::incompatible` for another type under the
/// name, or a segment of another version of Boost or Sluice; `errc::corrupt` as below. *Lifetime*:
/// that of its shared_memory; destroying the object `managed_segment` destroys none in it. All who
/// write to the segment are trusted. *Crash*: who is killed while it makes, destroys or looks up
/// named objects or allocates latches the segment: `is_corrupt` for ever, making and allocating
/// report `errc::corrupt`, giving memory back does nothing. Objects that exist stay readable, by
/// name too unless a name was just being changed. `rebuild` starts anew.
class managed_segment {
  using buffer =
      boost::interprocess::basic_managed_external_buffer<char, segment_heap,
                                                         boost::interprocess::iset_index>;
  using purpose = segment_guard::purpose;
  using section = segment_guard::section;

 public:
  template <class T>
  using pointer = boost::interprocess::offset_ptr<T>;
  template <class T>
  using vector = boost::container::vector<T, segment_allocator<T>>;
  using string =
      boost::container::basic_string<char, std::char_traits<char>, segment_allocator<char>>;
  template <class Key, class T, class Less = std::less<Key>>
  using map = boost::container::map<Key, T, Less, segment_allocator<std::pair<const Key, T>>>;
  /// Orders texts of all kinds, so that nothing is copied into the segment to look something up.
  struct text_less {
    using is_transparent = void;
    bool operator()(std::string_view a, std::string_view b) const noexcept { return a < b; }
  };
  template <class T>
  using text_map = map<string, T, text_less>;

  static constexpr std::size_t max_name_bytes = 200;

  [[nodiscard]] static result<managed_segment> create(const memory_name& name,
                                                      const segment_create_options& options);
  /// Always for reading and writing: looking a name up takes the lock, which lies in the segment.
  [[nodiscard]] static result<managed_segment> open(const memory_name& name,
                                                    const memory_open_options& options = {});
  [[nodiscard]] static result<managed_segment> open_or_create(
      const memory_name& name, const segment_create_options& options);
  /// Opens the segment of this name if it is sound. If it is corrupt, of another layout or missing,
  /// makes a new one under the name, with nothing in it but what `initialize` makes; who has the
  /// old one keeps it. Of several that do this at once, one makes it.
  [[nodiscard]] static result<managed_segment> rebuild(const memory_name& name,
                                                       const segment_create_options& options);

  /// Makes a segment in memory that nobody else uses yet, whatever is in it.
  [[nodiscard]] static result<managed_segment> create_in(shared_memory memory);
  /// Uses the segment that lies in this memory.
  [[nodiscard]] static result<managed_segment> attach(shared_memory memory);

  /// Makes a T from `arguments`; `file_exists` if the name is taken. The segment's lock is held
  /// meanwhile. What T's constructor throws comes through, except for the shortage and corruption
  /// that an allocator reports: these become errors.
  template <class T, class... Arguments>
  [[nodiscard]] result<T*> construct(std::string_view name, Arguments&&... arguments);
  /// The object of this name; `no_such_file_or_directory` if there is none.
  template <class T>
  [[nodiscard]] result<T*> find(std::string_view name);
  template <class T, class... Arguments>
  [[nodiscard]] result<T*> find_or_construct(std::string_view name, Arguments&&... arguments);
  /// Destroys the object and frees its name; nobody may use it any more.
  template <class T>
  [[nodiscard]] result<void> destroy(std::string_view name);

  /// For containers and strings, also temporary ones outside of the segment.
  template <class T>
  [[nodiscard]] segment_allocator<T> allocator() const noexcept {
    return segment_allocator<T>{heap()};
  }

  [[nodiscard]] bool is_corrupt() const noexcept { return heap().is_corrupt(); }
  /// Walks the whole heap: false when it is corrupt or broken.
  [[nodiscard]] bool check_sanity() const { return heap().check_sanity(); }
  /// What is left, in pieces that may be small. Unlocked: a figure for people.
  [[nodiscard]] std::size_t free_bytes() const { return heap().get_free_memory(); }
  /// Name, identity and duty of the memory; its bytes are not yours to write.
  [[nodiscard]] shared_memory& memory() noexcept { return *memory_; }

 private:
  // How a named object lies in the segment.
  template <class T>
  struct stored {
    std::uint64_t type = type_hash<T>();
    T object;
    template <class... Arguments>
    explicit stored(Arguments&&... arguments) : object(std::forward<Arguments>(arguments)...) {
      static_assert(alignof(T) <= segment_heap::Alignment,
                    "Boost places objects at this alignment");
    }
  };

  managed_segment(buffer managing, std::optional<shared_memory> memory)
      : buffer_(std::move(managing)), memory_(std::move(memory)) {}
  static constexpr segment_abi ours{.heap_bytes = sizeof(segment_heap),
                                    .manager_version = BOOST_VERSION};
  [[nodiscard]] static result<buffer> format(mutable_bytes bytes);
  [[nodiscard]] static result<buffer> recognise(const shared_memory& memory);
  [[nodiscard]] static memory_create_options plan(const segment_create_options& options);
  [[nodiscard]] buffer::segment_manager& manager() const noexcept {
    return *buffer_.get_segment_manager();
  }
  [[nodiscard]] segment_heap& heap() const noexcept { return manager().get_memory_algorithm(); }
  [[nodiscard]] static result<std::string> checked(std::string_view name);
  [[nodiscard]] static failure latched();
  template <class T>
  [[nodiscard]] result<T*> look_up(const std::string& name) const;
  template <class T, class... Arguments>
  [[nodiscard]] result<T*> make(const std::string& name, Arguments&&... arguments) const;

  buffer buffer_;
  std::optional<shared_memory> memory_;  // empty while `initialize` runs
};

}  // namespace sluice

#include <sluice/primitive/managed_segment_members.hpp>
