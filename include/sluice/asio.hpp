#pragma once
// Channels in the event loop of Boost.Asio: every end that can be polled, with any completion token
// (callbacks, futures, coroutines), without a thread. Headers alone, of Boost 1.81 or later; the
// target sluice::asio. No other header of Sluice includes this one.
//
//   auto inbox = sluice::asio_end<sluice::ring_receiver>::over(context,
//   std::move(receiver)).value(); sluice::result<std::size_t> size = co_await
//   inbox.async_receive(buffer, use_awaitable);
//
// Every operation completes with one value, a result; no token makes an exception of its failure.
// For a deadline wait for a timer as well: `inbox.async_receive(...) || timer.async_wait(...)`.

#include <boost/asio/compose.hpp>
#include <boost/system/system_error.hpp>
#include <concepts>
#include <cstddef>
#include <memory>
#include <sluice/asio/asio_attempts.hpp>
#include <sluice/asio/asio_operation.hpp>
#include <sluice/base/bytes.hpp>
#include <sluice/base/concepts.hpp>
#include <sluice/base/readiness.hpp>
#include <sluice/os/poll_watch.hpp>
#include <type_traits>
#include <utility>

namespace sluice {

/// An end of a channel, a listener, an event, a process, signals: whatever has a descriptor that
/// tells when a try is worth it, and does not state that it cannot be polled. Of any_sender and
/// any_receiver it shows when they are put in: `operation_not_supported`.
template <class End>
concept pollable_end = std::is_object_v<End> && std::move_constructible<End> &&
                       (reads_ahead<End> || says_readiness_to_send<End> || polled_specially<End> ||
                        (requires(const End& end) {
                          { end.native_handle() } -> std::same_as<int>;
                        } && asio_attempts::is_pollable<End>));

/// An end in an event loop.
///
/// *Semantics*: each operation tries first and waits only for what would block, so that there is no
/// system call for a message that is there. It completes through the associated executor, never
/// inside the function that started it; what a completion starts follows when it has returned, and
/// after 128 of those, or 100 us, the loop sees to others first. The receiver of a ring spins
/// before it is armed, as its options say. Several may wait at once, in no order.
/// Those of a connection that send wait for room, all others until there is something to receive.
/// *Threads*: as an I/O object of Asio: this object, its end and its pending operations are one
/// thread's at a time, or one strand's. *Errors*: those of the verb; `operation_canceled` from what
/// was given up: by its cancellation slot (terminal, partial and total alike), by `cancel`, by the
/// end of this object. Then no message was taken, and none was sent. *Lifetime*: goes before its
/// context; a context that ends with operations pending ends them without a completion. Buffers
/// stay valid until the completion. *Crash*: as the end's: a death is told within the same time.
template <pollable_end End, class Executor = boost::asio::any_io_executor>
class asio_end {
 public:
  using executor_type = Executor;
  /// For the default tokens of Asio: `use_awaitable_t<>::as_default_on_t<asio_end<End>>`.
  template <class Other>
  struct rebind_executor {
    using other = asio_end<End, Other>;
  };

  /// Of an executor or an execution context.
  template <std::convertible_to<Executor> Where>
  [[nodiscard]] static result<asio_end> over(const Where& executor, End end) {
    return make(Executor(executor), std::move(end));
  }
  template <std::derived_from<boost::asio::execution_context> Context>
  [[nodiscard]] static result<asio_end> over(Context& context, End end) {
    return make(Executor(context.get_executor()), std::move(end));
  }

  asio_end(asio_end&&) noexcept = default;
  asio_end& operator=(asio_end&& other) noexcept {
    if (this != &other) {
      if (state_ != nullptr) state_->cancel();
      state_ = std::move(other.state_);
    }
    return *this;
  }
  ~asio_end() {
    if (state_ != nullptr) state_->cancel();
  }

  /// Calls `attempt(End&)`, which gives a result and never blocks, until that is something else
  /// than would_block, and completes with it. All below are this one.
  template <class Attempt, class Token = boost::asio::default_completion_token_t<Executor>>
  auto async_retry(Attempt attempt, Token&& token = default_token()) {
    using operation = asio_operation<state, Attempt>;
    return boost::asio::async_compose<Token, void(typename operation::outcome)>(
        operation{state_, std::move(attempt)}, token, state_->watch);
  }

  /// One message into the buffer; completes with a `result<std::size_t>`.
  template <class Token = boost::asio::default_completion_token_t<Executor>>
    requires message_receiver<End>
  auto async_receive(mutable_bytes buffer, Token&& token = default_token()) {
    return async_retry(asio_attempts::receive{buffer}, std::forward<Token>(token));
  }
  /// One message of any size, in memory of its own: a `result<std::vector<std::byte>>`.
  template <class Token = boost::asio::default_completion_token_t<Executor>>
    requires message_receiver<End>
  auto async_receive_message(Token&& token = default_token()) {
    return async_retry(asio_attempts::receive_message{}, std::forward<Token>(token));
  }
  /// One message: a `result<void>`. Where an accepted message may still be kept here (framed,
  /// FIFO) it also waits until that is flushed; given up then, it completes with success, and the
  /// rest goes out with the next one.
  template <class Token = boost::asio::default_completion_token_t<Executor>>
    requires message_sender<End>
  auto async_send(const_bytes message, Token&& token = default_token()) {
    return async_retry(asio_attempts::send{message}, std::forward<Token>(token));
  }

  /// At least one byte: a `result<std::size_t>`; `errc::closed` at the end of the stream.
  template <class Token = boost::asio::default_completion_token_t<Executor>>
    requires byte_reader<End>
  auto async_read_some(mutable_bytes buffer, Token&& token = default_token()) {
    return async_retry(asio_attempts::read_some{buffer}, std::forward<Token>(token));
  }
  /// At least one byte of the buffer (none of an empty one): a `result<std::size_t>`.
  template <class Token = boost::asio::default_completion_token_t<Executor>>
    requires byte_writer<End>
  auto async_write_some(const_bytes bytes, Token&& token = default_token()) {
    return async_retry(asio_attempts::write_some{bytes}, std::forward<Token>(token));
  }

  /// Fills the buffer: a `result<std::size_t>`, its size. Where the stream ends or fails inside, or
  /// the operation is given up, how many bytes have come, and the next operation says why; where
  /// none have, the reason.
  template <class Token = boost::asio::default_completion_token_t<Executor>>
    requires byte_reader<End>
  auto async_read_exactly(mutable_bytes buffer, Token&& token = default_token()) {
    return async_retry(asio_attempts::read_exactly{buffer}, std::forward<Token>(token));
  }
  /// Writes all of it: a `result<std::size_t>`, its size; or how many bytes were written, as above.
  template <class Token = boost::asio::default_completion_token_t<Executor>>
    requires byte_writer<End>
  auto async_write_all(const_bytes bytes, Token&& token = default_token()) {
    return async_retry(asio_attempts::write_all{bytes}, std::forward<Token>(token));
  }

  /// The next connection of a listener: what its `try_accept` gives, to be put into an `asio_end`
  /// in turn. Given up, it leaves the connection to the next one who accepts.
  template <class Token = boost::asio::default_completion_token_t<Executor>>
    requires asio_attempts::listener<End>
  auto async_accept(Token&& token = default_token()) {
    return async_retry(asio_attempts::accept{}, std::forward<Token>(token));
  }

  /// Waits: a `result<void>`. For an event takes what was notified; for a receiver until there is a
  /// message, or something else to report; for all others until the descriptor says that a try is
  /// worth it: the death of a process, a pending signal, room after a try that found none.
  template <class Token = boost::asio::default_completion_token_t<Executor>>
  auto async_wait(Token&& token = default_token()) {
    return async_retry(asio_attempts::wait{}, std::forward<Token>(token));
  }

  /// Gives all pending operations up.
  void cancel() noexcept { state_->cancel(); }

  /// For the verbs that do not wait. Its own waits would hold up the loop.
  [[nodiscard]] End& end() noexcept { return state_->end; }
  [[nodiscard]] const End& end() const noexcept { return state_->end; }
  [[nodiscard]] executor_type get_executor() const { return state_->watch.get_executor(); }

 private:
  using state = asio_state<End, Executor>;
  explicit asio_end(std::shared_ptr<state> made) noexcept : state_(std::move(made)) {}

  static auto default_token() { return boost::asio::default_completion_token_t<Executor>(); }

  [[nodiscard]] static result<asio_end> make(const Executor& executor, End end) {
    constexpr bool is_duplex = asio_attempts::duplex_end<End>;
    auto how = asio_attempts::readiness_of(end);
    if (!how) return failure{how.error()};
    auto watch = poll_watch::create(how->descriptor, how->when);
    if (!watch) return failure{watch.error()};
    unique_fd room;
    if constexpr (is_duplex) {
      auto of_room = poll_watch::create(how->descriptor, direction::writable);
      if (!of_room) return failure{of_room.error()};
      room = std::move(*of_room).release_handle();
    }
    try {  // the first of a context makes its reactor, which tells of a shortage in this way
      return asio_end{std::make_shared<state>(executor, std::move(end),
                                              std::move(*watch).release_handle(), std::move(room))};
    } catch (const boost::system::system_error& refused) {
      return failure{error{std::error_code{refused.code()}, "asio_end"}};
    }
  }

  std::shared_ptr<state> state_;
};

}  // namespace sluice
