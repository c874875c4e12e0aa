#include <condition_variable>
#include <deque>
#include <mutex>
#include <sluice/channel/local_channel.hpp>
#include <vector>

namespace sluice {

namespace local {

// The queue that all ends of one channel share.
class queue {
 public:
  explicit queue(const local_channel_options& options) : options_(options) {}

  [[nodiscard]] std::size_t max_message_bytes() const noexcept {
    return options_.max_message_bytes;
  }

  void join(int senders, int receivers) {
    const std::lock_guard lock{mutex_};
    senders_ += senders;
    receivers_ += receivers;
    changed_.notify_all();
  }

  result<void> try_send(const_bytes message) {
    const std::lock_guard lock{mutex_};
    if (message.size() > options_.max_message_bytes)
      return failure{std::errc::message_size, "local_sender::send",
                     "the message exceeds local_channel_options::max_message_bytes"};
    if (receivers_ == 0) return failure{std::errc::broken_pipe, "local_sender::send"};
    if (messages_.size() == options_.capacity_messages)
      return failure{std::errc::resource_unavailable_try_again, "local_sender::send"};
    messages_.emplace_back(message.begin(), message.end());
    changed_.notify_all();
    return {};
  }

  result<std::size_t> next_size() {
    const std::lock_guard lock{mutex_};
    return front_size();
  }

  result<std::size_t> try_receive(mutable_bytes buffer) {
    const std::lock_guard lock{mutex_};
    auto size = front_size();
    if (!size) return size;
    if (*size > buffer.size())
      return failure{std::errc::no_buffer_space, "local_receiver::receive",
                     "next_size() tells how large the buffer must be"};
    copy_bytes(messages_.front(), buffer);
    messages_.pop_front();
    changed_.notify_all();
    return size;
  }

  result<void> wait_writable(deadline until) {
    return wait(until, "wait_writable", [this] {
      return receivers_ == 0 || messages_.size() < options_.capacity_messages;
    });
  }
  result<void> wait_readable(deadline until) {
    return wait(until, "wait_readable", [this] { return senders_ == 0 || !messages_.empty(); });
  }

 private:
  result<std::size_t> front_size() const {
    if (!messages_.empty()) return messages_.front().size();
    if (senders_ == 0) return failure{errc::closed, "local_receiver::receive"};
    return failure{std::errc::resource_unavailable_try_again, "local_receiver::receive"};
  }

  template <class Ready>
  result<void> wait(deadline until, const char* operation, Ready ready) {
    std::unique_lock lock{mutex_};
    if (until.is_never()) {
      changed_.wait(lock, ready);
      return {};
    }
    if (changed_.wait_until(lock, until.when(), ready)) return {};
    return failure{std::errc::timed_out, operation};
  }

  const local_channel_options options_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::vector<std::byte>> messages_;
  int senders_ = 0;
  int receivers_ = 0;
};

}  // namespace local

local_sender::local_sender(std::shared_ptr<local::queue> queue) noexcept
    : queue_(std::move(queue)) {
  queue_->join(1, 0);
}
local_sender& local_sender::operator=(local_sender&& other) noexcept {
  leave();
  queue_ = std::move(other.queue_);
  return *this;
}
local_sender::~local_sender() { leave(); }
void local_sender::leave() noexcept {
  if (auto queue = std::move(queue_)) queue->join(-1, 0);
}
local_sender local_sender::duplicate() const { return local_sender{queue_}; }
result<void> local_sender::try_send(const_bytes message) { return queue_->try_send(message); }
result<void> local_sender::wait_writable(deadline until) { return queue_->wait_writable(until); }
std::size_t local_sender::max_message_bytes() const noexcept { return queue_->max_message_bytes(); }

local_receiver::local_receiver(std::shared_ptr<local::queue> queue) noexcept
    : queue_(std::move(queue)) {
  queue_->join(0, 1);
}
local_receiver& local_receiver::operator=(local_receiver&& other) noexcept {
  leave();
  queue_ = std::move(other.queue_);
  return *this;
}
local_receiver::~local_receiver() { leave(); }
void local_receiver::leave() noexcept {
  if (auto queue = std::move(queue_)) queue->join(0, -1);
}
local_receiver local_receiver::duplicate() const { return local_receiver{queue_}; }
result<std::size_t> local_receiver::try_receive(mutable_bytes buffer) {
  return queue_->try_receive(buffer);
}
result<std::size_t> local_receiver::next_size() { return queue_->next_size(); }
result<void> local_receiver::wait_readable(deadline until) { return queue_->wait_readable(until); }

result<local_channel> local_channel::create(const local_channel_options& options) {
  if (options.capacity_messages == 0)
    return failure{std::errc::invalid_argument, "local_channel::create",
                   "capacity_messages must be above 0"};
  auto queue = std::make_shared<local::queue>(options);
  return local_channel{local_sender{queue}, local_receiver{queue}};
}

}  // namespace sluice
