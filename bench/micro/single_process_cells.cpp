#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <sluice/channel/pipe.hpp>
#include <sluice/compose/framed.hpp>
#include <sluice/primitive/event.hpp>
#include <stdexcept>
#include <string>
#include <system_error>

#include "one_process.hpp"
#include "stream_contest.hpp"

namespace bench {

namespace {

void expect(ssize_t outcome, std::size_t wanted, const char* operation) {
  if (outcome < 0) throw std::system_error{errno, std::generic_category(), operation};
  if (static_cast<std::size_t>(outcome) != wanted)
    throw std::runtime_error{std::string{operation} + " took another number of bytes"};
}

/// Bytes through a pipe, unframed: write and read, nothing else.
contest open_bytes(std::size_t size, const cell_settings& settings) {
  auto ends = std::make_shared<sluice::pipe>(sluice::pipe::create().value());
  auto out = std::make_shared<std::vector<std::byte>>(size);
  auto in = std::make_shared<std::vector<std::byte>>(size);
  const auto with_sluice = [=](std::uint64_t i) {
    write_payload(i, *out);
    ends->writer.write_all(*out).value();
    ends->reader.read_exactly(*in).value();
    expect_payload(i, *in, size);
  };
  const auto with_raw = [=, flags = kernel_has_no_signal_flag() ? no_signal : 0](std::uint64_t i) {
    write_payload(i, *out);
    const iovec part{.iov_base = out->data(), .iov_len = size};
    expect(::pwritev2(ends->writer.native_handle(), &part, 1, -1, flags), size, "pwritev2");
    expect(::read(ends->reader.native_handle(), in->data(), size), size, "read");
    expect_payload(i, *in, size);
  };
  return one_process(with_sluice, with_raw, settings);
}

/// Framed messages through a pipe to ourselves.
contest open_framed(std::size_t size, const cell_settings& settings) {
  using sender = sluice::framed_sender<sluice::pipe_writer>;
  using receiver = sluice::framed_receiver<sluice::pipe_reader>;
  auto ends = sluice::pipe::create().value();
  const int in_fd = ends.reader.native_handle();
  const int out_fd = ends.writer.native_handle();
  auto sending = std::make_shared<sender>(sender::create(std::move(ends.writer)).value());
  auto receiving = std::make_shared<receiver>(receiver::create(std::move(ends.reader)).value());
  auto raw_sending = std::make_shared<raw_sender>(out_fd);
  auto raw_receiving = std::make_shared<raw_receiver>(in_fd);
  auto out = std::make_shared<std::vector<std::byte>>(size);
  auto in = std::make_shared<std::vector<std::byte>>(size);
  const auto with_sluice = [=](std::uint64_t i) {
    write_payload(i, *out);
    sending->send(*out).value();
    expect_payload(i, sluice::const_bytes{*in}.first(receiving->receive(*in).value()), size);
  };
  const auto with_raw = [=](std::uint64_t i) {
    write_payload(i, *out);
    raw_sending->send(*out);
    expect_payload(
        i, sluice::const_bytes{*in}.first(sluice::copy_bytes(raw_receiving->next(), *in)), size);
  };
  return one_process(with_sluice, with_raw, settings);
}

/// An event that is notified and taken.
contest open_event(const cell_settings& settings) {
  auto event = std::make_shared<sluice::event>(sluice::event::create().value());
  const auto with_sluice = [=](std::uint64_t) {
    event->notify().value();
    event->wait().value();
  };
  const auto with_raw = [=](std::uint64_t) {
    std::uint64_t count = 1;
    expect(::write(event->native_handle(), &count, sizeof count), sizeof count, "write");
    expect(::read(event->native_handle(), &count, sizeof count), sizeof count, "read");
    if (count != 1) throw std::runtime_error{"an event was lost or invented"};
  };
  return one_process(with_sluice, with_raw, settings);
}

}  // namespace

std::vector<cell> single_process_cells() {
  std::vector<cell> cells;
  for (const std::size_t size : {64u, 4096u}) {
    cells.push_back({.name = "bytes/" + std::to_string(size) + "/one_process",
                     .message_bytes = size,
                     .open = [size](const cell_settings& s) { return open_bytes(size, s); }});
    cells.push_back({.name = "framed/" + std::to_string(size) + "/one_process",
                     .message_bytes = size,
                     .open = [size](const cell_settings& s) { return open_framed(size, s); }});
  }
  cells.push_back({.name = "event/one_process", .message_bytes = 0, .open = open_event});
  return cells;
}

std::vector<cell> all_cells() {
  std::vector<cell> cells = single_process_cells();
  for (auto more : {signal_cells(), memory_cells(), queue_cells(), socket_cells(), packet_cells(),
                    semaphore_cells(), stream_cells(), fallback_cells(), selector_cells()})
    cells.insert(cells.end(), more.begin(), more.end());
  return cells;
}

}  // namespace bench
