#include "tools/tour/signal_links.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

namespace sluice::tour {

namespace {

// A receiver that does not come within this was never going to.
constexpr auto patience = std::chrono::seconds{10};

// A pair that no other link of this process has: those hold theirs back.
result<signal_pair> free_pair() {
  auto held_back = scoped_signal_mask::current();
  if (!held_back) return failure{held_back.error()};
  int n = 0;
  while (held_back->contains(signal_pair::nth(n).data)) ++n;
  return signal_pair::nth(n);
}

std::atomic_ref<std::uint64_t> number_in(const memory_map& address) {
  return std::atomic_ref{*reinterpret_cast<std::uint64_t*>(address.writable_bytes().data())};
}

}  // namespace

result<void> signal_words_sender::send(const_bytes message) {
  const std::uint64_t size = message.size();
  if (auto sent = to_.send(bytes_of(size)); !sent) return sent;
  while (!message.empty()) {
    std::uint64_t word = 0;
    const std::size_t taken = copy_bytes(message, writable_bytes_of(word));
    if (auto sent = to_.send(bytes_of(word)); !sent) return sent;
    message = message.subspan(taken);
  }
  return {};
}

result<std::size_t> signal_words_receiver::receive(mutable_bytes buffer) {
  std::uint64_t size = 0;
  if (auto got = from_.receive(writable_bytes_of(size)); !got) return got;
  if (size > buffer.size()) return failure{std::errc::no_buffer_space, "signal_words_receiver"};
  for (mutable_bytes rest = buffer.first(size); !rest.empty();) {
    std::uint64_t word = 0;
    auto got = from_.receive(writable_bytes_of(word));
    if (!got && got.error() == errc::closed)
      return failure{errc::corrupt, "signal_words_receiver", "the sender ended inside a message"};
    if (!got) return got;
    rest = rest.subspan(copy_bytes(bytes_of(word), rest));
  }
  return static_cast<std::size_t>(size);
}

result<signal_link> signal_link::create(const link_options&) {
  auto address = memory_map::create_anonymous(sizeof(std::uint64_t));
  if (!address) return failure{address.error()};
  auto pair = free_pair();
  if (!pair) return failure{pair.error()};
  // Beyond the last pair there is none, and the receiver says so.
  return scoped_signal_mask::block(pair->signals()).transform([&](scoped_signal_mask&& held_back) {
    return signal_link{*pair, std::move(held_back), std::move(*address)};
  });
}

result<signal_words_sender> signal_link::sender() && {
  const deadline until{patience};
  std::uint64_t number = 0;
  while ((number = number_in(address_).load()) == 0) {
    if (until.has_passed())
      return failure{std::errc::timed_out, "signal_link", "the receiving process did not come"};
    std::this_thread::sleep_for(std::chrono::microseconds{100});
  }
  auto receiver = process::open(static_cast<pid_t>(number));
  if (!receiver) return failure{receiver.error()};
  return signal_channel_sender::open(*receiver, pair_, until)
      .transform([](signal_channel_sender&& made) { return signal_words_sender{std::move(made)}; });
}

result<signal_words_receiver> signal_link::receiver() && {
  auto made = signal_channel_receiver::create(pair_);
  if (!made) return failure{made.error()};
  // The first thread of a process has the number of the process; the crew's have no other.
  number_in(address_).store(static_cast<std::uint64_t>(current_thread_id()));
  return signal_words_receiver{std::move(*made)};
}

}  // namespace sluice::tour
