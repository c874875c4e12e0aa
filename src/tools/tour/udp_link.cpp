#include "tools/tour/udp_link.hpp"

#include <chrono>

namespace sluice::tour {

namespace {

using namespace std::chrono_literals;

enum kind : std::uint8_t { last, more_follows, end };

// In front of each piece; a receipt is the same without bytes behind it.
struct piece_label {
  std::uint32_t number = 0;
  std::uint8_t kind = 0;
  std::uint8_t unused[3] = {};
};

constexpr std::size_t most_bytes = udp_socket::max_message_bytes() - sizeof(piece_label);
constexpr auto patience_per_try = 100ms;

// "Nobody receives" is of a piece before: what counts is the receipt.
bool is_no_end(const error& reason) {
  return reason == std::errc::timed_out || reason == std::errc::connection_refused;
}

}  // namespace

receipted_sender::receipted_sender(udp_socket to)
    : to_(std::move(to)), staged_(udp_socket::max_message_bytes()) {}

receipted_sender::~receipted_sender() {
  // The receipt of the end may be lost, too, and its receiver gone by now: not for long.
  if (must_end_) static_cast<void>(send_piece(end, {}, 3));
}

result<void> receipted_sender::send(const_bytes message) {
  constexpr int many_tries = 200;
  for (; message.size() > most_bytes; message = message.subspan(most_bytes))
    if (auto sent = send_piece(more_follows, message.first(most_bytes), many_tries); !sent)
      return sent;
  return send_piece(last, message, many_tries);
}

result<void> receipted_sender::send_piece(std::uint8_t kind, const_bytes bytes, int tries) {
  const piece_label label{.number = number_++, .kind = kind};
  const std::size_t begin = copy_bytes(bytes_of(label), staged_);
  const std::size_t size = begin + copy_bytes(bytes, mutable_bytes{staged_}.subspan(begin));
  for (; tries > 0; --tries) {
    auto sent = to_.send(const_bytes{staged_}.first(size));
    if (!sent && !is_no_end(sent.error())) return sent;
    const deadline until{patience_per_try};
    for (piece_label receipt;;) {
      auto got = to_.receive(writable_bytes_of(receipt), until);
      if (got && receipt.number == label.number) return {};
      if (!got && !is_no_end(got.error())) return failure{got.error()};
      if (!got) break;
    }
  }
  return failure{std::errc::timed_out, "receipted_sender", "no receipt came"};
}

receipting_receiver::receipting_receiver(udp_socket from)
    : from_(std::move(from)), staged_(udp_socket::max_message_bytes()) {}

result<std::size_t> receipting_receiver::receive(mutable_bytes buffer) {
  for (std::size_t have = 0;;) {
    auto size = from_.receive(staged_);
    if (!size && is_no_end(size.error())) continue;
    if (!size) return size;
    if (*size < sizeof(piece_label)) return failure{errc::corrupt, "receipting_receiver"};
    piece_label label;
    copy_bytes(staged_, writable_bytes_of(label));
    const auto receipt = from_.try_send(bytes_of(label));
    if (!receipt && !is_no_end(receipt.error()) && !would_block(receipt.error()))
      return failure{receipt.error()};
    if (label.number != expected_) continue;  // sent again: its receipt had been lost
    ++expected_;
    if (label.kind == end) return failure{errc::closed, "receipting_receiver"};
    const const_bytes bytes = const_bytes{staged_}.first(*size).subspan(sizeof label);
    if (bytes.size() > buffer.size() - have)
      return failure{std::errc::no_buffer_space, "receipting_receiver"};
    have += copy_bytes(bytes, buffer.subspan(have));
    if (label.kind == last) return have;
  }
}

result<udp_link> udp_link::create(const link_options&) {
  auto sender = udp_socket::create();
  if (!sender) return failure{sender.error()};
  auto receiver = udp_socket::create();
  if (!receiver) return failure{receiver.error()};
  if (auto met = sender->connect(receiver->address()); !met) return failure{met.error()};
  if (auto met = receiver->connect(sender->address()); !met) return failure{met.error()};
  return udp_link{both_ends{std::move(*sender), std::move(*receiver)}};
}

result<receipted_sender> udp_link::sender() && {
  auto mine = std::exchange(ends_, std::nullopt);
  return receipted_sender{std::move(mine->sender)};
}

result<receipting_receiver> udp_link::receiver() && {
  auto mine = std::exchange(ends_, std::nullopt);
  return receipting_receiver{std::move(mine->receiver)};
}

}  // namespace sluice::tour
