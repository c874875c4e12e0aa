#include <algorithm>
#include <sluice/compose/packet_bytes.hpp>
#include <utility>

#include "os/syscall.hpp"

namespace sluice {

packet_direction_end::packet_direction_end(shared_connection connection, way which) noexcept
    : connection_(std::move(connection)), which_(which), maker_(syscall::process_id()) {}

void packet_direction_end::operator()(unix_seqpacket* connection) const noexcept {
  // The end is one for all who share the description, so a forked child's copy ends nothing. Who
  // cannot be told has gone.
  if (maker_ != syscall::process_id()) return;
  static_cast<void>(which_ == way::sending ? connection->finish() : connection->finish_receiving());
}

packet_byte_writer::packet_byte_writer(const shared_connection& connection)
    : direction_(connection.get(), {connection, packet_direction_end::way::sending}) {}

result<std::size_t> packet_byte_writer::try_write(byte_parts parts) {
  packet_.clear();
  for (const const_bytes& part : parts) {
    const const_bytes fits = part.first(std::min(part.size(), largest_bytes - packet_.size()));
    packet_.insert(packet_.end(), fits.begin(), fits.end());
  }
  if (packet_.empty()) return std::size_t{0};
  if (auto sent = direction_->try_send(packet_); !sent) return failure{sent.error()};
  return packet_.size();
}

packet_byte_reader::packet_byte_reader(const shared_connection& connection)
    : direction_(connection.get(), {connection, packet_direction_end::way::receiving}) {}

result<std::size_t> packet_byte_reader::try_read(mutable_bytes buffer) {
  if (buffer.empty()) return std::size_t{0};
  // No more than a packet may be, so that a larger one shows whatever room there is.
  auto size = direction_->try_receive(
      buffer.first(std::min(buffer.size(), packet_byte_writer::largest_bytes)));
  if (!size && size.error() == std::errc::no_buffer_space &&
      buffer.size() >= packet_byte_writer::largest_bytes)
    return failure{errc::corrupt, "packet_byte_reader", "a packet larger than any may be"};
  return size;
}

}  // namespace sluice
