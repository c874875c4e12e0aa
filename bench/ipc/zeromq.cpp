// ZeroMQ: a PUSH socket connected to a PULL socket over ipc://, blocking.

#include <zmq.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>

#include "crew_parts.hpp"
#include "make_transport.hpp"
#include "transports.hpp"

namespace bench {

namespace {

[[noreturn]] void fail(const char* operation) {
  throw std::runtime_error{std::string{operation} + ": " + ::zmq_strerror(::zmq_errno())};
}

/// A context with its I/O thread and one socket. Made after the fork, which neither would survive.
class zeromq_end {
 public:
  zeromq_end(int kind, const link_options& options)
      : context_(::zmq_ctx_new()), socket_(::zmq_socket(context_.get(), kind)) {
    if (socket_ == nullptr) fail("zmq_socket");
    // Half of the messages that may be under way wait on each side. At the end nothing lingers.
    const std::size_t half = options.memory_bytes / options.message_bytes / 2;
    const int most = static_cast<int>(std::clamp<std::size_t>(half, 1, 1 << 30));
    set(kind == ZMQ_PUSH ? ZMQ_SNDHWM : ZMQ_RCVHWM, most);
    set(ZMQ_LINGER, 0);
    const std::string address = "ipc://" + options.address;
    if (kind == ZMQ_PULL && ::zmq_bind(socket_.get(), address.c_str()) != 0) fail("zmq_bind");
    if (kind == ZMQ_PUSH && ::zmq_connect(socket_.get(), address.c_str()) != 0) fail("zmq_connect");
  }

  void send(sluice::const_bytes message) {
    while (::zmq_send(socket_.get(), message.data(), message.size(), 0) < 0) {
      if (::zmq_errno() != EINTR) fail("zmq_send");
    }
  }
  std::size_t receive(sluice::mutable_bytes into) {
    for (;;) {
      const int size = ::zmq_recv(socket_.get(), into.data(), into.size(), 0);
      if (size >= 0) return static_cast<std::size_t>(size);
      if (::zmq_errno() != EINTR) fail("zmq_recv");
    }
  }

 private:
  void set(int option, int value) {
    if (::zmq_setsockopt(socket_.get(), option, &value, sizeof value) != 0) fail("zmq_setsockopt");
  }
  struct terminate {
    void operator()(void* context) const noexcept { ::zmq_ctx_term(context); }
  };
  struct close {
    void operator()(void* socket) const noexcept { ::zmq_close(socket); }
  };
  std::unique_ptr<void, terminate> context_;
  std::unique_ptr<void, close> socket_;
};

class zeromq_link {
 public:
  explicit zeromq_link(link_options options) : options_(std::move(options)) {}
  zeromq_end become_sender() const { return {ZMQ_PUSH, options_}; }
  zeromq_end become_receiver() const { return {ZMQ_PULL, options_}; }

 private:
  link_options options_;
};

}  // namespace

void add_zeromq(std::vector<transport>& to) {
  to.push_back(make_blocking_transport<zeromq_link>("zeromq_ipc", role::rival));
}

void add_zeromq_crew(std::vector<crew_transport>& to) {
  to.push_back(make_crew_transport<zeromq_link>("zeromq_ipc", role::rival));
}

}  // namespace bench
