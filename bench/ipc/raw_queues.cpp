// Raw message queues: System V and POSIX.

#include <mqueue.h>
#include <sys/ipc.h>
#include <sys/msg.h>

#include <cstring>
#include <vector>

#include "call_count.hpp"
#include "crew_parts.hpp"
#include "make_transport.hpp"
#include "queue_limits.hpp"
#include "raw_ends.hpp"
#include "transports.hpp"

namespace bench {

namespace {

/// The kernel wants type and text in one piece, so a message is copied to and from that.
template <bool Polls>
class system_v_end {
 public:
  system_v_end(int id, std::size_t size, wait_loop wait)
      : id_(id), wait_(wait), room_(sizeof(long) + size) {}

  void send(sluice::const_bytes message) {
    const long type = 1;
    std::memcpy(room_.data(), &type, sizeof type);
    std::memcpy(room_.data() + sizeof type, message.data(), message.size());
    while (counted([&] { return ::msgsnd(id_, room_.data(), message.size(), flags); }) != 0)
      try_again("msgsnd");
  }
  std::size_t receive(sluice::mutable_bytes into) {
    for (;;) {
      const ssize_t got =
          counted([&] { return ::msgrcv(id_, room_.data(), into.size(), 0, flags); });
      if (got >= 0) {
        std::memcpy(into.data(), room_.data() + sizeof(long), static_cast<std::size_t>(got));
        return static_cast<std::size_t>(got);
      }
      try_again("msgrcv");
    }
  }

 private:
  static constexpr int flags = Polls ? IPC_NOWAIT : 0;
  void try_again(const char* operation) {
    if (!is_worth_another_try() && errno != ENOMSG) fail(operation);
    wait_();
  }
  int id_;
  wait_loop wait_;
  std::vector<std::byte> room_;
};

template <bool Polls>
class raw_system_v_queue_link {
  struct queue {
    int id = ::msgget(IPC_PRIVATE, 0600);
    pid_t owner = ::getpid();
    queue() {
      if (id < 0) fail("msgget");
    }
    queue(const queue&) = delete;
    queue& operator=(const queue&) = delete;
    ~queue() {
      if (owner == ::getpid()) ::msgctl(id, IPC_RMID, nullptr);
    }
  };

 public:
  explicit raw_system_v_queue_link(const link_options& options)
      : wait_(options.wait), size_(options.message_bytes), queue_(std::make_shared<queue>()) {}
  system_v_end<Polls> become_sender() const { return {queue_->id, size_, wait_}; }
  system_v_end<Polls> become_receiver() const { return {queue_->id, size_, wait_}; }
  [[nodiscard]] std::shared_ptr<void> lasting() const { return queue_; }

 private:
  wait_loop wait_;
  std::size_t size_;
  std::shared_ptr<queue> queue_;
};

/// A queue descriptor is a file descriptor on Linux. Whether calls wait is a property of it.
template <bool Polls>
class posix_end {
 public:
  posix_end(sluice::unique_fd fd, wait_loop wait) : fd_(std::move(fd)), wait_(wait) {}

  void send(sluice::const_bytes message) {
    const auto* bytes = reinterpret_cast<const char*>(message.data());
    while (counted([&] { return ::mq_send(fd_.get(), bytes, message.size(), 0); }) != 0)
      try_again("mq_send");
  }
  std::size_t receive(sluice::mutable_bytes into) {
    for (;;) {
      auto* bytes = reinterpret_cast<char*>(into.data());
      const ssize_t got =
          counted([&] { return ::mq_receive(fd_.get(), bytes, into.size(), nullptr); });
      if (got >= 0) return static_cast<std::size_t>(got);
      try_again("mq_receive");
    }
  }

 private:
  void try_again(const char* operation) {
    if (!is_worth_another_try()) fail(operation);
    wait_();
  }
  sluice::unique_fd fd_;
  wait_loop wait_;
};

template <bool Polls>
class raw_posix_queue_link : descriptor_pair {
 public:
  explicit raw_posix_queue_link(const link_options& options) : wait_(options.wait) {
    const std::string name = posix_name(options.address);
    mq_attr wanted{};
    wanted.mq_maxmsg = static_cast<long>(posix_queue_messages(options));
    wanted.mq_msgsize = static_cast<long>(options.message_bytes);
    const int how = O_CLOEXEC | (Polls ? O_NONBLOCK : 0);
    const int receiver = ::mq_open(name.c_str(), O_RDONLY | O_CREAT | O_EXCL | how, 0600, &wanted);
    if (receiver < 0) fail("mq_open");
    const int sender = ::mq_open(name.c_str(), O_WRONLY | how);
    ::mq_unlink(name.c_str());
    keep(receiver, sender, options);
    if (sender < 0) fail("mq_open");
  }
  posix_end<Polls> become_sender() { return {take_sender(), wait_}; }
  posix_end<Polls> become_receiver() { return {take_receiver(), wait_}; }

 private:
  wait_loop wait_;
};

}  // namespace

void add_raw_queues(std::vector<transport>& to) {
  add_both<raw_system_v_queue_link<true>, raw_system_v_queue_link<false>>(
      to, "raw_system_v_queue", role::floor, system_v_queue_sizes());
  add_both<raw_posix_queue_link<true>, raw_posix_queue_link<false>>(
      to, "raw_posix_queue", role::floor, posix_queue_sizes());
}

void add_raw_queue_crews(std::vector<crew_transport>& to) {
  crew_transport system_v =
      make_crew_transport<raw_system_v_queue_link<false>>("raw_system_v_queue", role::floor);
  system_v.most_bytes = system_v_queue_sizes().to;
  to.push_back(std::move(system_v));
  crew_transport posix =
      make_crew_transport<raw_posix_queue_link<false>>("raw_posix_queue", role::floor);
  posix.most_bytes = posix_queue_sizes().to;
  to.push_back(std::move(posix));
}

}  // namespace bench
