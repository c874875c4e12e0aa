#include <sluice/os/poll_watch.hpp>

#include "os/syscall_signals.hpp"

namespace sluice {

result<poll_watch> poll_watch::create(int watched, readiness wanted) {
  auto list = syscall::watch_list();
  if (!list) return failure{list.error()};
  constexpr std::uint64_t no_label = 0;  // nobody asks the list which one it is
  auto added = wanted == readiness::to_read
                   ? syscall::watch_readable(list->get(), watched, no_label)
                   : syscall::watch_writable(list->get(), watched, no_label);
  if (!added) return failure{added.error()};
  return poll_watch{std::move(*list)};
}

}  // namespace sluice
