// The library's signals: eight bytes in each, queued for a process.

#include <unistd.h>

#include <atomic>
#include <optional>
#include <sluice/channel/signal_channel.hpp>
#include <sluice/primitive/scoped_signal_mask.hpp>

#include "library_ends.hpp"
#include "make_transport.hpp"
#include "shared_bytes.hpp"
#include "transports.hpp"

namespace bench {

namespace {

/// The receiver tells its process number; who becomes the sender comes after that.
template <bool Polls>
class signal_link {
 public:
  explicit signal_link(const link_options& options) : wait_(options.wait), shared_(0) {}

  auto become_receiver() {
    // Until the process ends: a signal that comes late would end it.
    mask_.emplace(sluice::scoped_signal_mask::block(pair().signals()).value());
    auto receiver = sluice::signal_channel_receiver::create(pair()).value();
    shared_.control().receiver.store(::getpid());
    return receiver_end<Polls>(std::move(receiver), wait_);
  }
  auto become_sender() {
    const auto receiver = sluice::process::open(shared_.control().receiver.load()).value();
    return sender_end<Polls>(sluice::signal_channel_sender::open(receiver, pair()).value(), wait_);
  }

 private:
  struct control {
    std::atomic<pid_t> receiver{0};
  };
  static sluice::signal_pair pair() noexcept { return sluice::signal_pair::nth(1); }
  wait_loop wait_;
  shared_bytes<control> shared_;
  std::optional<sluice::scoped_signal_mask> mask_;
};

}  // namespace

void add_signal_channels(std::vector<transport>& to) {
  add_both<signal_link<true>, signal_link<false>>(
      to, "signals", role::ours, {.from = word_bytes, .to = word_bytes}, "raw_signals");
}

}  // namespace bench
