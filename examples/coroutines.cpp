// Coroutines over a selector, without any other library: a server that answers several clients,
// each in a process of its own, with straight-line code in one thread. A coroutine that has nothing
// to do waits for its channel, or for a point in time; the loop at the bottom resumes whoever is
// meant.

#include <array>
#include <chrono>
#include <coroutine>
#include <cstdint>
#include <exception>
#include <iostream>
#include <memory>
#include <sluice/sluice.hpp>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;

/// A coroutine that runs until it has to wait, and whose frame goes with this object.
class task {
 public:
  struct promise_type {
    std::exception_ptr thrown;
    task get_return_object() { return task{handle::from_promise(*this)}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
    void unhandled_exception() noexcept { thrown = std::current_exception(); }
  };

  task(task&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
  task& operator=(task&&) = delete;
  ~task() {
    if (frame_) frame_.destroy();
  }
  /// Throws what the coroutine threw.
  [[nodiscard]] bool is_done() const {
    if (frame_.promise().thrown) std::rethrow_exception(frame_.promise().thrown);
    return frame_.done();
  }

 private:
  using handle = std::coroutine_handle<promise_type>;
  explicit task(handle frame) noexcept : frame_(frame) {}
  handle frame_;
};

/// One thing that one coroutine at a time can wait for: `co_await source`. It is paused in the
/// selector while nobody does, so that nobody is told of what nobody wants to hear.
class source {
 public:
  source(sluice::selector& all, sluice::selector_key key) : all_(&all), key_(key) {}
  source(const source&) = delete;
  source& operator=(const source&) = delete;
  ~source() { all_->remove(key_); }

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> who) {
    waiting_ = who;
    if (std::exchange(is_paused_, false)) all_->resume(key_).value();
  }
  void await_resume() const noexcept {}

  /// Of the loop. Who comes back to wait here while it runs costs no system call.
  void resume() {
    if (const auto who = std::exchange(waiting_, nullptr)) who.resume();
    if (!waiting_ && !is_paused_) {
      all_->pause(key_).value();
      is_paused_ = true;
    }
  }

 private:
  sluice::selector* all_;
  sluice::selector_key key_;
  std::coroutine_handle<> waiting_;
  bool is_paused_ = false;
};

/// The sources, and the loop that resumes who waits for them. They are told apart by their tags.
class loop {
 public:
  template <class Receiver>
  source& readable(Receiver& from) {
    return keep(all_.add_readable(from, sources_.size()).value());
  }
  template <class Sender>
  source& writable(Sender& to) {
    return keep(all_.add_writable(to, sources_.size()).value());
  }
  source& every(std::chrono::nanoseconds period) {
    return keep(all_.add_timer(period, period, sources_.size()).value());
  }
  void run_until(const std::vector<task>& tasks) {
    const auto are_done = [&] {
      for (const task& one : tasks)
        if (!one.is_done()) return false;
      return true;
    };
    while (!are_done()) {
      for (const sluice::ready& one : all_.wait(30s).value()) sources_[one.tag]->resume();
    }
  }

 private:
  source& keep(sluice::selector_key key) {
    sources_.push_back(std::make_unique<source>(all_, key));
    return *sources_.back();
  }
  sluice::selector all_ = sluice::selector::create().value();
  std::vector<std::unique_ptr<source>> sources_;
};

// --- The server ----------------------------------------------------------------------------------

struct question {
  std::uint64_t left = 0;
  std::uint64_t right = 0;
};

struct line {
  sluice::ring_channel questions;
  sluice::ring_channel answers;
};

task serve(loop& all, const line& with, std::uint64_t& answered) {
  auto from = sluice::ring_receiver::attach(with.questions).value();
  auto to = sluice::ring_sender::attach(with.answers).value();
  source& question_is_there = all.readable(from);
  source& room_is_there = all.writable(to);
  for (;;) {
    question asked;
    auto got = from.try_receive(sluice::writable_bytes_of(asked));
    if (!got && sluice::would_block(got.error())) {
      co_await question_is_there;
      continue;
    }
    if (!got && got.error() == sluice::errc::closed) co_return;
    got.value();
    const std::uint64_t product = asked.left * asked.right;
    auto sent = to.try_send(sluice::bytes_of(product));
    while (!sent && sluice::would_block(sent.error())) {
      co_await room_is_there;
      sent = to.try_send(sluice::bytes_of(product));
    }
    sent.value();
    ++answered;
  }
}

task report(loop& all, const std::uint64_t& answered, std::uint64_t expected) {
  source& next_look = all.every(10ms);
  while (answered < expected) co_await next_look;
  std::cout << answered << " questions answered\n";
}

// --- A client, in a process of its own -----------------------------------------------------------

constexpr std::uint64_t questions_of_each = 2000;

// Asks ahead, so that the rings fill up: both sides have to wait now and then.
int ask(const line& with, std::uint64_t factor) {
  auto to = sluice::ring_sender::attach(with.questions).value();
  auto from = sluice::ring_receiver::attach(with.answers).value();
  std::uint64_t sent = 0;
  for (std::uint64_t received = 0; received < questions_of_each;) {
    while (sent < questions_of_each && to.try_send(sluice::bytes_of(question{sent, factor})))
      ++sent;
    std::uint64_t product = 0;
    from.receive(sluice::writable_bytes_of(product), 30s).value();
    if (product != received * factor) return 1;
    ++received;
  }
  return 0;
}

}  // namespace

int main() {
  constexpr std::uint64_t clients = 3;
  std::vector<line> lines;
  std::vector<sluice::process> processes;
  for (std::uint64_t i = 0; i < clients; ++i) {
    const auto ring = [] {
      return sluice::ring_channel::create_anonymous({.capacity_bytes = 4096}).value();
    };
    lines.push_back({ring(), ring()});
  }
  for (std::uint64_t i = 0; i < clients; ++i)
    processes.push_back(
        sluice::process::fork([&lines, i] { return ask(lines[i], i + 2); }).value());

  std::uint64_t answered = 0;
  loop all;
  std::vector<task> tasks;
  tasks.reserve(lines.size() + 1);
  for (const line& one : lines) tasks.push_back(serve(all, one, answered));
  tasks.push_back(report(all, answered, clients * questions_of_each));
  all.run_until(tasks);

  bool all_well = answered == clients * questions_of_each;
  for (auto& one : processes) all_well = one.wait().value().success() && all_well;
  return all_well ? 0 : 1;
}
