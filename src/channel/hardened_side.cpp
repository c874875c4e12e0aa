#include <algorithm>
#include <cstring>
#include <memory>
#include <sluice/channel/hardened_side.hpp>
#include <thread>
#include <utility>

#include "channel/hardened_wait.hpp"
#include "os/sealed_memory.hpp"
#include "os/syscall.hpp"
#include "os/syscall_futex.hpp"
#include "os/syscall_liveness.hpp"

namespace sluice {

namespace {

constexpr const char* creating = "hardened_ring";
constexpr const char* connecting = "hardened_ring::connect";
constexpr std::uint32_t own_slot = 0;

constexpr auto a_year = std::chrono::hours{24 * 365};  // what the clock can count
bool can_spin() noexcept { return std::thread::hardware_concurrency() > 1; }

void write_header(mutable_bytes memory, ring::hardened_role role,
                  std::uint64_t capacity_bytes) noexcept {
  auto& header = *reinterpret_cast<ring::hardened_header*>(memory.data());
  header = {.magic = ring::hardened_header::magic_value,
            .version = ring::hardened_header::current_version,
            .word_bytes = sizeof(void*),
            .role = static_cast<std::uint32_t>(role),
            .page_bytes = static_cast<std::uint32_t>(syscall::page_bytes()),
            .capacity_bytes = capacity_bytes};
  auto& words =
      *reinterpret_cast<ring::hardened_words*>(memory.data() + ring::hardened_layout::words_offset);
  words.state.store(ring::hardened_words::attached, std::memory_order_relaxed);
  auto& control =
      *reinterpret_cast<ring::log_control*>(memory.data() + ring::hardened_layout::control_offset);
  ring::log::initialize(control);
}

failure refusal(ring::hardened_refusal reason) {
  switch (reason) {
    case ring::hardened_refusal::byte_order:
      return {errc::incompatible, connecting,
              "the other side was made by a processor of another byte order"};
    case ring::hardened_refusal::no_side:
      return {errc::incompatible, connecting, "this memory is no side of a hardened ring"};
    case ring::hardened_refusal::version:
      return {errc::incompatible, connecting,
              "the other side was made by another version of the library"};
    case ring::hardened_refusal::word_size:
      return {errc::incompatible, connecting,
              "the other side was made by a program of another word size"};
    case ring::hardened_refusal::role:
      return {errc::incompatible, connecting, "a sender connects to a receiver, and to no other"};
    case ring::hardened_refusal::page_size:
      return {errc::incompatible, connecting,
              "the other side was made where memory has pages of another size"};
    case ring::hardened_refusal::numbers:
    case ring::hardened_refusal::none:
      break;
  }
  return {errc::corrupt, connecting, "the numbers of the other side do not fit its size"};
}

}  // namespace

failure hardened_side::refused(const char* operation) noexcept {
  return {std::errc::operation_not_permitted, operation,
          "a forked child has no part in its parent's ring: make a side of your own"};
}

hardened_side::hardened_side(unique_fd fd, memory_map memory, std::optional<memory_map> data,
                             liveness life, const ring_wait_options& options) noexcept
    : fd_(std::move(fd)),
      memory_(std::move(memory)),
      data_(std::move(data)),
      life_(std::move(life)),
      options_(options),
      patience_(can_spin() ? std::min<std::chrono::nanoseconds>(options.spin, a_year)
                           : std::chrono::nanoseconds{0}) {}

result<hardened_side> hardened_side::create(ring::hardened_role role, std::uint64_t capacity_bytes,
                                            const ring_wait_options& options) {
  const std::uint64_t page = syscall::page_bytes();
  const auto layout = ring::hardened_layout::of(role, page, capacity_bytes);
  if (!layout)
    return failure{std::errc::invalid_argument, creating,
                   "the capacity must be a power of two of at least a page"};
  auto fd = sealed_memory::create(static_cast<std::size_t>(layout->total_bytes),
                                  [&](mutable_bytes memory) -> result<void> {
                                    write_header(memory, role, capacity_bytes);
                                    return {};
                                  });
  if (!fd) return failure{fd.error()};
  auto memory = memory_map::map(fd->get(), {.size_bytes = layout->data_offset});
  if (!memory) return failure{memory.error()};
  std::optional<memory_map> data;
  if (capacity_bytes != 0) {
    auto log = memory_map::map(
        fd->get(),
        {.size_bytes = capacity_bytes, .offset_bytes = layout->data_offset, .twice = true});
    if (!log) return failure{log.error()};
    data.emplace(std::move(*log));
  }
  auto life = liveness::open(fd->get());
  if (!life) return failure{life.error()};
  // Before anybody can ask.
  auto held = life->try_hold(own_slot);
  if (!held) return failure{held.error()};
  // After our own mappings were made: these stay writable.
  auto handed_out = sealed_memory::seal(fd->get());
  if (!handed_out) return failure{handed_out.error()};
  return hardened_side{std::move(*handed_out), std::move(*memory), std::move(data),
                       std::move(*life), options};
}

hardened_side::hardened_side(hardened_side&& other) noexcept
    : fd_(std::move(other.fd_)),
      memory_(std::move(other.memory_)),
      data_(std::move(other.data_)),
      life_(std::move(other.life_)),
      is_attached_(std::exchange(other.is_attached_, false)),
      is_dropped_(other.is_dropped_),
      other_fd_(std::move(other.other_fd_)),
      other_memory_(std::move(other.other_memory_)),
      other_data_(std::move(other.other_data_)),
      words_(std::exchange(other.words_, nullptr)),
      other_capacity_(other.other_capacity_),
      gone_(other.gone_),
      woken_(other.woken_),
      sleeps_(other.sleeps_),
      options_(other.options_),
      patience_(other.patience_),
      asks_again_(other.asks_again_),
      statistics_(other.statistics_) {}

hardened_side& hardened_side::operator=(hardened_side&& other) noexcept {
  if (this == &other) return *this;
  std::destroy_at(this);
  std::construct_at(this, std::move(other));
  return *this;
}

ring::log hardened_side::own_log() const noexcept {
  const std::uint64_t capacity = data_->size_bytes() / 2;
  std::byte* const control =
      memory_.writable_bytes().data() + ring::hardened_layout::control_offset;
  return {*reinterpret_cast<ring::log_control*>(control), data_->writable_bytes().data(), capacity};
}

ring::untrusted_log hardened_side::other_log() const noexcept {
  return {other_data_->bytes().data(), other_capacity_};
}

const ring::log_control* hardened_side::other_control() const noexcept {
  if (!other_data_) return nullptr;
  return reinterpret_cast<const ring::log_control*>(other_memory_->bytes().data() +
                                                    ring::hardened_layout::control_offset);
}

result<void> hardened_side::connect(unique_fd other, std::uint64_t max_capacity_bytes) {
  if (is_inherited()) return refused(connecting);
  if (is_connected() || is_dropped_)
    return failure{std::errc::already_connected, connecting, "a side connects once"};
  auto size = sealed_memory::check(other.get(), connecting);
  if (!size) return failure{size.error()};
  const std::uint64_t page = syscall::page_bytes();
  if (*size < page)
    return failure{errc::incompatible, connecting,
                   "this memory is too small to be a side of a hardened ring"};
  auto memory = memory_map::map(
      other.get(), {.size_bytes = page, .access = map_access::read_only, .file_bytes = *size});
  if (!memory) return failure{memory.error()};
  // Copied, then looked at: it may change meanwhile.
  ring::hardened_header seen;
  std::memcpy(&seen, memory->bytes().data(), sizeof seen);
  asm volatile("" : : "r"(&seen) : "memory");
  const auto wanted = data_ ? ring::hardened_role::receiver : ring::hardened_role::sender;
  if (const auto reason = ring::check(seen, wanted, page, *size);
      reason != ring::hardened_refusal::none)
    return refusal(reason);
  if (seen.capacity_bytes > max_capacity_bytes)
    return failure{std::errc::value_too_large, connecting,
                   "the sender's log is larger than accepted: raise max_capacity_bytes"};
  if (seen.capacity_bytes != 0) {
    auto data = memory_map::map(other.get(), {.size_bytes = seen.capacity_bytes,
                                              .offset_bytes = page,
                                              .access = map_access::read_only,
                                              .twice = true,
                                              .file_bytes = *size});
    if (!data) return failure{data.error()};
    other_data_.emplace(std::move(*data));
  }
  other_capacity_ = seen.capacity_bytes;
  other_fd_ = std::move(other);
  other_memory_.emplace(std::move(*memory));
  words_ = reinterpret_cast<const ring::hardened_words*>(other_memory_->bytes().data() +
                                                         ring::hardened_layout::words_offset);
  return {};
}

// The other's memory is not opened anew for that: its owner could make us wait in the attempt.
result<ring_presence> hardened_side::look_at_other() {
  if (is_inherited()) return refused(creating);
  if (presence() == ring_presence::alive) {
    auto held = syscall::is_byte_locked(other_fd_.get(), ring::hardened_layout::lock_byte);
    if (!held) return failure{held.error()};
    // Who leaves says so before it lets the lock go.
    if (!*held && presence() == ring_presence::alive) gone_ = ring_presence::died;
  }
  if (presence() == ring_presence::left) gone_ = ring_presence::left;
  return presence();
}

void hardened_side::drop_other() noexcept {
  if (is_inherited()) return;
  is_dropped_ = true;
  leave();
  words_ = nullptr;
  other_memory_.reset();
  other_data_.reset();
  other_fd_.reset();
}

void hardened_side::wake_sleeping(std::uint32_t sleep) noexcept {
  woken_ = sleep;
  statistics_.wake_ups += 1;
  // Before the call: who is about to sleep finds the word changed.
  own().wake.fetch_add(1, std::memory_order_release);
  syscall::futex_wake_all(own().wake);
}

void hardened_side::leave() noexcept {
  if (!std::exchange(is_attached_, false) || is_inherited()) return;
  // Release: who sees that we left sees all that we did before.
  own().state.store(ring::hardened_words::left, std::memory_order_release);
  static_cast<void>(life_.let_go(own_slot));
  own().wake.fetch_add(1, std::memory_order_seq_cst);
  syscall::futex_wake_all(own().wake);
}

// Returns the other's word as it was before we said that we sleep.
std::uint32_t hardened_side::lie_down() noexcept {
  statistics_.parks += 1;
  // Acquire: what is read afterwards is at least as new.
  const std::uint32_t seen = words_->wake.load(std::memory_order_acquire);
  if (++sleeps_ == 0) sleeps_ = 1;
  // Release: with the word before it, what a sender needs.
  own().parked.store(sleeps_, std::memory_order_release);
  fence();
  return seen;
}

// False: nobody woke us. Not beyond the time to ask: however often we are woken until then, a death
// is noticed then.
result<bool> hardened_side::sleep(std::uint32_t seen, deadline until) {
  auto slept = syscall::futex_wait(words_->wake, seen, earlier(until, asks_again_));
  get_up();
  if (slept) return true;
  if (slept.error() == std::errc::timed_out) return false;
  return failure{slept.error()};
}

result<void> hardened_side::pause(deadline until) { return syscall::sleep(until); }

}  // namespace sluice
