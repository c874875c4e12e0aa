#include <unistd.h>

#include <sluice/channel/fifo.hpp>
#include <sluice/channel/fifo_channel.hpp>
#include <sluice/channel/pipe.hpp>
#include <sluice/compose/framed.hpp>
#include <string>
#include <string_view>

#include "stream_contest.hpp"

namespace bench {

namespace {

/// Framed messages over an anonymous pipe of the kernel's default capacity.
class pipe_link {
 public:
  static pipe_link open() { return pipe_link{sluice::pipe::create().value()}; }
  sluice::framed_sender<sluice::pipe_writer> become_sender() {
    { const auto parents = std::move(ends_.reader); }
    return sluice::framed_sender<sluice::pipe_writer>::create(std::move(ends_.writer)).value();
  }
  sluice::framed_receiver<sluice::pipe_reader> become_receiver() {
    { const auto childs = std::move(ends_.writer); }
    return sluice::framed_receiver<sluice::pipe_reader>::create(std::move(ends_.reader)).value();
  }

 private:
  explicit pipe_link(sluice::pipe ends) noexcept : ends_(std::move(ends)) {}
  sluice::pipe ends_;
};

std::string unique_name() { return "bench-" + std::to_string(::getpid()); }

/// Framed messages over a FIFO.
class fifo_link {
 public:
  static fifo_link open() {
    auto name = sluice::fifo::create(unique_name()).value();
    auto reader = sluice::fifo_reader::open(name.path()).value();
    return fifo_link{std::move(name), std::move(reader)};
  }
  sluice::framed_sender<sluice::fifo_writer> become_sender() {
    auto writer = sluice::fifo_writer::open(name_.path()).value();
    { const auto parents = std::move(reader_); }
    return sluice::framed_sender<sluice::fifo_writer>::create(std::move(writer)).value();
  }
  sluice::framed_receiver<sluice::fifo_reader> become_receiver() {
    return sluice::framed_receiver<sluice::fifo_reader>::create(std::move(reader_)).value();
  }

 private:
  fifo_link(sluice::fifo name, sluice::fifo_reader reader) noexcept
      : name_(std::move(name)), reader_(std::move(reader)) {}
  sluice::fifo name_;
  sluice::fifo_reader reader_;
};

/// Messages of possibly many senders over a FIFO. Its floor has one sender and no fragments, so
/// this ratio is no overhead but the price of what many senders need.
class fifo_messages_link {
 public:
  static fifo_messages_link open() {
    auto name = sluice::fifo::create(unique_name()).value();
    auto receiver = sluice::fifo_receiver::open(name.path()).value();
    return fifo_messages_link{std::move(name), std::move(receiver)};
  }
  sluice::fifo_sender become_sender() {
    auto sender = sluice::fifo_sender::open(name_.path()).value();
    { const auto parents = std::move(receiver_); }
    return sender;
  }
  sluice::fifo_receiver become_receiver() { return std::move(receiver_); }

 private:
  fifo_messages_link(sluice::fifo name, sluice::fifo_receiver receiver) noexcept
      : name_(std::move(name)), receiver_(std::move(receiver)) {}
  sluice::fifo name_;
  sluice::fifo_receiver receiver_;
};

constexpr std::size_t sizes[] = {64, 256, 1024, 4096, 16384, 65536};

template <class Link>
void add(std::vector<cell>& cells, const std::string& mechanism, take how) {
  for (const placement where : {placement::two_cores, placement::one_core}) {
    if (where == placement::two_cores && allowed_cores().size() < 2) continue;
    for (const std::size_t size : sizes) {
      const std::string name = mechanism + "/" + std::to_string(size) +
                               (how == take::copy ? "/receive" : "/peek") +
                               (where == placement::two_cores ? "/two_cores" : "/one_core");
      cells.push_back(
          {.name = name, .message_bytes = size, .open = [=](const cell_settings& settings) {
             return open_stream<Link>(
                 {.message_bytes = size, .how = how, .where = where, .settings = settings});
           }});
    }
  }
}

}  // namespace

std::vector<cell> stream_cells() {
  std::vector<cell> cells;
  add<pipe_link>(cells, "pipe", take::copy);
  add<pipe_link>(cells, "pipe", take::in_place);
  add<fifo_link>(cells, "fifo", take::copy);
  add<fifo_link>(cells, "fifo", take::in_place);
  add<fifo_messages_link>(cells, "fifo_messages", take::copy);
  return cells;
}

}  // namespace bench
