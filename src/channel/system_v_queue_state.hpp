#pragma once
// What queue, sender and receiver of System V ask about the queue itself.

#include <sluice/channel/system_v_queue.hpp>

#include "os/syscall_queues.hpp"

namespace sluice::system_v_queue_state {

/// The kernel says in two ways that an id leads to nothing: it was removed during the call, or
/// before it.
[[nodiscard]] bool is_removed(long outcome) noexcept;
[[nodiscard]] bool is_removed(const error& reason) noexcept;
[[nodiscard]] failure removed(const char* operation) noexcept;

[[nodiscard]] system_v_queue_identity identity_of(const syscall::queue_record& found) noexcept;

/// The queue with an id; `errc::removed` if there is none.
[[nodiscard]] result<syscall::queue_record> inspect(int id);
/// The same, and it is the one that had the id when we opened it.
[[nodiscard]] result<syscall::queue_record> inspect(const system_v_queue_identity& known);

}  // namespace sluice::system_v_queue_state
