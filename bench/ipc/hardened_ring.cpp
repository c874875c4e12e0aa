// The library's ring between two who do not trust each other, one to one. Each process makes its
// own side, and hands what the other may read through a socket.

#include <sluice/channel/hardened_ring.hpp>
#include <sluice/channel/unix_seqpacket.hpp>
#include <sluice/os/received_handles.hpp>

#include "library_ends.hpp"
#include "make_transport.hpp"
#include "transports.hpp"

namespace bench {

namespace {

/// Made with the other's memory at its first message: the receiver is made before the sender.
template <class Side>
class met_side {
 public:
  met_side(Side mine, sluice::unix_seqpacket passage)
      : side_(std::move(mine)), passage_(std::move(passage)) {
    const std::array handles{side_.native_handle()};
    const std::byte one{};
    passage_->send({&one, 1}, handles).value();
  }
  Side& met() {
    if (passage_) [[unlikely]] {
      std::byte one{};
      sluice::received_handles handles;
      passage_->receive({&one, 1}, handles).value();
      side_.connect(std::move(handles[0])).value();
      passage_.reset();
    }
    return side_;
  }

 private:
  Side side_;
  std::optional<sluice::unix_seqpacket> passage_;
};

template <bool Polls>
class hardened_link {
 public:
  explicit hardened_link(const link_options& options)
      : wait_(options.wait), capacity_(options.memory_bytes), ends_(make(options)) {}

  struct sender {
    met_side<sluice::hardened_sender> side;
    wait_loop wait;
    void send(sluice::const_bytes message) {
      if constexpr (Polls) {
        while (!went_well(side.met().try_send(message))) wait();
      } else {
        side.met().send(message).value();
      }
    }
  };
  struct receiver {
    met_side<sluice::hardened_receiver> side;
    wait_loop wait;
    std::size_t receive(sluice::mutable_bytes into) {
      if constexpr (Polls) {
        for (;;) {
          const auto size = side.met().try_receive(into);
          if (went_well(size)) return *size;
          wait();
        }
      } else {
        return side.met().receive(into).value();
      }
    }
  };
  sender become_sender() {
    return {{sluice::hardened_sender::create({.capacity_bytes = capacity_}).value(),
             ends_.take_sender()},
            wait_};
  }
  receiver become_receiver() {
    return {{sluice::hardened_receiver::create({.max_capacity_bytes = capacity_}).value(),
             ends_.take_receiver()},
            wait_};
  }

 private:
  using both = inherited_ends<sluice::unix_seqpacket, sluice::unix_seqpacket>;
  static both make(const link_options& options) {
    auto made = sluice::unix_seqpacket::create_pair(1).value();
    return {std::move(made.first), std::move(made.second), options.one_process};
  }
  wait_loop wait_;
  std::size_t capacity_;
  both ends_;
};

}  // namespace

void add_hardened_ring(std::vector<transport>& to) {
  add_both<hardened_link<true>, hardened_link<false>>(to, "hardened_ring", role::ours, {});
}

}  // namespace bench
