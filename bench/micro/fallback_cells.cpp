#include <sluice/channel/pipe.hpp>
#include <sluice/compose/framed.hpp>
#include <string>
#include <utility>

#include "os/syscall.hpp"
#include "stream_contest.hpp"

namespace bench {

namespace {

/// The writing end of a pipe as it is on a kernel without the no-signal flag: every write blocks
/// SIGPIPE first and restores the mask after it.
class masking_writer {
 public:
  [[maybe_unused]] static constexpr sluice::channel_capabilities capabilities =
      sluice::pipe_capabilities;
  explicit masking_writer(sluice::pipe_writer writer) noexcept : writer_(std::move(writer)) {}

  sluice::result<std::size_t> try_write(sluice::byte_parts parts) {
    return writer_.try_write(parts);
  }
  sluice::result<std::size_t> write_waiting(sluice::byte_parts parts) {
    return sluice::syscall::write_masked(writer_.native_handle(), parts);
  }
  sluice::result<void> wait_writable(sluice::deadline until) {
    return writer_.wait_writable(until);
  }
  [[nodiscard]] int native_handle() const noexcept { return writer_.native_handle(); }

 private:
  sluice::pipe_writer writer_;
};

class masking_link {
 public:
  static masking_link open() { return masking_link{sluice::pipe::create().value()}; }
  sluice::framed_sender<masking_writer> become_sender() {
    { const auto parents = std::move(ends_.reader); }
    return sluice::framed_sender<masking_writer>::create(masking_writer{std::move(ends_.writer)})
        .value();
  }
  sluice::framed_receiver<sluice::pipe_reader> become_receiver() {
    { const auto childs = std::move(ends_.writer); }
    return sluice::framed_receiver<sluice::pipe_reader>::create(std::move(ends_.reader)).value();
  }

 private:
  explicit masking_link(sluice::pipe ends) noexcept : ends_(std::move(ends)) {}
  sluice::pipe ends_;
};

}  // namespace

std::vector<cell> fallback_cells() {
  std::vector<cell> cells;
  for (const std::size_t size : {64u, 4096u, 65536u}) {
    cells.push_back({.name = "fallback/" + std::to_string(size) + "/receive/one_core",
                     .message_bytes = size,
                     .open = [size](const cell_settings& settings) {
                       return open_stream<masking_link>({.message_bytes = size,
                                                         .how = take::copy,
                                                         .where = placement::one_core,
                                                         .settings = settings});
                     }});
  }
  return cells;
}

}  // namespace bench
