#pragma once
// Whose turn it is next. An operation that is started while another one completes is not posted to
// the event loop, which asks the kernel for news before each posted handler: it waits in the round
// of its thread, and has its turn as soon as that completion has returned.

#include <array>
#include <atomic>
#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/post.hpp>
#include <chrono>
#include <cstddef>
#include <memory>
#include <sluice/base/deadline.hpp>
#include <thread>
#include <utility>

namespace sluice {

/// An operation that waits for its turn; of `asio_rounds`.
struct asio_turn {
  enum class way { now, later };
  void (*go)(asio_turn* self, way how) = nullptr;  // ends itself
  asio_turn* next = nullptr;
};

/// The rounds of one execution context, at most one per thread; of `asio_end`.
///
/// *Semantics*: each turn runs on the operation's own executor, at once where that may be, never
/// inside the function that started the operation. A round is over after so many turns, or so much
/// time; then operations are posted again, so that timers and others get their turn. *Threads*:
/// any. More threads at once than there are places have no rounds: what they start is posted.
/// *Errors*: the standard library's for want of memory. *Lifetime*: the context's. *Crash*: nothing
/// is shared.
class asio_rounds final : public boost::asio::execution_context::service {
 public:
  static constexpr int longest_turns = 128;
  static constexpr std::chrono::microseconds longest_time{100};

  using key_type = asio_rounds;
  inline static boost::asio::execution_context::id id;
  explicit asio_rounds(boost::asio::execution_context& owner) : service(owner) {}

  /// What began gets its next turn: in this thread's round, or from the loop.
  template <class Executor, class Operation>
  void begin(const Executor& executor, Operation operation);

  /// Whether this thread may as well wait a little for what comes next: nobody else has a turn.
  [[nodiscard]] bool may_linger() noexcept {
    place* const here = mine();
    return here != nullptr && here->first == nullptr && !here->is_over();
  }

  /// One turn, and where no other on this thread's stack does it, all that are started meanwhile.
  class round;

 private:
  struct alignas(64) place {
    std::atomic<std::thread::id> thread{};  // written by that thread alone, once it has the place
    int left = 0;
    deadline::clock::time_point until{};
    asio_turn* first = nullptr;
    asio_turn* last = nullptr;
    [[nodiscard]] bool is_over() const noexcept {
      return left == 0 || deadline::clock::now() >= until;
    }
  };
  [[nodiscard]] place* mine() noexcept {
    const auto self = std::this_thread::get_id();
    for (place& one : places_)
      // Relaxed: only this thread ever writes its own number.
      if (one.thread.load(std::memory_order_relaxed) == self) return &one;
    return nullptr;
  }
  [[nodiscard]] place* take() noexcept {
    for (place& one : places_) {
      std::thread::id nobody{};
      // Acquire: with the release of whoever had the place before.
      if (one.thread.load(std::memory_order_relaxed) == nobody &&
          one.thread.compare_exchange_strong(nobody, std::this_thread::get_id(),
                                             std::memory_order_acquire))
        return &one;
    }
    return nullptr;
  }
  void shutdown() noexcept override {}  // no round outlives the handler that it runs in

  std::array<place, 16> places_;
};

class asio_rounds::round {
 public:
  explicit round(asio_rounds& all) noexcept : place_(all.mine() == nullptr ? all.take() : nullptr) {
    if (place_ == nullptr) return;
    place_->left = longest_turns;
    place_->until = deadline::clock::now() + longest_time;
  }
  round(const round&) = delete;
  round& operator=(const round&) = delete;
  ~round() {
    if (place_ == nullptr) return;
    // Something is left only where a completion has thrown; for want of memory it is given up, as
    // by a context that ends.
    while (place_->first != nullptr) {
      try {
        take_next(asio_turn::way::later);
      } catch (...) {
        continue;
      }
    }
    // Release: with the acquire of who takes the place next.
    place_->thread.store(std::thread::id{}, std::memory_order_release);
  }

  void finish() {
    if (place_ == nullptr) return;
    while (place_->first != nullptr) take_next(asio_turn::way::now);
  }

 private:
  void take_next(asio_turn::way how) {
    asio_turn* const turn = std::exchange(place_->first, place_->first->next);
    turn->go(turn, how);
  }
  place* place_;
};

/// An operation with its memory, which is that of its associated allocator.
template <class Executor, class Operation>
class asio_turn_of : public asio_turn {
  using allocator = typename std::allocator_traits<
      boost::asio::associated_allocator_t<Operation>>::template rebind_alloc<asio_turn_of>;
  using traits = std::allocator_traits<allocator>;

 public:
  asio_turn_of(const Executor& executor, Operation&& operation)
      : asio_turn{&asio_turn_of::run}, executor_(executor), operation_(std::move(operation)) {}

  static asio_turn* make(const Executor& executor, Operation& operation) {
    allocator from{boost::asio::get_associated_allocator(operation)};
    asio_turn_of* const memory = traits::allocate(from, 1);
    return std::construct_at(memory, executor, std::move(operation));
  }

 private:
  static void run(asio_turn* self, way how) {
    auto* const turn = static_cast<asio_turn_of*>(self);
    Operation operation{std::move(turn->operation_)};
    const Executor executor{std::move(turn->executor_)};
    allocator to{boost::asio::get_associated_allocator(operation)};
    std::destroy_at(turn);
    traits::deallocate(to, turn, 1);
    // Posted by the loop it goes to its own executor from there.
    if (how == way::now)
      boost::asio::dispatch(std::move(operation));
    else
      boost::asio::post(executor, std::move(operation));
  }

  Executor executor_;
  Operation operation_;
};

template <class Executor, class Operation>
void asio_rounds::begin(const Executor& executor, Operation operation) {
  place* const here = mine();
  if (here == nullptr || here->is_over()) {
    boost::asio::post(executor, std::move(operation));
    return;
  }
  asio_turn* const turn = asio_turn_of<Executor, Operation>::make(executor, operation);
  here->left -= 1;
  (here->first == nullptr ? here->first : here->last->next) = turn;
  here->last = turn;
}

}  // namespace sluice
