#pragma once
// The message queues of the kernel, and the mailbox, in the shape of the suites.

#include <cstddef>
#include <optional>
#include <sluice/channel/mailbox.hpp>
#include <sluice/channel/posix_queue.hpp>
#include <sluice/channel/posix_queue_receiver.hpp>
#include <sluice/channel/posix_queue_sender.hpp>
#include <sluice/channel/system_v_queue.hpp>
#include <sluice/channel/system_v_queue_receiver.hpp>
#include <sluice/channel/system_v_queue_sender.hpp>
#include <string>

#include "conformance/message_links.hpp"
#include "support/isolation.hpp"

namespace sluice::test {

struct system_v_queue_link {
  static constexpr const char* name = "system_v_queue";

  explicit system_v_queue_link(std::size_t = 0) {}
  [[nodiscard]] system_v_queue_sender another_sender() const {
    return system_v_queue_sender::over(made_).value();
  }
  [[nodiscard]] system_v_queue_receiver another_receiver() const {
    return system_v_queue_receiver::over(made_).value();
  }

 private:
  system_v_queue made_ = system_v_queue::create(unique_name()).value();

 public:
  std::optional<system_v_queue_sender> sender = another_sender();
  std::optional<system_v_queue_receiver> receiver = another_receiver();
};

struct posix_queue_link {
  static constexpr const char* name = "posix_queue";

  explicit posix_queue_link(std::size_t = 0) {}
  [[nodiscard]] posix_queue_sender another_sender() const {
    return posix_queue_sender::open(made_.name()).value();
  }
  [[nodiscard]] posix_queue_receiver another_receiver() const {
    return posix_queue_receiver::open(made_.name()).value();
  }

 private:
  posix_queue made_ = posix_queue::create(unique_name()).value();

 public:
  std::optional<posix_queue_sender> sender = another_sender();
  std::optional<posix_queue_receiver> receiver = another_receiver();
};

struct mailbox_link {
  static constexpr const char* name = "mailbox";

  explicit mailbox_link(std::size_t max_message_bytes = usual_max_message_bytes)
      : name_(unique_name()),
        made_(mailbox::create(name_,
                              {.capacity_messages = 16, .max_message_bytes = max_message_bytes})
                  .value()) {}
  [[nodiscard]] mailbox_sender another_sender() const {
    return mailbox_sender::open(name_).value();
  }
  [[nodiscard]] mailbox_receiver another_receiver() const {
    return mailbox_receiver::open(name_).value();
  }

 private:
  std::string name_;
  mailbox made_;

 public:
  std::optional<mailbox_sender> sender = another_sender();
  std::optional<mailbox_receiver> receiver = another_receiver();
};

}  // namespace sluice::test
