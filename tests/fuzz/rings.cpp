// The memory of a ring channel, a queue or a topic with words that were changed (F46): what opens
// it refuses or works, nothing outside of it is touched, no call hangs, and no message is longer
// than any may be.

#include <fcntl.h>
#include <sys/stat.h>

#include <optional>
#include <sluice/channel/ring_channel.hpp>
#include <sluice/channel/ring_publisher.hpp>
#include <sluice/channel/ring_queue.hpp>
#include <sluice/channel/ring_subscriber.hpp>
#include <sluice/channel/ring_topic.hpp>
#include <vector>

#include "fuzz/patched_memory.hpp"
#include "fuzz/script.hpp"
#include "fuzz/target.hpp"
#include "fuzz/targets.hpp"

namespace sluice::test {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t capacity = 4096;
constexpr std::size_t longest = capacity / 2 - 8;
constexpr ring_wait_options no_waits{.spin = 0ns};

struct channel_kind {
  static constexpr std::size_t lanes = 1;
  using ring = ring_channel;
  using sender = ring_sender;
  using receiver = ring_receiver;
  static ring make(script& input) {
    return ring::create_anonymous(
               {.capacity_bytes = capacity, .when_full = static_cast<ring_full>(input.below(3))})
        .value();
  }
  static result<sender> send_to(const ring& memory) {
    return sender::attach(memory, {.wait = no_waits});
  }
  static result<receiver> receive_of(const ring& memory, script&) {
    return receiver::attach(memory, {.wait = no_waits});
  }
};

struct queue_kind {
  static constexpr std::size_t lanes = 2;
  using ring = ring_queue;
  using sender = ring_queue_sender;
  using receiver = ring_queue_receiver;
  static ring make(script& input) {
    return ring::create_anonymous({.capacity_bytes = capacity,
                                   .max_senders = 2,
                                   .max_receivers = 2,
                                   .delivery = static_cast<ring_delivery>(input.below(2))})
        .value();
  }
  static result<sender> send_to(const ring& memory) {
    return sender::attach(memory, {.wait = no_waits});
  }
  static result<receiver> receive_of(const ring& memory, script& input) {
    const auto take = static_cast<std::uint32_t>(1 + input.below(4));
    return receiver::attach(memory, {.wait = no_waits, .take_at_most = take});
  }
};

struct topic_kind {
  static constexpr std::size_t lanes = 2;
  using ring = ring_topic;
  using sender = ring_publisher;
  using receiver = ring_subscriber;
  static ring make(script& input) {
    return ring::create_anonymous({.capacity_bytes = capacity,
                                   .max_publishers = 2,
                                   .max_subscribers = 2,
                                   .when_full = static_cast<ring_topic_policy>(input.below(3))})
        .value();
  }
  static result<sender> send_to(const ring& memory) {
    return sender::attach(memory, {.wait = no_waits});
  }
  static result<receiver> receive_of(const ring& memory, script& input) {
    return receiver::attach(
        memory, {.join = static_cast<sluice::ring::joining>(input.below(3)), .wait = no_waits});
  }
};

template <class End>
void ask(End& end) {
  if constexpr (requires { end.peer(); }) static_cast<void>(end.peer());
  if constexpr (requires { end.counters(); }) static_cast<void>(end.counters());
  if constexpr (requires { end.is_stalled(0ns); }) static_cast<void>(end.is_stalled(0ns));
}

template <class Receiver>
void receive(Receiver& end, script& input) {
  switch (input.below(8)) {
    case 0:
      if (auto view = end.try_peek()) {
        require(view->bytes().size() <= longest, "a view is no longer than a message may be");
        // Touched, so that a sanitizer sees where it lies.
        volatile unsigned char last = 0;
        for (const std::byte one : view->bytes()) last = static_cast<unsigned char>(one);
        static_cast<void>(last);
        if (input.coin()) view->put_back();
      }
      break;
    case 1:
      if (const auto size = end.next_size()) require(*size <= longest, "a size may be");
      break;
    case 2:
      static_cast<void>(end.wait_readable(deadline::now()));
      break;
    case 3:
      ask(end);
      break;
    default: {
      std::vector<std::byte> buffer(input.below(8) == 0 ? input.below(64) : longest);
      const auto size = end.try_receive(buffer);
      require(!size || *size <= buffer.size(), "a message fits its buffer");
    }
  }
}

template <class Sender>
void send(Sender& end, script& input) {
  const std::vector<std::byte> message(input.below(4) == 0 ? input.below(longest + 100)
                                                           : input.below(200));
  switch (input.below(8)) {
    case 0:
      if (auto window = end.try_claim(message.size()); window && input.coin()) window->commit();
      break;
    case 1:
      static_cast<void>(end.try_stage(message));
      end.publish();
      break;
    case 2:
      static_cast<void>(end.wait_writable(deadline::now()));
      break;
    case 3:
      ask(end);
      break;
    default:
      require(message.size() <= longest || !end.try_send(message), "too long is refused");
      if (message.size() <= longest) static_cast<void>(end.try_send(message));
  }
}

unique_fd copy_of(int fd) { return unique_fd{::fcntl(fd, F_DUPFD_CLOEXEC, 0)}; }

template <class Kind>
void use(script& input) {
  const auto made = Kind::make(input);
  struct stat found {};
  require(::fstat(made.native_handle(), &found) == 0, "memory has a size");
  const auto size = static_cast<std::size_t>(found.st_size);
  const patched_memory memory{made.native_handle(), size};
  // With some of the data, where the first headers are.
  const std::size_t control = size - Kind::lanes * capacity + 512;
  std::optional<typename Kind::ring> opened;
  std::optional<typename Kind::sender> sender;
  std::optional<typename Kind::receiver> receiver;
  const auto attach = [&] {
    sender.reset();
    receiver.reset();
    auto other = Kind::ring::from_native(copy_of(made.native_handle()));
    if (!other) return;
    require(other->max_message_bytes() == longest, "what is accepted is what was made");
    opened.emplace(std::move(*other));
    if (auto end = Kind::send_to(*opened)) sender.emplace(std::move(*end));
    if (auto end = Kind::receive_of(*opened, input)) receiver.emplace(std::move(*end));
  };
  attach();
  for (int turns = 0; turns < 200 && !input.is_over(); ++turns) {
    const std::size_t what = input.below(16);
    if (what < 4) memory.apply(memory.next_patch(input, control));
    if (what == 4) sender.reset();
    if (what == 5) receiver.reset();
    if (what == 6) attach();
    if (what >= 7 && what < 11 && sender) send(*sender, input);
    if (what >= 11 && receiver) receive(*receiver, input);
  }
}

}  // namespace
}  // namespace sluice::test

int sluice_fuzz_rings(const std::uint8_t* data, std::size_t size) {
  using namespace sluice::test;
  const nothing_left_behind checked;
  script input{data, size};
  switch (input.below(3)) {
    case 0:
      use<channel_kind>(input);
      break;
    case 1:
      use<queue_kind>(input);
      break;
    default:
      use<topic_kind>(input);
  }
  return 0;
}
