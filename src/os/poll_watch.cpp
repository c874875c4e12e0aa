#include <sluice/os/poll_watch.hpp>

#include "os/syscall_watch.hpp"

namespace sluice {

result<poll_watch> poll_watch::create(int watched, direction wanted) {
  auto list = syscall::watch_list();
  if (!list) return failure{list.error()};
  constexpr std::uint64_t no_label = 0;  // nobody asks the list which one it is
  const bool reads = wanted == direction::readable;
  auto added =
      syscall::watch(list->get(), watched, {.readable = reads, .writable = !reads}, no_label);
  if (!added) return failure{added.error()};
  return poll_watch{std::move(*list)};
}

}  // namespace sluice
