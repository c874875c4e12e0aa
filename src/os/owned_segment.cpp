#include <sluice/os/owned_segment.hpp>

#include "os/syscall.hpp"
#include "os/system_v_segment.hpp"

namespace sluice {

owned_segment::owned_segment(int id) noexcept : id_(id), owner_(syscall::process_id()) {}

owned_segment::~owned_segment() {
  if (owner_ != 0 && owner_ == syscall::process_id()) static_cast<void>(unlink());
}

result<void> owned_segment::unlink() {
  if (owner_ == 0) return failure{errc::removed, "unlink", "this object does not own the segment"};
  owner_ = 0;
  return system_v_segment::remove(id_);
}

}  // namespace sluice
