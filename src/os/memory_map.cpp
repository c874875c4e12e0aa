#include <sluice/os/memory_map.hpp>

#include "os/memory_budget.hpp"
#include "os/syscall.hpp"
#include "os/syscall_memory.hpp"

namespace sluice {

result<memory_map> memory_map::map(int fd, const memory_map_options& options) {
  if (options.size_bytes == 0)
    return failure{std::errc::invalid_argument, "memory_map::map", "size_bytes must be above 0"};
  std::size_t file_size = options.file_bytes;
  if (file_size == 0) {
    auto file = syscall::status(fd);
    if (!file) return failure{file.error()};
    file_size = static_cast<std::size_t>(file->st_size);
  }
  if (options.offset_bytes > file_size || options.size_bytes > file_size - options.offset_bytes)
    return failure{std::errc::invalid_argument, "memory_map::map",
                   "the range reaches beyond the end of the file"};
  const bool writable = options.access == map_access::read_write;
  auto address =
      options.twice
          ? syscall::map_shared_twice(fd, options.size_bytes, options.offset_bytes, writable)
          : syscall::map_shared(fd, options.size_bytes, options.offset_bytes, writable);
  if (!address) return failure{address.error()};
  return memory_map{*address, options.twice ? 2 * options.size_bytes : options.size_bytes,
                    options.access};
}

result<memory_map> memory_map::attach(int segment, const memory_map_options& options) {
  const bool writable = options.access == map_access::read_write;
  auto address = syscall::segment_attach(segment, writable);
  if (!address) return failure{address.error()};
  return memory_map{*address, options.size_bytes, options.access};
}

result<memory_map> memory_map::create_anonymous(std::size_t size_bytes) {
  if (auto enough = check_memory_budget(size_bytes, "memory_map::create_anonymous"); !enough)
    return failure{enough.error()};
  auto file = syscall::memory_file("sluice");
  if (!file) return failure{file.error()};
  if (auto allocated = syscall::allocate(file->get(), size_bytes); !allocated)
    return failure{allocated.error()};
  return map(file->get(), {.size_bytes = size_bytes});
}

memory_map::~memory_map() {
  if (address_ != nullptr) syscall::unmap(address_, size_);
}

}  // namespace sluice
