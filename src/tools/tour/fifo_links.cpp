#include "tools/tour/fifo_links.hpp"

#include <fmt/format.h>

#include <chrono>
#include <random>

namespace sluice::tour {

namespace {
// A receiver that does not come within this was never going to.
constexpr auto patience = std::chrono::seconds{10};
}  // namespace

result<named_fifo> named_fifo::create() {
  std::random_device random;
  std::string name = fmt::format("tour-{:08x}{:08x}", random(), random());
  auto made = fifo::create(name);
  if (!made) return failure{made.error()};
  return named_fifo{std::move(name), std::move(*made)};
}

result<fifo_link> fifo_link::create(const link_options& options) {
  return named_fifo::create().transform([&](named_fifo&& made) {
    return fifo_link{std::move(made), options};
  });
}

result<framed_sender<fifo_writer>> fifo_link::sender() && {
  return fifo_writer::open(fifo_.name, patience).and_then([&](fifo_writer&& writer) {
    return framed_sender<fifo_writer>::create(std::move(writer),
                                              {.max_message_bytes = options_.max_message_bytes});
  });
}

result<framed_receiver<fifo_reader>> fifo_link::receiver() && {
  return fifo_reader::open(fifo_.name).and_then([&](fifo_reader&& reader) {
    return framed_receiver<fifo_reader>::create(std::move(reader),
                                                {.max_message_bytes = options_.max_message_bytes});
  });
}

result<fifo_messages_link> fifo_messages_link::create(const link_options& options) {
  return named_fifo::create().transform([&](named_fifo&& made) {
    return fifo_messages_link{std::move(made), options};
  });
}

result<fifo_sender> fifo_messages_link::sender() && {
  return fifo_sender::open(fifo_.name, patience, {.max_message_bytes = options_.max_message_bytes});
}

result<fifo_receiver> fifo_messages_link::receiver() && {
  return fifo_receiver::open(fifo_.name, {.max_message_bytes = options_.max_message_bytes});
}

}  // namespace sluice::tour
