#pragma once
// How a channel says what to wait for before a verb of its is worth calling: a descriptor and a
// direction, as poll(2) takes them. Whoever waits for many channels at once asks each of them here
// (compose/selector.hpp). Channels without a descriptor do not compile; `polled_by_native_handle`
// opens the door to classes of your own.

#include <concepts>
#include <cstdint>
#include <memory>
#include <sluice/base/channel_traits.hpp>
#include <sluice/base/concepts.hpp>
#include <sluice/base/result.hpp>
#include <type_traits>
#include <utility>
#include <vector>

namespace sluice {

enum class direction : std::uint8_t { readable, writable };

/// Of those who read ahead, who began to hold something since it was last emptied, each once. Who
/// waits makes room for all of them beforehand.
using read_ahead_news = std::vector<std::uint64_t>;

/// What a receiver holds that its descriptor does not show, because it reads ahead.
///
/// *Semantics*: `holds` from a read until a look says that it would block: what the descriptor of
/// other channels says by itself. *Threads*: one at a time, that of the receiver, which is that of
/// who waits. *Errors*: none. *Lifetime*: shared by the receiver and who waits, so either may go or
/// be moved first. *Crash*: goes with the process.
class read_ahead {
 public:
  [[nodiscard]] bool holds() const noexcept { return holds_; }
  void set(bool holds) noexcept {
    if (holds && !holds_ && news_ && !is_news_) {
      is_news_ = true;
      news_->push_back(known_as_);  // there is room
    }
    holds_ = holds;
  }
  /// Until a look tells otherwise. Of who waits, so there is no news.
  void assume() noexcept { holds_ = true; }
  /// Whenever `holds` begins, the news have `known_as`: who waits need not ask everybody. At once
  /// where it holds something already. Only the last one who asked is told.
  void tell(std::shared_ptr<read_ahead_news> news, std::uint64_t known_as) noexcept {
    news_ = std::move(news);
    known_as_ = known_as;
    is_news_ = false;
    if (std::exchange(holds_, false)) set(true);
  }
  /// The news were read, or nobody wants them any more. Of who waits, if it was the last one.
  void heard(const read_ahead_news& by) noexcept {
    if (news_.get() == &by) is_news_ = false;
  }
  void tell_no_more(const read_ahead_news& by) noexcept {
    if (news_.get() == &by) news_ = nullptr;
  }

 private:
  bool holds_ = false;
  bool is_news_ = false;
  std::uint64_t known_as_ = 0;
  std::shared_ptr<read_ahead_news> news_ = {};
};

/// The receiver's side of a `read_ahead`, which is made when somebody first wants to know.
class read_ahead_mark {
 public:
  void set(bool holds) noexcept {
    if (shared_) [[unlikely]]
      shared_->set(holds);
  }
  /// What a look at the descriptor told.
  template <class T>
  void note(const result<T>& look) noexcept {
    if (shared_) [[unlikely]]
      shared_->set(look.has_value() || !would_block(look.error()));
  }
  [[nodiscard]] std::shared_ptr<read_ahead> share(bool holds) {
    if (!shared_) shared_ = std::make_shared<read_ahead>();
    shared_->set(holds);
    return shared_;
  }

 private:
  std::shared_ptr<read_ahead> shared_ = {};
};

/// What to poll for. The descriptor stays its owner's.
struct readiness {
  int descriptor = -1;
  direction when = direction::readable;
  std::shared_ptr<read_ahead> ahead = {};  ///< Of a receiver that reads ahead.
};

/// Whether `native_handle()` of a class that is no channel is readable while it is worth a look. A
/// specialisation says so for a class of yours.
template <class T>
inline constexpr bool polled_by_native_handle = false;

/// A class whose own descriptor is what the kernel tells readiness of.
template <class T>
concept polled_natively = requires(T& object) {
  { object.native_handle() } -> std::same_as<int>;
} && (polled_by_native_handle<T> || requires { requires channel_traits<T>.pollable; });

/// One whose descriptor is made for being polled: readable while a verb is worth calling.
template <class T>
concept polled_specially = requires(T& object) {
  { object.poll_handle() } -> std::same_as<result<int>>;
};

/// Reads ahead, and says so; or says when the program runs what to poll for.
template <class T>
concept reads_ahead = requires(T& object) {
  { object.receive_readiness() } -> std::same_as<result<readiness>>;
};

/// Says when the program runs what to poll for, until sending is worth it.
template <class T>
concept says_readiness_to_send = requires(T& object) {
  { object.send_readiness() } -> std::same_as<result<readiness>>;
};

/// Whether asking may give `operation_not_supported`: of ends whose kind is known when the program
/// runs. A specialisation says so.
template <class T>
inline constexpr bool may_have_no_descriptor = false;

/// What can be waited for until receiving is worth it: receivers and readers that have a
/// descriptor, events, signals, processes.
template <class T>
concept pollable_to_receive =
    reads_ahead<T> || (polled_specially<T> && (message_receiver<T> || byte_reader<T>)) ||
    (polled_natively<T> &&
     (message_receiver<T> || byte_reader<T> || event_source<T> || polled_by_native_handle<T>));

/// What can be waited for until sending is worth it.
template <class T>
concept pollable_to_send =
    says_readiness_to_send<T> ||
    ((polled_specially<T> || polled_natively<T>)&&(message_sender<T> || byte_writer<T>));

/// Makes the descriptor where there is none yet, hence the errors of the channel's `poll_handle`.
template <pollable_to_receive T>
[[nodiscard]] result<readiness> readiness_to_receive(T& object) {
  if constexpr (reads_ahead<T>) {
    return object.receive_readiness();
  } else if constexpr (polled_specially<T>) {
    return object.poll_handle().transform([](int made) { return readiness{.descriptor = made}; });
  } else {
    return readiness{.descriptor = object.native_handle()};
  }
}

template <pollable_to_send T>
[[nodiscard]] result<readiness> readiness_to_send(T& object) {
  if constexpr (says_readiness_to_send<T>) {
    return object.send_readiness();
  } else if constexpr (polled_specially<T>) {
    return object.poll_handle().transform([](int made) { return readiness{.descriptor = made}; });
  } else {
    return readiness{.descriptor = object.native_handle(), .when = direction::writable};
  }
}

}  // namespace sluice
