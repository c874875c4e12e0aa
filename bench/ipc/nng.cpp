// nng: a push socket that dials a pull socket over ipc://, blocking.

#include <nng/nng.h>
#include <nng/protocol/pipeline0/pull.h>
#include <nng/protocol/pipeline0/push.h>

#include <algorithm>
#include <stdexcept>
#include <string>

#include "crew_parts.hpp"
#include "make_transport.hpp"
#include "transports.hpp"

namespace bench {

namespace {

void check(int code, const char* operation) {
  if (code != 0) throw std::runtime_error{std::string{operation} + ": " + ::nng_strerror(code)};
}

/// One socket; the library starts its threads with the first one, so that is after the fork.
class nng_end {
 public:
  nng_end(bool sends, const link_options& options) {
    check(sends ? ::nng_push0_open(&socket_) : ::nng_pull0_open(&socket_), "nng_open");
    // Half of the messages that may be under way wait on each side, as far as nng lets them.
    constexpr std::size_t most_messages = 8192;
    const std::size_t half = options.memory_bytes / options.message_bytes / 2;
    const int messages = static_cast<int>(std::clamp<std::size_t>(half, 1, most_messages));
    const char* side = sends ? NNG_OPT_SENDBUF : NNG_OPT_RECVBUF;
    // Pipelines of this version have no buffer of messages on one of the sides.
    if (const int code = ::nng_socket_set_int(socket_, side, messages); code != NNG_ENOTSUP)
      check(code, side);
    check(::nng_socket_set_size(socket_, NNG_OPT_RECVMAXSZ, 0), "no limit of size");
    const std::string address = "ipc://" + options.address;
    check(sends ? ::nng_dial(socket_, address.c_str(), nullptr, 0)
                : ::nng_listen(socket_, address.c_str(), nullptr, 0),
          sends ? "nng_dial" : "nng_listen");
  }
  nng_end(const nng_end&) = delete;
  nng_end& operator=(const nng_end&) = delete;
  ~nng_end() { ::nng_close(socket_); }

  // The flags are none: nng copies, and the message stays the caller's.
  void send(sluice::const_bytes message) {
    std::byte* bytes = const_cast<std::byte*>(message.data());  // the interface is C's
    check(::nng_send(socket_, bytes, message.size(), 0), "nng_send");
  }
  std::size_t receive(sluice::mutable_bytes into) {
    std::size_t size = into.size();
    check(::nng_recv(socket_, into.data(), &size, 0), "nng_recv");
    return size;
  }

 private:
  nng_socket socket_ = NNG_SOCKET_INITIALIZER;
};

class nng_link {
 public:
  explicit nng_link(link_options options) : options_(std::move(options)) {}
  nng_end become_sender() const { return {true, options_}; }
  nng_end become_receiver() const { return {false, options_}; }

 private:
  link_options options_;
};

}  // namespace

void add_nng(std::vector<transport>& to) {
  to.push_back(make_blocking_transport<nng_link>("nng_ipc", role::rival));
}

void add_nng_crew(std::vector<crew_transport>& to) {
  to.push_back(make_crew_transport<nng_link>("nng_ipc", role::rival));
}

}  // namespace bench
