#pragma once
// The members of managed_segment. They stand in a header because the library itself is built
// without Boost; included by managed_segment.hpp, never alone.

#include <boost/interprocess/exceptions.hpp>
#include <cstring>
#include <sluice/primitive/managed_segment.hpp>
#include <system_error>

namespace sluice {

// --- Segments ------------------------------------------------------------------------------------

inline auto managed_segment::format(mutable_bytes bytes) -> result<buffer> {
  auto room = begin_segment(bytes, ours, buffer::segment_manager::get_min_size());
  if (!room) return failure{room.error()};
  // Cannot fail: the size was checked, and nothing is allocated.
  return buffer{boost::interprocess::create_only, room->data(), room->size()};
}

inline auto managed_segment::recognise(const shared_memory& memory) -> result<buffer> {
  auto room = check_segment(memory.writable_bytes(), ours, buffer::segment_manager::get_min_size());
  if (!room) return failure{room.error()};
  return buffer{boost::interprocess::open_only, room->data(), room->size()};
}

inline memory_create_options managed_segment::plan(const segment_create_options& options) {
  return {.size_bytes = options.size_bytes,
          .mode = options.mode,
          .initialize = [initialize = options.initialize](mutable_bytes bytes) -> result<void> {
            auto managing = format(bytes);
            if (!managing) return failure{managing.error()};
            if (!initialize) return {};
            managed_segment unpublished{std::move(*managing), std::nullopt};
            return initialize(unpublished);
          },
          .directory = options.directory};
}

inline result<managed_segment> managed_segment::attach(shared_memory memory) {
  auto managing = recognise(memory);
  if (!managing) return failure{managing.error()};
  return managed_segment{std::move(*managing), std::move(memory)};
}

inline result<managed_segment> managed_segment::create_in(shared_memory memory) {
  auto managing = format(memory.writable_bytes());
  if (!managing) return failure{managing.error()};
  return managed_segment{std::move(*managing), std::move(memory)};
}

inline result<managed_segment> managed_segment::create(const memory_name& name,
                                                       const segment_create_options& options) {
  return shared_memory::create(name, plan(options)).and_then(attach);
}

inline result<managed_segment> managed_segment::open(const memory_name& name,
                                                     const memory_open_options& options) {
  return shared_memory::open(name, options).and_then(attach);
}

inline result<managed_segment> managed_segment::open_or_create(
    const memory_name& name, const segment_create_options& options) {
  return shared_memory::open_or_create(name, plan(options)).and_then(attach);
}

inline result<managed_segment> managed_segment::rebuild(const memory_name& name,
                                                        const segment_create_options& options) {
  // What `initialize` reports is not about the name, whatever its code is.
  bool refused = false;
  segment_create_options watched = options;
  if (options.initialize) {
    watched.initialize = [&](managed_segment& segment) {
      auto filled = options.initialize(segment);
      refused = !filled;
      return filled;
    };
  }
  for (;;) {
    auto found = shared_memory::open(name, {.directory = options.directory});
    if (found) {
      if (auto managing = recognise(*found)) {
        managed_segment segment{std::move(*managing), std::move(*found)};
        // Entering is what notices that a holder died.
        { const section look{segment.heap().guard(), purpose::use_heap}; }
        if (!segment.is_corrupt()) return segment;
        found = std::move(*segment.memory_);
      }
      // By identity: if somebody else has replaced it already, theirs stays.
      auto removed = found->unlink();
      if (!removed && !(removed.error() == errc::removed)) return failure{removed.error()};
    } else if (!(found.error() == std::errc::no_such_file_or_directory) &&
               !(found.error() == errc::removed)) {
      return failure{found.error()};
    }
    auto created = create(name, watched);
    if (created || refused || !(created.error() == std::errc::file_exists)) return created;
  }
}

// --- Objects -------------------------------------------------------------------------------------

inline failure managed_segment::latched() {
  return {errc::corrupt, "managed_segment",
          "a process died while it changed the segment: rebuild it"};
}

inline result<std::string> managed_segment::checked(std::string_view name) {
  if (name.empty() || name.size() > max_name_bytes || name.find('\0') != name.npos)
    return failure{std::errc::invalid_argument, "managed_segment",
                   "the name of an object has 1 to 200 bytes, none of them NUL"};
  return std::string{name};
}

template <class T>
result<T*> managed_segment::look_up(const std::string& name) const {
  // As bytes, because Boost asserts that the size is that of the type asked for.
  const auto [address, size] = manager().template find<char>(name.c_str());
  if (address == nullptr)
    return failure{std::errc::no_such_file_or_directory, "managed_segment",
                   "no object of this name is in the segment"};
  std::uint64_t type = 0;
  if (size == sizeof(stored<T>)) std::memcpy(&type, address, sizeof type);
  if (type != type_hash<T>())
    return failure{errc::incompatible, "managed_segment", "the object is of another type"};
  return &reinterpret_cast<stored<T>*>(address)->object;
}

template <class T, class... Arguments>
result<T*> managed_segment::make(const std::string& name, Arguments&&... arguments) const {
  constexpr const char* full = "the segment is full: take a larger one";
  try {
    auto* made = manager().template construct<stored<T>>(
        name.c_str(), std::nothrow)(std::forward<Arguments>(arguments)...);
    if (made != nullptr) return &made->object;
  } catch (const std::bad_alloc&) {
  } catch (const boost::interprocess::bad_alloc&) {
  } catch (const std::system_error& thrown) {
    if (thrown.code() == make_error_code(errc::corrupt) && heap().is_corrupt()) return latched();
    throw;
  }
  return failure{std::errc::not_enough_memory, "managed_segment", full};
}

template <class T, class... Arguments>
result<T*> managed_segment::construct(std::string_view name, Arguments&&... arguments) {
  auto good = checked(name);
  if (!good) return failure{good.error()};
  const section inside{heap().guard(), purpose::change_names};
  if (!inside) return latched();
  auto existing = look_up<T>(*good);
  if (existing || existing.error() == errc::incompatible)
    return failure{std::errc::file_exists, "managed_segment", "there is an object of this name"};
  return make<T>(*good, std::forward<Arguments>(arguments)...);
}

template <class T>
result<T*> managed_segment::find(std::string_view name) {
  auto good = checked(name);
  if (!good) return failure{good.error()};
  const section inside{heap().guard(), purpose::read_names};
  if (!inside) return latched();
  return look_up<T>(*good);
}

template <class T, class... Arguments>
result<T*> managed_segment::find_or_construct(std::string_view name, Arguments&&... arguments) {
  auto good = checked(name);
  if (!good) return failure{good.error()};
  const section inside{heap().guard(), purpose::change_names};
  if (!inside) return latched();
  auto existing = look_up<T>(*good);
  if (existing || existing.error() == errc::incompatible) return existing;
  return make<T>(*good, std::forward<Arguments>(arguments)...);
}

template <class T>
result<void> managed_segment::destroy(std::string_view name) {
  auto good = checked(name);
  if (!good) return failure{good.error()};
  const section inside{heap().guard(), purpose::change_names};
  if (!inside) return latched();
  auto existing = look_up<T>(*good);
  if (!existing) return failure{existing.error()};
  manager().template destroy<stored<T>>(good->c_str());
  return {};
}

}  // namespace sluice
