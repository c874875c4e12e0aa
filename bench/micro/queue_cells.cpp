#include <fcntl.h>
#include <mqueue.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <sluice/channel/posix_queue_receiver.hpp>
#include <sluice/channel/posix_queue_sender.hpp>
#include <sluice/channel/system_v_queue_receiver.hpp>
#include <sluice/channel/system_v_queue_sender.hpp>
#include <stdexcept>
#include <string>
#include <system_error>

#include "one_process.hpp"
#include "payload.hpp"
#include "stream_contest.hpp"

namespace bench {

namespace {

void expect(bool went_well, const char* operation) {
  if (!went_well) throw std::system_error{errno, std::generic_category(), operation};
}

std::string queue_name() {
  static int made = 0;
  return "bench-" + std::to_string(::getpid()) + "-" + std::to_string(++made);
}

// One message into the queue and out again. The data is elsewhere on both sides, as in every
// program that does not live in msgbuf: the raw side copies it there, too.
contest open_system_v(std::size_t size, const cell_settings& settings) {
  struct state {
    sluice::system_v_queue queue;
    sluice::system_v_queue_sender sender;
    sluice::system_v_queue_receiver receiver;
    std::vector<std::byte> out;
    std::vector<std::byte> in;
    std::vector<std::byte> raw_out;  // two, as sender and receiver have
    std::vector<std::byte> raw_in;
  };
  auto queue = sluice::system_v_queue::create_private().value();
  auto sender = sluice::system_v_queue_sender::over(queue).value();
  auto receiver = sluice::system_v_queue_receiver::over(queue).value();
  const std::vector<std::byte> text(size);
  const std::vector<std::byte> typed(sizeof(long) + size);
  auto both = std::make_shared<state>(
      state{std::move(queue), std::move(sender), std::move(receiver), text, text, typed, typed});
  const auto with_sluice = [=](std::uint64_t i) {
    write_payload(i, both->out);
    both->sender.try_send(both->out).value();
    const auto got = both->receiver.try_receive(both->in).value();
    expect_payload(i, sluice::const_bytes{both->in}.first(got), size);
  };
  const auto with_raw = [=](std::uint64_t i) {
    write_payload(i, both->out);
    const long type = 1;
    sluice::copy_bytes(sluice::bytes_of(type), both->raw_out);
    sluice::copy_bytes(both->out, sluice::mutable_bytes{both->raw_out}.subspan(sizeof type));
    expect(::msgsnd(both->queue.id(), both->raw_out.data(), size, IPC_NOWAIT) == 0, "msgsnd");
    const ssize_t got = ::msgrcv(both->queue.id(), both->raw_in.data(), size, 0, IPC_NOWAIT);
    expect(got >= 0, "msgrcv");
    const auto bytes = static_cast<std::size_t>(got);
    sluice::copy_bytes(sluice::const_bytes{both->raw_in}.subspan(sizeof type, bytes), both->in);
    expect_payload(i, sluice::const_bytes{both->in}.first(bytes), size);
  };
  return one_process(with_sluice, with_raw, settings);
}

contest open_posix(std::size_t size, const cell_settings& settings) {
  struct state {
    sluice::posix_queue queue;
    sluice::posix_queue_sender sender;
    sluice::posix_queue_receiver receiver;
    std::vector<std::byte> out;
    std::vector<std::byte> in;
  };
  auto queue = sluice::posix_queue::create(queue_name(), {.max_message_bytes = size}).value();
  auto sender = sluice::posix_queue_sender::open(queue.name()).value();
  auto receiver = sluice::posix_queue_receiver::open(queue.name()).value();
  auto both =
      std::make_shared<state>(state{std::move(queue), std::move(sender), std::move(receiver),
                                    std::vector<std::byte>(size), std::vector<std::byte>(size)});
  const auto with_sluice = [=](std::uint64_t i) {
    write_payload(i, both->out);
    both->sender.send(both->out).value();
    const auto got = both->receiver.receive(both->in).value();
    expect_payload(i, sluice::const_bytes{both->in}.first(got), size);
  };
  const auto with_raw = [=](std::uint64_t i) {
    write_payload(i, both->out);
    const auto* out = reinterpret_cast<const char*>(both->out.data());
    auto* in = reinterpret_cast<char*>(both->in.data());
    unsigned priority = 0;
    expect(::mq_send(both->sender.native_handle(), out, size, 0) == 0, "mq_send");
    const ssize_t got = ::mq_receive(both->receiver.native_handle(), in, size, &priority);
    expect(got >= 0, "mq_receive");
    expect_payload(i, sluice::const_bytes{both->in}.first(static_cast<std::size_t>(got)), size);
  };
  return one_process(with_sluice, with_raw, settings);
}

}  // namespace

std::vector<cell> queue_cells() {
  std::vector<cell> cells;
  for (const std::size_t size : {64u, 4096u}) {
    cells.push_back({.name = "system_v_queue/" + std::to_string(size) + "/one_process",
                     .message_bytes = size,
                     .open = [size](const cell_settings& s) { return open_system_v(size, s); }});
    cells.push_back({.name = "posix_queue/" + std::to_string(size) + "/one_process",
                     .message_bytes = size,
                     .open = [size](const cell_settings& s) { return open_posix(size, s); }});
  }
  return cells;
}

}  // namespace bench
