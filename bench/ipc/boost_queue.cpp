// Boost.Interprocess message_queue, blocking.

#include <algorithm>
#include <boost/interprocess/ipc/message_queue.hpp>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>

#include "crew_parts.hpp"
#include "make_transport.hpp"
#include "transports.hpp"

namespace bench {

namespace {

namespace ipc = boost::interprocess;

/// Both processes inherit the mapping, so the name goes at once and nothing can be left behind.
class boost_queue_link {
 public:
  explicit boost_queue_link(const link_options& options) {
    // POSIX names have one slash at most; what comes after the directories is ours alone.
    std::string name = options.address;
    std::ranges::replace(name, '/', '-');
    const std::size_t messages =
        std::max<std::size_t>(2, options.memory_bytes / options.message_bytes);
    check_room(messages * options.message_bytes);
    queue_ = std::make_unique<ipc::message_queue>(ipc::create_only, name.c_str(), messages,
                                                  options.message_bytes);
    ipc::message_queue::remove(name.c_str());
  }

  struct end {
    ipc::message_queue& queue;
    void send(sluice::const_bytes message) { queue.send(message.data(), message.size(), 0); }
    std::size_t receive(sluice::mutable_bytes into) {
      ipc::message_queue::size_type size = 0;
      unsigned priority = 0;
      queue.receive(into.data(), into.size(), size, priority);
      return size;
    }
  };
  end become_sender() { return {*queue_}; }
  end become_receiver() { return {*queue_}; }

 private:
  // It is sized without being allocated, and then written: without room that ends by a signal.
  static void check_room(std::size_t bytes) {
    if (std::filesystem::space("/dev/shm").available > bytes + bytes / 2) return;
    throw std::system_error{std::make_error_code(std::errc::no_space_on_device), "/dev/shm"};
  }
  std::unique_ptr<ipc::message_queue> queue_;
};

}  // namespace

void add_boost_queue(std::vector<transport>& to) {
  to.push_back(make_blocking_transport<boost_queue_link>("boost_message_queue", role::rival));
}

void add_boost_queue_crew(std::vector<crew_transport>& to) {
  to.push_back(make_crew_transport<boost_queue_link>("boost_message_queue", role::rival));
}

}  // namespace bench
