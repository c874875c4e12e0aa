#include "view_memory.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace sluice::weak {

namespace {

[[nodiscard]] bool acquires(std::memory_order order) noexcept {
  return order != std::memory_order_relaxed && order != std::memory_order_release;
}
[[nodiscard]] bool releases(std::memory_order order) noexcept {
  return order != std::memory_order_relaxed && order != std::memory_order_acquire &&
         order != std::memory_order_consume;
}

[[nodiscard]] std::size_t offset_of(const void* at) noexcept {
  const auto distance = static_cast<const std::byte*>(at) - memory();
  if (distance < 0 || static_cast<std::size_t>(distance) >= memory_bytes) std::abort();
  return static_cast<std::size_t>(distance);
}

void write_memory(word which, std::uint64_t value) noexcept {
  std::memcpy(const_cast<void*>(which.at), &value, which.bytes);
}

}  // namespace

void view::learn_stores(const view& other) noexcept {
  for (std::size_t one = 0; one < max_words; ++one)
    stores[one] = std::max(stores[one], other.stores[one]);
}
void view::learn(const view& other) noexcept {
  learn_stores(other);
  for (std::size_t one = 0; one < max_threads; ++one)
    done[one] = std::max(done[one], other.done[one]);
}

void view_memory::reset(std::size_t threads) {
  for (std::size_t one = 0; one < used_; ++one) numbers_[offset_of(words_[one].which.at) / 4] = 0;
  used_ = 0;
  for (const std::size_t one : touched_) cells_[one] = {};
  touched_.clear();
  threads_ = {};
  fenced_ = {};
  count_ = threads;
  // What was done before the run is known to all; what a thread does counts from 1.
  for (std::size_t one = 0; one < threads; ++one) threads_[one].known.done[one] = 1;
}

std::size_t view_memory::index_of(word which) {
  std::int16_t& number = numbers_[offset_of(which.at) / 4];
  if (number == 0) {
    if (used_ == max_words) std::abort();
    if (used_ == words_.size()) words_.emplace_back();
    stored_word& made = words_[used_++];
    number = static_cast<std::int16_t>(used_);
    made.which = which;
    made.stores.clear();
    made.stores.emplace_back();
    std::memcpy(&made.stores.front().value, which.at, which.bytes);
  }
  const auto index = static_cast<std::size_t>(number) - 1;
  if (words_[index].which.bytes != which.bytes) std::abort();
  return index;
}

std::size_t view_memory::choices(std::size_t thread, std::size_t index) const noexcept {
  return words_[index].stores.size() - threads_[thread].known.stores[index];
}
std::uint64_t view_memory::value(std::size_t index, std::size_t back) const noexcept {
  const auto& stores = words_[index].stores;
  return stores[stores.size() - 1 - back].value;
}
std::size_t& view_memory::mark(std::size_t index, std::size_t back) noexcept {
  auto& stores = words_[index].stores;
  return stores[stores.size() - 1 - back].mark;
}
std::size_t view_memory::stores(std::size_t index) const noexcept {
  return words_[index].stores.size();
}

std::uint64_t view_memory::load(std::size_t thread, std::size_t index, std::size_t back,
                                std::memory_order order) {
  const auto& stores = words_[index].stores;
  const std::size_t place = stores.size() - 1 - back;
  thread_state& who = threads_[thread];
  who.known.stores[index] = static_cast<std::uint16_t>(place);
  who.read.learn(stores[place].told);
  if (acquires(order)) who.known.learn(stores[place].told);
  return stores[place].value;
}

void view_memory::append(std::size_t thread, std::size_t index, std::uint64_t value,
                         std::memory_order order, const view* continued) {
  auto& stores = words_[index].stores;
  thread_state& who = threads_[thread];
  who.known.stores[index] = static_cast<std::uint16_t>(stores.size());
  message made{.value = value, .told = releases(order) ? who.known : who.released, .mark = 0};
  made.told.stores[index] = static_cast<std::uint16_t>(stores.size());
  if (continued != nullptr) made.told.learn(*continued);
  stores.push_back(made);
  write_memory(words_[index].which, value);
  // What follows a release is not told by it.
  if (releases(order)) ++who.known.done[thread];
}

void view_memory::store(std::size_t thread, std::size_t index, std::uint64_t value,
                        std::memory_order order) {
  append(thread, index, value, order, nullptr);
}

void view_memory::modify(std::size_t thread, std::size_t index, std::uint64_t value,
                         std::memory_order order) {
  load(thread, index, 0, order);
  // A store that releases goes on through whoever modifies it.
  const view continued = words_[index].stores.back().told;
  append(thread, index, value, order, &continued);
}

void view_memory::exchange_views(thread_state& thread) noexcept {
  thread.known.learn_stores(fenced_);
  fenced_.learn_stores(thread.known);
}

void view_memory::fence(std::size_t thread, std::memory_order order) {
  if (order == std::memory_order_relaxed) return;
  thread_state& who = threads_[thread];
  if (acquires(order)) who.known.learn(who.read);
  if (order == std::memory_order_seq_cst) exchange_views(who);
  if (!releases(order)) return;
  who.released = who.known;
  ++who.known.done[thread];
}

void view_memory::barrier_for_all(std::size_t thread) {
  exchange_views(threads_[thread]);
  for (std::size_t one = 0; one < count_; ++one) exchange_views(threads_[one]);
  exchange_views(threads_[thread]);
}

void view_memory::join(std::size_t thread, std::size_t ended) {
  threads_[thread].known.learn(threads_[ended].known);
}

bool view_memory::races(std::size_t thread, const void* at, std::size_t bytes, bool writes) {
  const auto* const place = static_cast<const std::byte*>(at);
  if (place < memory() || place >= memory() + memory_bytes) return false;  // a thread's own
  const view& known = threads_[thread].known;
  const std::size_t first = offset_of(at) / 8;
  const std::size_t last = (offset_of(at) + bytes - 1) / 8;
  for (std::size_t one = first; one <= last; ++one) {
    cell& touched = cells_[one];
    touched_.push_back(one);
    if (known.done[touched.writer] < touched.written) return true;
    for (std::size_t reader = 0; writes && reader < count_; ++reader)
      if (known.done[reader] < touched.reads[reader]) return true;
    if (writes) {
      touched.writer = thread;
      touched.written = known.done[thread];
    } else {
      touched.reads[thread] = known.done[thread];
    }
  }
  return false;
}

}  // namespace sluice::weak
