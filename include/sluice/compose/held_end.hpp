#pragma once
// The one `switch` behind ends whose kind is known when the program runs: any_sender, any_receiver,
// the ends of a ring_connection.

#include <concepts>
#include <cstddef>
#include <sluice/base/readiness.hpp>
#include <sluice/base/result.hpp>
#include <system_error>
#include <utility>
#include <variant>

namespace sluice {

/// A type that one of the alternatives is.
template <class T, class Held>
inline constexpr bool is_held_in = false;
template <class T, class... Ends>
inline constexpr bool is_held_in<T, std::variant<Ends...>> = (std::same_as<T, Ends> || ...);

/// Calls `act` with the end that is held. std::visit calls through a table where there are more
/// than eleven alternatives; this is a jump, and the calls behind it may be inlined. A list that
/// grows beyond what stands here does not compile.
template <class Held, class Act>
decltype(auto) with_held(Held& held, Act&& act) {
  constexpr std::size_t count = std::variant_size_v<std::remove_const_t<Held>>;
  static_assert(count <= 24, "one more case for each further alternative");
  using outcome = decltype(act(*std::get_if<0>(&held)));
  const auto with = [&]<std::size_t Index>(std::integral_constant<std::size_t, Index>) -> outcome {
    if constexpr (Index < count) {
      return act(*std::get_if<Index>(&held));
    } else {
      __builtin_unreachable();  // no case is reached beyond the end of the list
    }
  };
  switch (held.index()) {
    case 0:
      return with(std::integral_constant<std::size_t, 0>{});
    case 1:
      return with(std::integral_constant<std::size_t, 1>{});
    case 2:
      return with(std::integral_constant<std::size_t, 2>{});
    case 3:
      return with(std::integral_constant<std::size_t, 3>{});
    case 4:
      return with(std::integral_constant<std::size_t, 4>{});
    case 5:
      return with(std::integral_constant<std::size_t, 5>{});
    case 6:
      return with(std::integral_constant<std::size_t, 6>{});
    case 7:
      return with(std::integral_constant<std::size_t, 7>{});
    case 8:
      return with(std::integral_constant<std::size_t, 8>{});
    case 9:
      return with(std::integral_constant<std::size_t, 9>{});
    case 10:
      return with(std::integral_constant<std::size_t, 10>{});
    case 11:
      return with(std::integral_constant<std::size_t, 11>{});
    case 12:
      return with(std::integral_constant<std::size_t, 12>{});
    case 13:
      return with(std::integral_constant<std::size_t, 13>{});
    case 14:
      return with(std::integral_constant<std::size_t, 14>{});
    case 15:
      return with(std::integral_constant<std::size_t, 15>{});
    case 16:
      return with(std::integral_constant<std::size_t, 16>{});
    case 17:
      return with(std::integral_constant<std::size_t, 17>{});
    case 18:
      return with(std::integral_constant<std::size_t, 18>{});
    case 19:
      return with(std::integral_constant<std::size_t, 19>{});
    case 20:
      return with(std::integral_constant<std::size_t, 20>{});
    case 21:
      return with(std::integral_constant<std::size_t, 21>{});
    case 22:
      return with(std::integral_constant<std::size_t, 22>{});
    case 23:
      return with(std::integral_constant<std::size_t, 23>{});
    default:
      // No alternative throws when it is moved, so that there is always one.
      __builtin_unreachable();
  }
}

/// What to poll for until receiving from the end that is held is worth it.
/// `operation_not_supported` where its kind has no descriptor.
template <class Held>
[[nodiscard]] result<readiness> held_receive_readiness(Held& held, const char* operation) {
  return with_held(held, [&]<class End>(End& end) -> result<readiness> {
    if constexpr (pollable_to_receive<End>) {
      return readiness_to_receive(end);
    } else {
      return failure{std::errc::operation_not_supported, operation,
                     "this kind of receiver has no descriptor to poll: wait_readable waits, and a "
                     "selector looks every so often"};
    }
  });
}

/// The same for sending.
template <class Held>
[[nodiscard]] result<readiness> held_send_readiness(Held& held, const char* operation) {
  return with_held(held, [&]<class End>(End& end) -> result<readiness> {
    if constexpr (pollable_to_send<End>) {
      return readiness_to_send(end);
    } else {
      return failure{std::errc::operation_not_supported, operation,
                     "this kind of sender has no descriptor to poll: wait_writable waits, and a "
                     "selector looks every so often"};
    }
  });
}

/// A descriptor to poll for an end, and what for.
struct poll_interest {
  int descriptor = -1;
  bool for_writing = false;  ///< POLLOUT, else POLLIN.
};

}  // namespace sluice
