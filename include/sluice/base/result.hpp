#pragma once
// `result<T>`: a value or an `error`, shaped like `std::expected<T, error>` so that it can become
// one when the toolchain has it. Differences: the error type is fixed, `value()` throws
// `std::system_error`, and a failure is made with `failure{...}` (the `unexpected` of this type).

#include <cassert>
#include <functional>
#include <optional>
#include <sluice/base/error.hpp>
#include <system_error>
#include <type_traits>
#include <utility>
#include <variant>

namespace sluice {

/// The failing side of a result: `return failure{std::errc::timed_out, "poll"};`
class failure {
 public:
  failure(const error& reason) noexcept : reason_(reason) {}
  template <class Code>
  failure(Code code, const char* operation, const char* hint = "") noexcept
      : reason_(code, operation, hint) {}
  [[nodiscard]] const error& reason() const noexcept { return reason_; }

 private:
  error reason_;
};

/// Throws what `value()` of a failed result throws.
[[noreturn]] void throw_system_error(const error& reason);

template <class T>
class [[nodiscard]] result {
  static_assert(!std::is_reference_v<T> && !std::is_same_v<std::remove_cv_t<T>, sluice::error>);

 public:
  using value_type = T;
  using error_type = sluice::error;

  result(T value) noexcept(std::is_nothrow_move_constructible_v<T>)
      : state_(std::in_place_index<0>, std::move(value)) {}
  result(const failure& failed) noexcept : state_(std::in_place_index<1>, failed.reason()) {}

  [[nodiscard]] bool has_value() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }

  /// Throws `std::system_error` with the code and `error().message()` if there is no value.
  T& value() & {
    if (!has_value()) throw_system_error(error());
    return **this;
  }
  const T& value() const& {
    if (!has_value()) throw_system_error(error());
    return **this;
  }
  /// By value, unlike `std::expected`: so `for (auto& one : all().value())` is no loop over what is
  /// gone already. What is made from it costs the same one move.
  T value() && {
    if (!has_value()) throw_system_error(error());
    return *std::move(*this);
  }

  /// Unchecked access: asserts that there is a value.
  T& operator*() & noexcept { return assert(has_value()), *std::get_if<0>(&state_); }
  const T& operator*() const& noexcept { return assert(has_value()), *std::get_if<0>(&state_); }
  T&& operator*() && noexcept { return assert(has_value()), std::move(*std::get_if<0>(&state_)); }
  T* operator->() noexcept { return assert(has_value()), std::get_if<0>(&state_); }
  const T* operator->() const noexcept { return assert(has_value()), std::get_if<0>(&state_); }

  /// Asserts that there is no value.
  [[nodiscard]] const sluice::error& error() const noexcept {
    return assert(!has_value()), *std::get_if<1>(&state_);
  }

  template <class U>
  [[nodiscard]] T value_or(U&& other) const& {
    return has_value() ? **this : static_cast<T>(std::forward<U>(other));
  }
  template <class U>
  [[nodiscard]] T value_or(U&& other) && {
    return has_value() ? *std::move(*this) : static_cast<T>(std::forward<U>(other));
  }

  /// `next(value)` if there is one (it returns a result), else the failure passed on.
  template <class Next>
  auto and_then(Next&& next) && -> std::invoke_result_t<Next, T&&> {
    if (!has_value()) return failure{error()};
    return std::invoke(std::forward<Next>(next), *std::move(*this));
  }

  /// A result of `change(value)`, or the failure passed on.
  template <class Change>
  auto transform(
      Change&& change) && -> result<std::remove_cvref_t<std::invoke_result_t<Change, T&&>>> {
    if (!has_value()) return failure{error()};
    return std::invoke(std::forward<Change>(change), *std::move(*this));
  }

 private:
  std::variant<T, sluice::error> state_;
};

template <>
class [[nodiscard]] result<void> {
 public:
  using value_type = void;
  using error_type = sluice::error;

  result() noexcept = default;
  result(const failure& failed) noexcept : reason_(failed.reason()) {}

  [[nodiscard]] bool has_value() const noexcept { return !reason_.has_value(); }
  explicit operator bool() const noexcept { return has_value(); }

  /// Throws `std::system_error` if this is a failure.
  void value() const {
    if (!has_value()) throw_system_error(error());
  }
  void operator*() const noexcept { assert(has_value()); }
  [[nodiscard]] const sluice::error& error() const noexcept {
    return assert(!has_value()), *reason_;
  }

  template <class Next>
  auto and_then(Next&& next) const -> std::invoke_result_t<Next> {
    if (!has_value()) return failure{error()};
    return std::invoke(std::forward<Next>(next));
  }

 private:
  std::optional<sluice::error> reason_;
};

}  // namespace sluice
