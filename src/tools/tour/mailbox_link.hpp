#pragma once
// The mailbox in the tour. It has slots of one size, so that longer messages go in pieces, as on
// the kernel's queues.

#include <sluice/channel/mailbox.hpp>
#include <string>
#include <utility>

#include "tools/tour/queue_links.hpp"

namespace sluice::tour {

/// A mailbox under a name that nobody else has.
class mailbox_link {
 public:
  [[nodiscard]] static result<mailbox_link> create(const link_options& options);
  [[nodiscard]] result<pieces_sender<mailbox_sender>> sender() &&;
  [[nodiscard]] result<pieces_receiver<mailbox_receiver>> receiver() &&;
  void leave_to(crew&) {}

 private:
  mailbox_link(std::string name, mailbox made) : name_(std::move(name)), made_(std::move(made)) {}
  std::string name_;
  mailbox made_;
};

}  // namespace sluice::tour
