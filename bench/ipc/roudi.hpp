#pragma once
// RouDi, the daemon of iceoryx: it sets up the memory and brings both ends together, and is not
// there between them. The supervisor has one run beside each cell of iceoryx, as a program of its
// own as iceoryx's documentation starts it; in this process its threads would not survive the fork.
//
// There can be one on a machine, with fixed names in /dev/shm and /tmp. Of two benches at once the
// one that finds the other's, or anybody's, reports that its cell cannot be had.

#include <memory>
#include <sluice/os/process.hpp>
#include <sluice/os/unique_fd.hpp>
#include <string>

#include "transport.hpp"

namespace bench {

/// What the memory that RouDi sets up is made of, besides the messages that are under way: what
/// each of several publishers is writing and has written last, and what a receiver reads.
inline constexpr std::size_t chunks_besides = 16;

/// How many messages may wait for a receiver of iceoryx.
[[nodiscard]] std::size_t iceoryx_queue_capacity(const link_options& options) noexcept;

class roudi {
 public:
  /// The one that runs for this cell, or a new one that is ready. Throws `unavailable` where there
  /// is none to start, or one runs that is not ours.
  [[nodiscard]] static std::shared_ptr<roudi> beside(const link_options& options);

  roudi(const roudi&) = delete;
  roudi& operator=(const roudi&) = delete;
  /// Ends it, after all who were registered, and removes all names; does nothing in a process that
  /// was forked.
  ~roudi();

  /// Registers this process, once. Of a runtime there can be one in a process, and its thread does
  /// not survive a fork.
  void register_this_process() const;

 private:
  explicit roudi(const link_options& options);
  void start(const std::string& configuration);
  void wait_until_ready();
  void end();

  pid_t owner_;
  std::string name_prefix_;  // of those who register
  sluice::unique_fd output_;
  std::unique_ptr<sluice::process> daemon_;
};

}  // namespace bench
