#include "tools/tour/queue_links.hpp"

#include <fmt/format.h>

#include <random>

namespace sluice::tour {

std::string fresh_name() {
  std::random_device random;
  return fmt::format("tour-{:08x}{:08x}", random(), random());
}

result<system_v_queue_link> system_v_queue_link::create(const link_options&) {
  std::string name = fresh_name();
  auto made = system_v_queue::create(name);
  if (!made) return failure{made.error()};
  return system_v_queue_link{std::move(name), std::move(*made)};
}

result<pieces_sender<system_v_queue_sender>> system_v_queue_link::sender() && {
  return system_v_queue_sender::open(name_).transform(
      [](system_v_queue_sender&& opened) { return pieces_sender{std::move(opened)}; });
}

result<pieces_receiver<system_v_queue_receiver>> system_v_queue_link::receiver() && {
  auto limits = system_v_queue_limits::now();
  if (!limits) return failure{limits.error()};
  return system_v_queue_receiver::open(name_).transform([&](system_v_queue_receiver&& opened) {
    return pieces_receiver{std::move(opened), limits->message_bytes};
  });
}

result<posix_queue_link> posix_queue_link::create(const link_options&) {
  return posix_queue::create(fresh_name()).transform([](posix_queue&& made) {
    return posix_queue_link{std::move(made)};
  });
}

result<pieces_sender<posix_queue_sender>> posix_queue_link::sender() && {
  return posix_queue_sender::open(made_.name()).transform([](posix_queue_sender&& opened) {
    return pieces_sender{std::move(opened)};
  });
}

result<pieces_receiver<posix_queue_receiver>> posix_queue_link::receiver() && {
  auto status = made_.status();
  if (!status) return failure{status.error()};
  return posix_queue_receiver::open(made_.name()).transform([&](posix_queue_receiver&& opened) {
    return pieces_receiver{std::move(opened), status->max_message_bytes};
  });
}

}  // namespace sluice::tour
