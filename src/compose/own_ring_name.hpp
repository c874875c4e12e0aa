#pragma once
// The name of a client's own channel of replies. A ring is removed by the last who has it open, and
// that may be a server that is killed; nobody but the client will ever look for this one.

#include <sluice/channel/ring_memory.hpp>
#include <string>
#include <utility>

#include "os/syscall.hpp"

namespace sluice {

/// Removes the name when it goes, in the process that made it, whoever else has the ring open.
class own_ring_name {
 public:
  explicit own_ring_name(std::string name, ring_name_options options)
      : name_(std::move(name)), options_(std::move(options)), owner_(syscall::process_id()) {}
  own_ring_name(own_ring_name&& other) noexcept
      : name_(std::move(other.name_)),
        options_(std::move(other.options_)),
        owner_(std::exchange(other.owner_, 0)) {}
  own_ring_name& operator=(own_ring_name&&) = delete;
  ~own_ring_name() {
    if (owner_ == syscall::process_id()) static_cast<void>(ring_memory::unlink(name_, options_));
  }

 private:
  std::string name_;
  ring_name_options options_;
  pid_t owner_;
};

}  // namespace sluice
