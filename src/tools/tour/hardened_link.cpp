#include "tools/tour/hardened_link.hpp"

#include "tools/tour/ring_links.hpp"

namespace sluice::tour {

result<hardened_link> hardened_link::create(const link_options& options) {
  return syscall::socket_pair().transform([&](syscall::socket_ends&& passage) {
    return hardened_link{std::move(passage), ring_capacity(options)};
  });
}

// Who keeps the end of the other would never see it go.
result<handed_side<hardened_sender>> hardened_link::sender() && {
  auto passage = std::exchange(passage_, std::nullopt);
  return handed_side<hardened_sender>::hand_over(
      hardened_sender::create({.capacity_bytes = capacity_bytes_}), std::move(passage->one));
}

result<handed_side<hardened_receiver>> hardened_link::receiver() && {
  auto passage = std::exchange(passage_, std::nullopt);
  return handed_side<hardened_receiver>::hand_over(
      hardened_receiver::create({.max_capacity_bytes = capacity_bytes_}),
      std::move(passage->other));
}

}  // namespace sluice::tour
