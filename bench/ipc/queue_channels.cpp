// The library's queues that the kernel or a mutex keeps: System V, POSIX, and the mailbox.

#include <algorithm>
#include <sluice/channel/mailbox.hpp>
#include <sluice/channel/posix_queue.hpp>
#include <sluice/channel/posix_queue_receiver.hpp>
#include <sluice/channel/posix_queue_sender.hpp>
#include <sluice/channel/system_v_queue.hpp>
#include <sluice/channel/system_v_queue_receiver.hpp>
#include <sluice/channel/system_v_queue_sender.hpp>

#include "crew_parts.hpp"
#include "library_ends.hpp"
#include "make_transport.hpp"
#include "queue_limits.hpp"
#include "transports.hpp"

namespace bench {

namespace {

template <bool Polls>
class system_v_queue_link {
 public:
  explicit system_v_queue_link(const link_options& options)
      : wait_(options.wait),
        queue_(std::make_shared<sluice::system_v_queue>(
            sluice::system_v_queue::create_private().value())) {}

  auto become_sender() const {
    return sender_end<Polls>(sluice::system_v_queue_sender::over(*queue_).value(), wait_);
  }
  auto become_receiver() const {
    return receiver_end<Polls>(sluice::system_v_queue_receiver::over(*queue_).value(), wait_);
  }
  [[nodiscard]] std::shared_ptr<void> lasting() const { return queue_; }

 private:
  wait_loop wait_;
  std::shared_ptr<sluice::system_v_queue> queue_;
};

/// Opens both ends before the fork, after which the name goes at once.
template <bool Polls>
class posix_queue_link {
 public:
  explicit posix_queue_link(const link_options& options)
      : wait_(options.wait), ends_(make(options)) {}
  auto become_sender() { return sender_end<Polls>(ends_.take_sender(), wait_); }
  auto become_receiver() { return receiver_end<Polls>(ends_.take_receiver(), wait_); }

 private:
  using both = inherited_ends<sluice::posix_queue_sender, sluice::posix_queue_receiver>;
  static both make(const link_options& options) {
    const std::string name = posix_name(options.address);
    const auto queue =
        sluice::posix_queue::create(name, {.capacity_messages = posix_queue_messages(options),
                                           .max_message_bytes = options.message_bytes})
            .value();
    return {sluice::posix_queue_sender::open(name).value(),
            sluice::posix_queue_receiver::open(name).value(), options.one_process};
  }
  wait_loop wait_;
  both ends_;
};

template <bool Polls>
class mailbox_link {
 public:
  explicit mailbox_link(const link_options& options)
      : wait_(options.wait),
        path_(options.address + ".mailbox"),
        box_(std::make_shared<sluice::mailbox>(
            sluice::mailbox::create(path_, {.capacity_messages = std::max<std::size_t>(
                                                2, options.memory_bytes / options.message_bytes),
                                            .max_message_bytes = options.message_bytes})
                .value())) {}

  auto become_sender() const {
    return sender_end<Polls>(sluice::mailbox_sender::open(path_).value(), wait_);
  }
  auto become_receiver() const {
    return receiver_end<Polls>(sluice::mailbox_receiver::open(path_).value(), wait_);
  }
  [[nodiscard]] std::shared_ptr<void> lasting() const { return box_; }

 private:
  wait_loop wait_;
  std::string path_;
  std::shared_ptr<sluice::mailbox> box_;
};

}  // namespace

void add_queue_channels(std::vector<transport>& to) {
  add_both<system_v_queue_link<true>, system_v_queue_link<false>>(
      to, "system_v_queue", role::ours, system_v_queue_sizes(), "raw_system_v_queue");
  add_both<posix_queue_link<true>, posix_queue_link<false>>(to, "posix_queue", role::ours,
                                                            posix_queue_sizes(), "raw_posix_queue");
  add_both<mailbox_link<true>, mailbox_link<false>>(to, "mailbox", role::ours, {});
  not_counted(to, 2);
}

void add_queue_channel_crews(std::vector<crew_transport>& to) {
  crew_transport system_v =
      make_crew_transport<system_v_queue_link<false>>("system_v_queue", role::ours);
  system_v.most_bytes = system_v_queue_sizes().to;
  to.push_back(std::move(system_v));
  crew_transport posix = make_crew_transport<posix_queue_link<false>>("posix_queue", role::ours);
  posix.most_bytes = posix_queue_sizes().to;
  to.push_back(std::move(posix));
  to.push_back(make_crew_transport<mailbox_link<false>>("mailbox", role::ours));
}

}  // namespace bench
