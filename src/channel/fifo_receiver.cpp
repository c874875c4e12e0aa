#include <algorithm>
#include <cstring>
#include <optional>
#include <sluice/channel/fifo_channel.hpp>
#include <vector>

#include "channel/fragment.hpp"
#include "channel/reassembly.hpp"

namespace sluice {

// One message after another is brought to `ready`, which views the bytes where they were read
// (messages of one fragment, and of several that came one after the other), or the reassembled
// message.
struct fifo_receiver::state {
  static constexpr std::size_t buffer_bytes = std::size_t{64} << 10;

  fifo_reader reader;
  std::size_t max_message_bytes;
  reassembly unfinished;
  std::vector<std::byte> buffer = std::vector<std::byte>(buffer_bytes);
  std::size_t begin = 0;  // read and not yet looked at: [begin, end)
  std::size_t end = 0;
  std::optional<const_bytes> ready = std::nullopt;
  bool out_of_step = false;  // looking for the next header; reported already
  read_ahead_mark ahead = {};

  [[nodiscard]] const_bytes buffered() const noexcept {
    return const_bytes{buffer}.subspan(begin, end - begin);
  }
  result<const_bytes> peek(bool may_wait);
  result<std::size_t> take(mutable_bytes into, bool may_wait);
  [[nodiscard]] bool has_work_buffered() const noexcept;
  result<bool> look_at_buffer();
  [[nodiscard]] std::size_t bytes_of_run(const fragment_header& first) const noexcept;
  [[nodiscard]] const_bytes join_run(std::size_t run_bytes) noexcept;
  result<bool> skip_foreign_bytes();
  result<void> read_more(bool may_wait);
};

// Whether looking at the buffer gets anywhere: a whole fragment, or bytes that are none.
bool fifo_receiver::state::has_work_buffered() const noexcept {
  if (buffered().size() < fragment_header::size_bytes) return false;
  const auto header = fragment_header::decode(buffered());
  return !header || buffered().size() >= fragment_header::size_bytes + header->size;
}

// How many bytes the fragments of the message that begins in front take here, headers included; 0
// unless they are all here, with nothing in between.
std::size_t fifo_receiver::state::bytes_of_run(const fragment_header& first) const noexcept {
  if (first.offset != 0 || first.total > max_message_bytes) return 0;
  std::size_t run = 0;
  for (std::size_t joined = 0; joined < first.total;) {
    const const_bytes rest = buffered().subspan(run);
    // What is missing is at least one more header and the bytes that are not here yet.
    if (rest.size() < fragment_header::size_bytes + (first.total - joined)) return 0;
    const auto next = fragment_header::decode(rest);
    const bool continues = next && next->sender == first.sender &&
                           next->sequence == first.sequence && next->total == first.total &&
                           next->offset == joined;
    if (!continues || rest.size() < fragment_header::size_bytes + next->size) return 0;
    joined += next->size;
    run += fragment_header::size_bytes + next->size;
  }
  return run;
}

// Moves the fragments in front together, over the headers between them.
const_bytes fifo_receiver::state::join_run(std::size_t run_bytes) noexcept {
  const mutable_bytes run = mutable_bytes{buffer}.subspan(begin, run_bytes);
  const mutable_bytes message = run.subspan(fragment_header::size_bytes);
  std::size_t joined = 0;
  for (std::size_t at = 0; at < run_bytes;) {
    const std::size_t size = fragment_header::decode(run.subspan(at))->size;
    at += fragment_header::size_bytes;
    if (joined != 0) std::memmove(message.data() + joined, run.data() + at, size);
    joined += size;
    at += size;
  }
  begin += run_bytes;
  return message.first(joined);
}

// Goes through what is buffered until a message is ready (true) or more bytes are needed (false).
result<bool> fifo_receiver::state::look_at_buffer() {
  while (buffered().size() >= fragment_header::size_bytes) {
    const auto header = fragment_header::decode(buffered());
    if (!header) {
      auto skipped = skip_foreign_bytes();
      if (!skipped || !*skipped) return skipped;
      continue;
    }
    out_of_step = false;
    const std::size_t whole = fragment_header::size_bytes + header->size;
    if (buffered().size() < whole) return false;
    const bool is_single = header->size == header->total;
    if (const std::size_t run = is_single ? 0 : bytes_of_run(*header); run != 0) {
      unfinished.give_up_of(header->sender);
      ready = join_run(run);
      return true;
    }
    const const_bytes payload = buffered().subspan(fragment_header::size_bytes, header->size);
    begin += whole;
    if (is_single && header->total > max_message_bytes) {
      unfinished.count_spoilt();
    } else if (is_single) {
      ready = payload;
      return true;
    } else if (unfinished.add(*header, payload)) {
      ready = unfinished.whole();
      return true;
    }
  }
  return false;
}

// Bytes that are no fragment: on to the next place where one may begin. Reported once per gap.
// True when a header stands in front now.
result<bool> fifo_receiver::state::skip_foreign_bytes() {
  do {
    ++begin;
  } while (buffered().size() >= fragment_header::size_bytes &&
           !fragment_header::decode(buffered()));
  if (!out_of_step) {
    out_of_step = true;
    return failure{errc::corrupt, "fifo_receiver",
                   "somebody wrote bytes into the FIFO that are no messages"};
  }
  return buffered().size() >= fragment_header::size_bytes;
}

result<void> fifo_receiver::state::read_more(bool may_wait) {
  // What is left over is less than one fragment.
  if (begin != 0 && end != begin) std::memmove(buffer.data(), buffer.data() + begin, end - begin);
  end -= begin;
  begin = 0;
  const mutable_bytes room = mutable_bytes{buffer}.subspan(end);
  auto got = may_wait ? reader.read_waiting(room) : reader.try_read(room);
  ahead.note(got);
  if (got) {
    end += *got;
    return {};
  }
  if (!(got.error() == errc::closed)) return failure{got.error()};
  // What is left of bytes that were reported as foreign is not reported again.
  const bool cut_short = end != 0 && !out_of_step;
  const bool torn = unfinished.give_up_all() || cut_short;
  end = 0;
  out_of_step = false;
  if (torn)
    return failure{errc::corrupt, "fifo_receiver", "the last sender ended inside a message"};
  return failure{got.error()};
}

result<const_bytes> fifo_receiver::state::peek(bool may_wait) {
  while (!ready) {
    auto found = look_at_buffer();
    if (!found) return failure{found.error()};
    if (*found) break;
    if (auto filled = read_more(may_wait); !filled) return failure{filled.error()};
  }
  return *ready;
}

result<std::size_t> fifo_receiver::state::take(mutable_bytes into, bool may_wait) {
  auto message = peek(may_wait);
  if (!message) return failure{message.error()};
  if (message->size() > into.size())
    return failure{std::errc::no_buffer_space, "fifo_receiver::receive",
                   "next_size() tells how large the buffer must be"};
  ready.reset();
  return copy_bytes(*message, into);
}

fifo_receiver::fifo_receiver(std::unique_ptr<state> made) noexcept : state_(std::move(made)) {}
fifo_receiver::fifo_receiver(fifo_receiver&&) noexcept = default;
fifo_receiver& fifo_receiver::operator=(fifo_receiver&&) noexcept = default;
fifo_receiver::~fifo_receiver() = default;

result<fifo_receiver> fifo_receiver::open(std::string_view name,
                                          const fifo_receiver_options& options) {
  if (options.max_message_bytes > fifo_channel_capabilities.max_message_bytes)
    return failure{std::errc::invalid_argument, "fifo_receiver::open",
                   "max_message_bytes is at most 2^32-1"};
  if (options.max_unfinished == 0)
    return failure{std::errc::invalid_argument, "fifo_receiver::open",
                   "max_unfinished must be above 0"};
  auto reader = fifo_reader::open(name, options.open);
  if (!reader) return failure{reader.error()};
  return fifo_receiver{std::make_unique<state>(
      state{.reader = std::move(*reader),
            .max_message_bytes = options.max_message_bytes,
            .unfinished = {options.max_message_bytes, options.max_unfinished}})};
}

result<std::size_t> fifo_receiver::try_receive(mutable_bytes buffer) {
  return state_->take(buffer, false);
}
result<std::size_t> fifo_receiver::receive_waiting(mutable_bytes buffer) {
  return state_->take(buffer, true);
}
result<const_bytes> fifo_receiver::try_peek() { return state_->peek(false); }
void fifo_receiver::release() noexcept { state_->ready.reset(); }

result<std::size_t> fifo_receiver::next_size() {
  return try_peek().transform([](const_bytes message) { return message.size(); });
}

result<void> fifo_receiver::wait_readable(deadline until) {
  if (state_->ready || state_->has_work_buffered()) return {};
  return state_->reader.wait_readable(until);
}

std::uint64_t fifo_receiver::spoilt() const noexcept { return state_->unfinished.spoilt(); }
int fifo_receiver::native_handle() const noexcept { return state_->reader.native_handle(); }

result<readiness> fifo_receiver::receive_readiness() {
  return readiness{.descriptor = native_handle(),
                   .ahead = state_->ahead.share(state_->ready || state_->has_work_buffered())};
}

}  // namespace sluice
