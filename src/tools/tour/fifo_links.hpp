#pragma once
// Links over a FIFO: sender and receiver each open it by its name, like programs that do not know
// each other. The name goes with the coordinator's link.

#include <sluice/channel/fifo.hpp>
#include <sluice/channel/fifo_channel.hpp>
#include <sluice/compose/framed.hpp>
#include <string>

#include "tools/tour/link.hpp"

namespace sluice::tour {

/// A FIFO under a name that nobody else has.
struct named_fifo {
  std::string name;
  fifo owner;
  [[nodiscard]] static result<named_fifo> create();
};

/// One writer, with frames.
class fifo_link {
 public:
  [[nodiscard]] static result<fifo_link> create(const link_options& options);
  [[nodiscard]] result<framed_sender<fifo_writer>> sender() &&;
  [[nodiscard]] result<framed_receiver<fifo_reader>> receiver() &&;
  void leave_to(crew&) {}

 private:
  fifo_link(named_fifo made, const link_options& options)
      : fifo_(std::move(made)), options_(options) {}
  named_fifo fifo_;
  link_options options_;
};

/// Messages of any number of senders.
class fifo_messages_link {
 public:
  [[nodiscard]] static result<fifo_messages_link> create(const link_options& options);
  [[nodiscard]] result<fifo_sender> sender() &&;
  [[nodiscard]] result<fifo_receiver> receiver() &&;
  void leave_to(crew&) {}

 private:
  fifo_messages_link(named_fifo made, const link_options& options)
      : fifo_(std::move(made)), options_(options) {}
  named_fifo fifo_;
  link_options options_;
};

}  // namespace sluice::tour
