#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <sluice/channel/signal_channel.hpp>
#include <sluice/primitive/signal_receiver.hpp>

#include "channel/signal_channel_format.hpp"
#include "os/syscall.hpp"
#include "os/syscall_signals.hpp"
#include "os/syscall_watch.hpp"

namespace sluice {

namespace {

constexpr const char* operation = "signal_channel_receiver";

// The senders of one process.
struct joined_process {
  std::size_t senders = 0;
  bool dead = false;                // everything it sent is in the kernel's queue, or read
  std::optional<process> handle{};  // to be told of its death
};

}  // namespace

struct signal_channel_receiver::state {
  signal_receiver signals;
  signal_pair pair;
  unique_fd watched;  // the signals, and the processes of `joined` by number
  std::array<syscall::signal_record, syscall::max_signal_records> batch = {};
  std::size_t begin = 0;  // read and not yet looked at: [begin, end)
  std::size_t end = 0;
  std::map<pid_t, joined_process> joined = {};
  std::size_t nameless_ends = 0;  // of senders that found no room to say who they are
  bool all_ended = false;
  std::uint64_t strays = 0;
  read_ahead_mark ahead = {};
  pid_t made_by = syscall::process_id();  // whose signals these are: a forked child has its own

  [[nodiscard]] result<void> check_not_forked() const;
  [[nodiscard]] result<std::uint64_t> front();
  [[nodiscard]] result<std::uint64_t> find_front();
  void look_at(const syscall::signal_record& record);
  void join(pid_t sender);
  void note_end(const syscall::signal_record& record);
  [[nodiscard]] std::size_t open_senders() const noexcept;
  void close_if_all_ended() noexcept;
  void watch(pid_t id, joined_process& sender);
  [[nodiscard]] result<bool> notice_deaths();
  [[nodiscard]] bool bury_dead();
  [[nodiscard]] bool has_news() const noexcept;
  void discard_pending() noexcept;
};

result<void> signal_channel_receiver::state::check_not_forked() const {
  if (made_by == syscall::process_id()) return {};
  return failure{std::errc::operation_not_permitted, operation,
                 "made before fork(2): the senders' receiver is the parent"};
}

std::size_t signal_channel_receiver::state::open_senders() const noexcept {
  std::size_t all = 0;
  for (const auto& [id, sender] : joined) all += sender.senders;
  return all - std::min(all, nameless_ends);
}

void signal_channel_receiver::state::close_if_all_ended() noexcept {
  if (open_senders() != 0) return;
  joined.clear();
  nameless_ends = 0;
  all_ended = true;
}

void signal_channel_receiver::state::watch(pid_t id, joined_process& sender) {
  if (id == 0) return;  // of another PID namespace: nobody tells of its death
  auto handle = process::open(id);
  if (!handle) {
    // Dead and reaped, or no descriptor left; then it is tried again.
    sender.dead = handle.error() == std::errc::no_such_process;
    return;
  }
  if (syscall::watch_readable(watched.get(), handle->native_handle(),
                              static_cast<std::uint64_t>(id)))
    sender.handle = std::move(*handle);
}

void signal_channel_receiver::state::join(pid_t sender) {
  all_ended = false;
  joined_process& known = joined[sender];
  ++known.senders;
  if (!known.handle) watch(sender, known);
}

void signal_channel_receiver::state::note_end(const syscall::signal_record& record) {
  const auto found = joined.find(record.sender);
  if (found != joined.end()) {
    if (--found->second.senders == 0) joined.erase(found);
  } else if (record.code == SI_USER && record.sender == 0 && open_senders() != 0) {
    ++nameless_ends;
  } else {
    ++strays;
    return;
  }
  close_if_all_ended();
}

// What is no message.
void signal_channel_receiver::state::look_at(const syscall::signal_record& record) {
  const bool joins =
      record.number == pair.data && record.code == SI_QUEUE && record.mark == signal_mark::joins;
  if (joins)
    join(record.sender);
  else if (record.number == pair.end && (record.code == SI_QUEUE || record.code == SI_USER))
    note_end(record);
  else
    ++strays;
}

// Learns of processes that died; true if there are new ones. Whatever those sent is in the queue by
// now, so it is read once more before they count as gone.
result<bool> signal_channel_receiver::state::notice_deaths() {
  bool news = false;
  for (auto& [id, sender] : joined) {
    if (sender.handle || sender.dead) continue;
    watch(id, sender);
    news |= sender.dead;
  }
  std::array<std::uint64_t, 16> labels{};
  auto count = syscall::readable_now(watched.get(), labels);
  if (!count) return failure{count.error()};
  for (std::uint64_t label : std::span{labels}.first(*count)) {
    const auto found = joined.find(static_cast<pid_t>(label));
    if (found == joined.end() || found->second.dead) continue;
    found->second.dead = true;
    news = true;
  }
  return news;
}

// Forgets one process that died; true if it left senders that had not ended.
bool signal_channel_receiver::state::bury_dead() {
  for (auto one = joined.begin(); one != joined.end(); ++one) {
    if (!one->second.dead) continue;
    // Ends without a name are taken for its own: it cannot send any more.
    const std::size_t own = std::min(one->second.senders, nameless_ends);
    const bool broke_off = one->second.senders > own;
    nameless_ends -= own;
    joined.erase(one);
    close_if_all_ended();
    return broke_off || bury_dead();
  }
  return false;
}

// Whether trying again may get anywhere without the kernel having anything new.
bool signal_channel_receiver::state::has_news() const noexcept {
  return begin != end || all_ended ||
         std::ranges::any_of(joined, [](const auto& one) { return one.second.dead; });
}

// What nobody will receive would have its usual effect, which is to end the process, as soon as the
// signals are unblocked.
void signal_channel_receiver::state::discard_pending() noexcept {
  while (syscall::read_signals(signals.native_handle(), batch)) {
  }
}

// The payload of the message in front, which stays there.
result<std::uint64_t> signal_channel_receiver::state::front() {
  auto found = find_front();
  ahead.note(found);
  return found;
}

result<std::uint64_t> signal_channel_receiver::state::find_front() {
  for (;;) {
    for (; begin != end; ++begin) {
      const syscall::signal_record& record = batch[begin];
      const bool is_message = record.number == pair.data && record.code == SI_QUEUE &&
                              record.mark == signal_mark::message;
      if (is_message) return record.payload;
      look_at(record);
    }
    if (auto ours = check_not_forked(); !ours) return failure{ours.error()};
    auto got = syscall::read_signals(signals.native_handle(), batch);
    begin = 0;
    end = got ? *got : 0;
    if (got) continue;
    if (!would_block(got.error())) return failure{got.error()};
    if (bury_dead())
      return failure{std::errc::connection_reset, operation,
                     "a sender's process died without ending it"};
    if (all_ended) return failure{errc::closed, operation};
    auto news = notice_deaths();
    if (!news) return failure{news.error()};
    if (!*news) return failure{got.error()};
  }
}

signal_channel_receiver::signal_channel_receiver(std::unique_ptr<state> made) noexcept
    : state_(std::move(made)) {}
signal_channel_receiver::signal_channel_receiver(signal_channel_receiver&&) noexcept = default;
signal_channel_receiver& signal_channel_receiver::operator=(
    signal_channel_receiver&& other) noexcept {
  std::swap(state_, other.state_);
  return *this;
}
signal_channel_receiver::~signal_channel_receiver() {
  if (state_) state_->discard_pending();
}

result<signal_channel_receiver> signal_channel_receiver::create(signal_pair pair) {
  if (auto checked = check_pair(pair, operation); !checked) return failure{checked.error()};
  auto signals = signal_receiver::create(pair.signals());
  if (!signals) return failure{signals.error()};
  auto watched = syscall::watch_list();
  if (!watched) return failure{watched.error()};
  if (auto added = syscall::watch_readable(watched->get(), signals->native_handle(), 0); !added)
    return failure{added.error()};
  return signal_channel_receiver{std::make_unique<state>(
      state{.signals = std::move(*signals), .pair = pair, .watched = std::move(*watched)})};
}

result<std::size_t> signal_channel_receiver::try_receive(mutable_bytes buffer) {
  auto message = state_->front();
  if (!message) return failure{message.error()};
  if (buffer.size() < signal_message_bytes)
    return failure{std::errc::no_buffer_space, operation, "a message has eight bytes"};
  ++state_->begin;
  return copy_bytes(bytes_of(*message), buffer);
}

result<std::size_t> signal_channel_receiver::next_size() {
  return state_->front().transform([](std::uint64_t message) { return sizeof message; });
}

result<void> signal_channel_receiver::wait_readable(deadline until) {
  if (state_->has_news()) return {};
  if (auto ours = state_->check_not_forked(); !ours) return ours;
  return syscall::wait_readable(state_->watched.get(), until);
}

std::size_t signal_channel_receiver::senders() const noexcept { return state_->open_senders(); }
std::uint64_t signal_channel_receiver::strays() const noexcept { return state_->strays; }
int signal_channel_receiver::native_handle() const noexcept { return state_->watched.get(); }

result<readiness> signal_channel_receiver::receive_readiness() {
  return readiness{.descriptor = native_handle(), .ahead = state_->ahead.share(state_->has_news())};
}

}  // namespace sluice
