#include <sluice/os/poll_watch.hpp>

#include "os/syscall_watch.hpp"

namespace sluice {

result<poll_watch> poll_watch::create(int watched, direction wanted) {
  auto list = syscall::watch_list();
  if (!list) return failure{list.error()};
  poll_watch made{std::move(*list)};
  if (auto added = made.add(watched, wanted); !added) return failure{added.error()};
  return made;
}

result<void> poll_watch::add(int watched, direction wanted) {
  constexpr std::uint64_t no_label = 0;  // nobody asks the list which one it is
  const bool reads = wanted == direction::readable;
  return syscall::watch(fd_.get(), watched, {.readable = reads, .writable = !reads}, no_label);
}

void poll_watch::remove(int watched) noexcept { syscall::watch_no_more(fd_.get(), watched); }

}  // namespace sluice
