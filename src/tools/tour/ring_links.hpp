#pragma once
// Rings in the tour: memory without a name, which the processes inherit, each to attach its end.

#include <optional>
#include <sluice/channel/ring_channel.hpp>

#include "tools/tour/link.hpp"

namespace sluice::tour {

/// One to one.
class ring_channel_link {
 public:
  [[nodiscard]] static result<ring_channel_link> create(const link_options& options);
  [[nodiscard]] result<ring_sender> sender() &&;
  [[nodiscard]] result<ring_receiver> receiver() &&;
  void leave_to(crew&) { ring_.reset(); }

 private:
  explicit ring_channel_link(ring_channel ring) : ring_(std::move(ring)) {}
  std::optional<ring_channel> ring_;
};

}  // namespace sluice::tour
