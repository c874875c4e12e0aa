#pragma once
// What every asynchronous operation does: try, where that would block wait for the descriptor, and
// try again. The one loop of base/retry.hpp, turned inside out.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/execution/context.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/query.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <sluice/asio/asio_rounds.hpp>
#include <sluice/base/error.hpp>
#include <sluice/base/result.hpp>
#include <sluice/os/unique_fd.hpp>
#include <type_traits>
#include <utility>

namespace sluice {

/// An end and what waits for it; every operation holds it, so that an `asio_end` may go first.
template <class End, class Executor>
struct asio_state {
  asio_state(const Executor& executor, End&& the_end, unique_fd watched, unique_fd watched_for_room)
      : end(std::move(the_end)),
        rounds(boost::asio::use_service<asio_rounds>(
            boost::asio::query(executor, boost::asio::execution::context))),
        // Throws where the reactor refuses it, and then owns nothing.
        watch(executor, watched.get()) {
    static_cast<void>(watched.release());  // now Asio's, whose it is alone
    if (!watched_for_room) return;
    room.emplace(executor, watched_for_room.get());
    static_cast<void>(watched_for_room.release());
  }

  /// What this attempt waits for.
  template <class Attempt>
  [[nodiscard]] auto& watch_of() noexcept {
    if constexpr (requires { requires Attempt::waits_for_room; }) {
      if (room) return *room;
    }
    return watch;
  }

  /// What was begun so far is given up.
  void cancel() noexcept {
    ++given_up;
    boost::system::error_code ignored;  // there is nothing that could fail
    static_cast<void>(watch.cancel(ignored));
    if (room) static_cast<void>(room->cancel(ignored));
  }

  End end;
  asio_rounds& rounds;
  // These go before the end.
  boost::asio::posix::basic_stream_descriptor<Executor> watch;
  std::optional<boost::asio::posix::basic_stream_descriptor<Executor>> room = {};  // of a duplex
  std::uint64_t given_up = 0;
};

/// The implementation of a composed operation: calls `attempt(end)` until it gives something other
/// than would_block. Between two calls it waits for the watch; before each it looks whether it was
/// cancelled, and after one that succeeded it completes at once. So nothing is taken that nobody
/// gets.
template <class State, class Attempt>
class asio_operation {
 public:
  using outcome = std::invoke_result_t<Attempt&, decltype(State::end)&>;

  asio_operation(std::shared_ptr<State> state, Attempt attempt)
      : state_(std::move(state)), attempt_(std::move(attempt)), began_with_(state_->given_up) {}

  /// Begins, and takes a turn.
  template <class Self>
  void operator()(Self& self) {
    if (std::exchange(has_begun_, true)) return take_turn(self);
    self.reset_cancellation_state(boost::asio::enable_total_cancellation());
    State& state = *state_;
    state.rounds.begin(state.watch.get_executor(), std::move(self));
  }

  /// The watch is readable, or is no more waited for.
  template <class Self>
  void operator()(Self& self, const boost::system::error_code& failed) {
    if (failed && failed != boost::asio::error::operation_aborted)
      return self.complete(failure{error{std::error_code{failed}, "async_wait"}});
    take_turn(self);
  }

 private:
  template <class Self>
  void take_turn(Self& self) {
    const std::shared_ptr<State> state = state_;  // this operation is moved, or ends
    asio_rounds::round round{state->rounds};
    if (is_given_up(self)) {
      self.complete(given_up());
    } else {
      // An end that spins before it sleeps does so here: armed by a try that finds nothing it would
      // sleep for every message of a stream that is a little slower than this loop.
      if constexpr (requires { state->end.linger(); }) {
        if (state->rounds.may_linger()) static_cast<void>(state->end.linger());
      }
      outcome got = attempt_(state->end);
      if (!got && would_block(got.error()))
        state->template watch_of<Attempt>().async_wait(
            boost::asio::posix::descriptor_base::wait_read, std::move(self));
      else
        self.complete(std::move(got));
    }
    round.finish();
  }

  template <class Self>
  [[nodiscard]] bool is_given_up(const Self& self) const noexcept {
    return began_with_ != state_->given_up ||
           self.cancelled() != boost::asio::cancellation_type::none;
  }
  [[nodiscard]] outcome given_up() {
    if constexpr (requires { attempt_.given_up(); }) {
      return attempt_.given_up();
    } else {
      return failure{std::errc::operation_canceled, "asio_end"};
    }
  }

  std::shared_ptr<State> state_;
  Attempt attempt_;
  std::uint64_t began_with_;
  bool has_begun_ = false;
};

}  // namespace sluice
