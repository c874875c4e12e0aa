#pragma once
// Signals in the tour. Their messages have eight bytes, so the tour's messages go as so many of
// them: first the size, then the bytes, the last eight filled up.

#include <cstdint>
#include <sluice/channel/signal_channel.hpp>
#include <sluice/os/memory_map.hpp>
#include <sluice/primitive/scoped_signal_mask.hpp>

#include "tools/tour/link.hpp"

namespace sluice::tour {

class signal_words_sender {
 public:
  explicit signal_words_sender(signal_channel_sender to) : to_(std::move(to)) {}
  [[nodiscard]] result<void> send(const_bytes message);

 private:
  signal_channel_sender to_;
};

class signal_words_receiver {
 public:
  explicit signal_words_receiver(signal_channel_receiver from) : from_(std::move(from)) {}
  [[nodiscard]] result<std::size_t> receive(mutable_bytes buffer);

 private:
  signal_channel_receiver from_;
};

/// The receiver is a process: it leaves its number in memory that both share.
class signal_link {
 public:
  [[nodiscard]] static result<signal_link> create(const link_options& options);
  [[nodiscard]] result<signal_words_sender> sender() &&;
  [[nodiscard]] result<signal_words_receiver> receiver() &&;
  void leave_to(crew&) {}

 private:
  signal_link(signal_pair pair, scoped_signal_mask held_back, memory_map address) noexcept
      : pair_(pair), held_back_(std::move(held_back)), address_(std::move(address)) {}

  signal_pair pair_;
  scoped_signal_mask held_back_;  // what the processes inherit
  memory_map address_;
};

}  // namespace sluice::tour
