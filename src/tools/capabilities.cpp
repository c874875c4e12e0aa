#include "tools/capabilities.hpp"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <limits>
#include <sluice/sluice.hpp>
#include <string_view>

namespace sluice::tools {

namespace {

// A new channel class is one line here.
constexpr std::array channels{
    channel_traits<pipe_reader>,
    channel_traits<framed_receiver<pipe_reader>>,
    channel_traits<fifo_reader>,
    channel_traits<framed_receiver<fifo_reader>>,
    channel_traits<fifo_receiver>,
    channel_traits<signal_channel_receiver>,
    channel_traits<system_v_queue_receiver>,
    channel_traits<posix_queue_receiver>,
    channel_traits<mailbox_receiver>,
    channel_traits<ring_receiver>,
    channel_traits<ring_queue_receiver>,
    channel_traits<ring_subscriber>,
    channel_traits<hardened_receiver>,
    channel_traits<unix_stream>,
    channel_traits<framed_receiver<unix_stream>>,
    channel_traits<unix_seqpacket>,
    channel_traits<unix_datagram_receiver>,
    channel_traits<tcp_stream>,
    channel_traits<framed_receiver<tcp_stream>>,
    channel_traits<udp_socket>,
    channel_traits<local_receiver>,
    channel_traits<event>,
    channel_traits<shared_event>,
    channel_traits<posix_semaphore>,
    channel_traits<system_v_semaphore>,
};

constexpr std::string_view no = "–";

constexpr std::string_view yes_or_no(bool has) noexcept { return has ? "yes" : no; }

constexpr std::string_view order_of(const channel_capabilities& channel) noexcept {
  // With one sender there is only its own order.
  if (!channel.many_senders) return no;
  return channel.order == ordering::total ? "total" : "per sender";
}

constexpr std::string_view receivers_of(const channel_capabilities& channel) noexcept {
  return channel.broadcast ? "each gets all" : yes_or_no(channel.many_receivers);
}

constexpr std::string_view reach_of(reach how_far) noexcept {
  switch (how_far) {
    case reach::one_process:
      return "one process";
    case reach::one_machine:
      return "one machine";
    case reach::machines:
      return "machines";
  }
  return "";
}

std::string largest_message(const channel_capabilities& channel) {
  constexpr std::array units{"B", "KiB", "MiB", "GiB"};
  if (channel.max_message_bytes == 0) return "no payload";
  if (channel.max_message_bytes == std::numeric_limits<std::size_t>::max())
    return channel.keeps_boundaries ? "any" : "stream";
  // Most limits are powers of two, or one less where a field cannot say the power itself.
  std::size_t size = channel.max_message_bytes;
  const bool one_less = size > 1 && std::has_single_bit(size + 1);
  if (one_less) ++size;
  std::size_t unit = 0;
  for (; size % 1024 == 0 && unit + 1 < units.size(); ++unit) size /= 1024;
  const bool one_size = channel.min_message_bytes == channel.max_message_bytes;
  return fmt::format("{} {}{}", size, units[unit], one_less ? " − 1" : one_size ? " exactly" : "");
}

}  // namespace

std::string capability_table() {
  std::string table =
      "| channel | keeps boundaries | order across senders | many senders | many receivers "
      "| pollable | zero copy | carries handles | selective | survives its processes | may lose | "
      "reaches "
      "| largest message |\n"
      "|---|---|---|---|---|---|---|---|---|---|---|---|---|\n";
  for (const channel_capabilities& one : channels) {
    table += fmt::format("| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |\n",
                         one.mechanism, yes_or_no(one.keeps_boundaries), order_of(one),
                         yes_or_no(one.many_senders), receivers_of(one), yes_or_no(one.pollable),
                         yes_or_no(one.zero_copy), yes_or_no(one.carries_handles),
                         yes_or_no(one.selective), yes_or_no(one.survives_processes),
                         yes_or_no(one.may_lose), reach_of(one.reaches), largest_message(one));
  }
  return table;
}

}  // namespace sluice::tools
