#include "tools/tour/mailbox_link.hpp"

#include <fmt/format.h>

#include <random>

namespace sluice::tour {

result<mailbox_link> mailbox_link::create(const link_options&) {
  std::random_device random;
  std::string name = fmt::format("tour-{:08x}{:08x}", random(), random());
  auto made = mailbox::create(name, {.max_message_bytes = 8192});
  if (!made) return failure{made.error()};
  return mailbox_link{std::move(name), std::move(*made)};
}

result<pieces_sender<mailbox_sender>> mailbox_link::sender() && {
  auto opened = mailbox_sender::open(name_);
  if (!opened) return failure{opened.error()};
  return pieces_sender{std::move(*opened)};
}

result<pieces_receiver<mailbox_receiver>> mailbox_link::receiver() && {
  auto opened = mailbox_receiver::open(name_);
  if (!opened) return failure{opened.error()};
  return pieces_receiver{std::move(*opened), made_.max_message_bytes()};
}

}  // namespace sluice::tour
