#include "explorer.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <optional>
#include <string_view>
#include <tuple>
#include <utility>

#include "fibers.hpp"
#include "search.hpp"
#include "view_memory.hpp"

namespace sluice::weak {

namespace {

alignas(4096) std::byte arena[memory_bytes];

const char* word_for(std::memory_order order) noexcept {
  constexpr const char* words[] = {"relaxed", "consume", "acquire",
                                   "release", "acq_rel", "seq_cst"};
  return words[static_cast<std::size_t>(order)];
}

const char* word_for(action what) noexcept {
  constexpr const char* words[] = {"load",    "store", "modify", "fence",
                                   "barrier", "sleep", "wake",   "join"};
  return words[static_cast<std::size_t>(what)];
}

std::uint64_t modified(std::uint64_t value, modification how, std::uint64_t by) noexcept {
  switch (how) {
    case modification::set:
      return by;
    case modification::add:
      return value + by;
    case modification::bit_or:
      return value | by;
    case modification::bit_and:
      break;
  }
  return value & by;
}

// An operation as it stands in the text.
struct request {
  action what = action::join;
  const void* at = nullptr;
  std::memory_order order = std::memory_order_relaxed;
  place from = {"", ""};
  std::size_t thread = program::none;  // of a fence of all, which stands in the text once
  friend bool operator<(const request& a, const request& b) noexcept {
    return std::tie(a.from.file, a.from.function, a.at, a.what, a.order, a.thread) <
           std::tie(b.from.file, b.from.function, b.at, b.what, b.order, b.thread);
  }
};

// One program, explored: the same threads again and again, each time along another path.
class exploration {
 public:
  exploration(const program& what, const site* weakened, paths which)
      : program_(what), weakened_(weakened), search_(which) {}

  verdict explore();

  [[nodiscard]] bool runs_threads() const noexcept { return runs_threads_; }
  std::uint64_t load(word which, std::memory_order order, place from);
  void store(word which, std::uint64_t value, std::memory_order order, place from);
  std::uint64_t modify(word which, modification how, std::uint64_t by, std::memory_order order,
                       place from);
  bool compare_exchange(word which, std::uint64_t& expected, std::uint64_t wanted,
                        std::memory_order order, place from);
  void fence(std::memory_order order, place from);
  void barrier_for_all();
  void sleep_while(word which, std::uint64_t expected);
  unsigned wake_one(word which);
  void join(std::size_t other);
  void touch(const void* at, std::size_t bytes, bool writes);
  void violate(const char* what);
  void name(const void* at, std::string called) {
    if (said_.runs == 0) names_.try_emplace(at, std::move(called));
  }

 private:
  void run_once();
  [[nodiscard]] std::optional<std::size_t> next();
  std::size_t step(const request& asked, word which);
  [[nodiscard]] std::memory_order order_of(const request& asked);
  [[nodiscard]] std::string text_of(const request& asked) const;
  void look_again(std::size_t me, const request& asked, std::size_t place);
  void note(std::size_t me, const request& asked, std::uint64_t value = 0, std::size_t back = 0);

  const program& program_;
  const site* weakened_;
  verdict said_;
  view_memory memory_;
  search search_;
  fibers fibers_;
  std::array<std::optional<std::size_t>, max_threads> asleep_{};  // on which word
  std::array<std::optional<std::size_t>, max_threads> joins_{};   // for whom it waits
  std::array<bool, max_threads> ended_{};
  std::map<request, std::memory_order> orders_;  // of those that were asked for before
  std::map<const void*, std::string> names_;
  std::map<std::tuple<std::size_t, request, std::size_t>, unsigned> looked_;
  bool runs_threads_ = false;
  bool takes_notes_ = false;
  static constexpr int most_steps = 5'000;
  int steps_ = 0;
};

exploration* active = nullptr;

verdict exploration::explore() {
  active = this;
  do {
    run_once();
    ++said_.runs;
  } while (said_.violation.empty() && search_.next_path());
  if (!said_.violation.empty()) {
    // The same path once more, and now with every step written down.
    takes_notes_ = true;
    run_once();
  }
  active = nullptr;
  said_.cut_short = search_.cut_short();
  return std::move(said_);
}

void exploration::run_once() {
  std::fill(std::begin(arena), std::end(arena), std::byte{0});
  program_.prepare();
  looked_.clear();
  steps_ = 0;
  const std::size_t threads = program_.threads.size();
  memory_.reset(threads);
  search_.begin(threads);
  asleep_ = joins_ = {};
  ended_ = {};
  runs_threads_ = true;
  fibers_.run(
      program_.threads,
      [this](std::size_t who) {
        ended_[who] = true;
        search_.retire(who);
      },
      [this] { return next(); });
  runs_threads_ = false;
  if (search_.is_cut_short() || !said_.violation.empty()) return;
  for (std::size_t one = 0; one < threads; ++one)
    if (!ended_[one]) return violate("somebody sleeps for ever");
  program_.finish();
}

// Who is next; nobody when nobody can go on.
std::optional<std::size_t> exploration::next() {
  std::uint32_t ready = 0;
  for (std::size_t one = 0; one < fibers_.count(); ++one) {
    const bool waits = asleep_[one] || (joins_[one] && !ended_[*joins_[one]]);
    if (!ended_[one] && !waits) ready |= 1U << one;
  }
  return search_.pick(ready, fibers_.current());
}

// Tells what this thread is about to do, and returns when it is its turn: who it is.
std::size_t exploration::step(const request& asked, word which) {
  const std::size_t me = fibers_.current();
  if (++steps_ > most_steps) violate("a run does not end");
  operation wanted{.what = asked.what};
  if (which.at != nullptr) wanted.word = memory_.index_of(which);
  search_.announce(me, wanted);
  fibers_.switch_to_next();
  if (me == program_.mortal && search_.choose(2) == 1) {
    note(me, {.from = {"", "killed"}});
    ended_[me] = true;
    search_.retire(me);
    fibers_.switch_to_next();
  }
  return me;
}

std::uint64_t exploration::load(word which, std::memory_order order, place from) {
  const request asked{.what = action::load, .at = which.at, .order = order, .from = from};
  const std::size_t me = step(asked, which);
  const std::size_t index = memory_.index_of(which);
  const std::size_t ways = memory_.choices(me, index);
  const std::size_t back = search_.choose(ways);
  const std::uint64_t value = memory_.load(me, index, back, order_of(asked));
  if (const std::size_t mark = memory_.mark(index, back); mark != 0)
    search_.read_from(me, mark - 1);
  note(me, asked, value, back);
  if (program_.looks != 0 && ways != 1) look_again(me, asked, memory_.stores(index) - back);
  return value;
}

void exploration::store(word which, std::uint64_t value, std::memory_order order, place from) {
  const request asked{.what = action::store, .at = which.at, .order = order, .from = from};
  const std::size_t me = step(asked, which);
  const std::size_t index = memory_.index_of(which);
  memory_.store(me, index, value, order_of(asked));
  memory_.mark(index) = search_.turn_of(me) + 1;
  note(me, asked, value);
}

std::uint64_t exploration::modify(word which, modification how, std::uint64_t by,
                                  std::memory_order order, place from) {
  const request asked{.what = action::modify, .at = which.at, .order = order, .from = from};
  const std::size_t me = step(asked, which);
  const std::size_t index = memory_.index_of(which);
  const std::uint64_t before = memory_.value(index);
  memory_.modify(me, index, modified(before, how, by), order_of(asked));
  memory_.mark(index) = search_.turn_of(me) + 1;
  note(me, asked, memory_.value(index));
  return before;
}

bool exploration::compare_exchange(word which, std::uint64_t& expected, std::uint64_t wanted,
                                   std::memory_order order, place from) {
  const request asked{.what = action::modify, .at = which.at, .order = order, .from = from};
  const std::size_t me = step(asked, which);
  const std::size_t index = memory_.index_of(which);
  // Who finds another value may have read an older one, too.
  std::vector<std::size_t> ways;
  for (std::size_t back = 0; back < memory_.choices(me, index); ++back)
    if (back == 0 || memory_.value(index, back) != expected) ways.push_back(back);
  const std::size_t back = ways[search_.choose(ways.size())];
  if (memory_.value(index, back) == expected) {
    memory_.modify(me, index, wanted, order_of(asked));
    memory_.mark(index) = search_.turn_of(me) + 1;
    note(me, asked, wanted);
    return true;
  }
  expected = memory_.load(me, index, back, order_of(asked));
  note(me, asked, expected, back);
  return false;
}

void exploration::fence(std::memory_order order, place from) {
  request asked{.what = action::fence, .order = order, .from = from};
  // What a fence of another order does is nobody's business but its thread's.
  const bool is_seen = order == std::memory_order_seq_cst;
  if (is_seen) asked.thread = fibers_.current();
  const std::size_t me = is_seen ? step(asked, {}) : fibers_.current();
  memory_.fence(me, order_of(asked));
  note(me, asked);
}

void exploration::barrier_for_all() {
  const request asked{.what = action::barrier, .from = {"", "barrier_for_all"}};
  const std::size_t me = step(asked, {});
  memory_.barrier_for_all(me);
  note(me, asked);
}

void exploration::sleep_while(word which, std::uint64_t expected) {
  const request asked{.what = action::sleep, .at = which.at, .from = {"", "sleep_while"}};
  const std::size_t me = step(asked, which);
  const std::size_t index = memory_.index_of(which);
  // The kernel reads it as it is: older values are past from here on.
  note(me, asked, memory_.load(me, index, 0, std::memory_order_relaxed));
  if (memory_.value(index) != expected) return;
  asleep_[me] = index;
  search_.retire(me);
  fibers_.switch_to_next();
}

unsigned exploration::wake_one(word which) {
  const request asked{.what = action::wake, .at = which.at, .from = {"", "wake_one"}};
  const std::size_t me = step(asked, which);
  const std::size_t index = memory_.index_of(which);
  const auto found = std::find(asleep_.begin(), asleep_.end(), std::optional{index});
  note(me, asked, found != asleep_.end() ? 1 : 0);
  if (found == asleep_.end()) return 0;
  found->reset();
  search_.follows(static_cast<std::size_t>(found - asleep_.begin()), me);
  return 1;
}

void exploration::join(std::size_t other) {
  const request asked{.what = action::join, .from = {"", "join"}};
  joins_[fibers_.current()] = other;
  const std::size_t me = step(asked, {});
  joins_[me].reset();
  memory_.join(me, other);
  search_.follows(me, other);
  note(me, asked, other);
}

void exploration::touch(const void* at, std::size_t bytes, bool writes) {
  if (memory_.races(fibers_.current(), at, bytes, writes))
    violate(writes ? "bytes are written while somebody may touch them"
                   : "bytes are read while somebody may write them");
}

void exploration::violate(const char* what) {
  said_.violation = what;
  if (runs_threads_) fibers_.leave();
}

std::memory_order exploration::order_of(const request& asked) {
  if (asked.order == std::memory_order_relaxed) return asked.order;
  const auto [known, is_new] = orders_.try_emplace(asked, asked.order);
  if (is_new) {
    const site here{text_of(asked)};
    auto& sites = said_.sites;
    if (std::find(sites.begin(), sites.end(), here) == sites.end()) sites.push_back(here);
    if (weakened_ != nullptr && here == *weakened_) known->second = std::memory_order_relaxed;
  }
  return known->second;
}

std::string exploration::text_of(const request& asked) const {
  const std::string_view file = asked.from.file;
  std::string text{file.substr(file.rfind('/') + 1)};
  const std::string_view function =
      asked.from.function;  // one compiler tells of a template what of
  text += " " + std::string{function.substr(0, function.find('<'))} + ": " + word_for(asked.what);
  if (asked.at != nullptr) {
    const auto found = names_.find(asked.at);
    text += " " + (found == names_.end() ? std::string{"a word"} : found->second);
  }
  text += std::string{", "} + word_for(asked.order);
  if (asked.thread == program::none) return text;
  return text + ", by thread " + std::to_string(asked.thread) + " of " + program_.called;
}

// Whoever finds the same at the same place again and again learns nothing more.
void exploration::look_again(std::size_t me, const request& asked, std::size_t place) {
  if (++looked_[{me, asked, place}] <= program_.looks) return;
  search_.cut();
  fibers_.leave();
}

void exploration::note(std::size_t me, const request& asked, std::uint64_t value,
                       std::size_t back) {
  if (!takes_notes_) return;
  said_.run += std::to_string(me) + " " + text_of(asked) + ": " + std::to_string(value);
  if (back != 0) said_.run += ", " + std::to_string(back) + " before the newest";
  said_.run += "\n";
}

bool acts_at_once() noexcept { return active == nullptr || !active->runs_threads(); }
std::uint64_t read_memory(word which) noexcept {
  std::uint64_t value = 0;
  std::memcpy(&value, which.at, which.bytes);
  return value;
}
void write_memory(word which, std::uint64_t value) noexcept {
  std::memcpy(const_cast<void*>(which.at), &value, which.bytes);
}

}  // namespace

std::uint64_t load(word which, std::memory_order order, place from) {
  return acts_at_once() ? read_memory(which) : active->load(which, order, from);
}
void store(word which, std::uint64_t value, std::memory_order order, place from) {
  if (acts_at_once()) return write_memory(which, value);
  active->store(which, value, order, from);
}
std::uint64_t modify(word which, modification how, std::uint64_t by, std::memory_order order,
                     place from) {
  if (!acts_at_once()) return active->modify(which, how, by, order, from);
  const std::uint64_t before = read_memory(which);
  write_memory(which, modified(before, how, by));
  return before;
}
bool compare_exchange(word which, std::uint64_t& expected, std::uint64_t wanted,
                      std::memory_order order, place from) {
  if (!acts_at_once()) return active->compare_exchange(which, expected, wanted, order, from);
  const std::uint64_t before = read_memory(which);
  if (before == expected) write_memory(which, wanted);
  return before == std::exchange(expected, before);
}
void fence(std::memory_order order, place from) {
  if (!acts_at_once()) active->fence(order, from);
}
void plain_read(const void* at, std::size_t bytes) {
  if (!acts_at_once()) active->touch(at, bytes, false);
}
void plain_write(const void* at, std::size_t bytes) {
  if (!acts_at_once()) active->touch(at, bytes, true);
}
void barrier_for_all() { active->barrier_for_all(); }
void sleep_while(word which, std::uint64_t expected) { active->sleep_while(which, expected); }
unsigned wake_one(word which) { return active->wake_one(which); }
void join(std::size_t thread) { active->join(thread); }
void expect(bool holds, const char* what) {
  if (!holds) active->violate(what);
}
std::byte* memory() { return arena; }
void name(const void* at, std::string called) { active->name(at, std::move(called)); }

verdict explore(const program& what, const site* weakened, paths which) {
  return exploration{what, weakened, which}.explore();
}

}  // namespace sluice::weak
