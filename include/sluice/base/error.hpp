#pragma once
// What went wrong: the untouched code, the operation that reported it, and where it helps a hint
// that says what to do. An error is 32 bytes, trivially copyable, and never allocates; the texts
// behind `operation` and `hint` are string literals.
//
// Codes are `std::errc` wherever that can say it (`timed_out`, `resource_unavailable_try_again`,
// `message_size` ...). `sluice::errc` holds only what it cannot say.

#include <cerrno>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>

namespace sluice {

/// Outcomes that `std::errc` has no word for. 0 is not used, so that none reads as success.
enum class errc {
  closed = 1,    ///< The other side ended in order, and everything it had sent has been received.
  corrupt,       ///< What was received or mapped breaks the format; nothing of it was handed out.
  incompatible,  ///< A well-formed peer of another version, layout or type.
  removed,       ///< The object lost its name or was removed while in use.
  stalled,       ///< A living participant makes no progress; it is never treated as dead.
};

[[nodiscard]] const std::error_category& sluice_category() noexcept;
[[nodiscard]] inline std::error_code make_error_code(errc code) noexcept {
  return {static_cast<int>(code), sluice_category()};
}

}  // namespace sluice

template <>
struct std::is_error_code_enum<sluice::errc> : std::true_type {};

namespace sluice {

/// One failure. Compare it with codes: `error == std::errc::timed_out`, `error == errc::closed`.
class error {
 public:
  /// `operation` and `hint` must be string literals (or live as long as the program); neither is
  /// copied. `operation` is the call that failed, as in its man page: "pipe2".
  error(std::error_code code, const char* operation, const char* hint = "") noexcept
      : code_(code), operation_(operation), hint_(hint) {}
  error(std::errc code, const char* operation, const char* hint = "") noexcept
      : error(std::make_error_code(code), operation, hint) {}
  error(errc code, const char* operation, const char* hint = "") noexcept
      : error(make_error_code(code), operation, hint) {}

  /// The error of a failed system call; `number` is its errno.
  [[nodiscard]] static error from_errno(int number, const char* operation,
                                        const char* hint = "") noexcept {
    return {std::error_code{number, std::system_category()}, operation, hint};
  }

  [[nodiscard]] const std::error_code& code() const noexcept { return code_; }
  [[nodiscard]] const char* operation() const noexcept { return operation_; }
  [[nodiscard]] const char* hint() const noexcept { return hint_; }

  /// The same failure with advice added; keeps an earlier hint if there is one.
  [[nodiscard]] error with_hint(const char* hint) const noexcept {
    return {code_, operation_, *hint_ == '\0' ? hint : hint_};
  }

  /// One sentence: "pipe2: Too many open files (raise RLIMIT_NOFILE: ulimit -n)".
  [[nodiscard]] std::string message() const;

  friend bool operator==(const error& left, std::errc right) noexcept {
    return left.code_ == right;
  }
  friend bool operator==(const error& left, errc right) noexcept {
    return left.code_ == make_error_code(right);
  }

 private:
  std::error_code code_;
  const char* operation_;
  const char* hint_;
};

static_assert(std::is_trivially_copyable_v<error> && sizeof(error) <= 32);

/// Nothing there yet, or no room yet: what every `try_` reports instead of waiting.
[[nodiscard]] inline bool would_block(const error& failure) noexcept {
  return failure == std::errc::resource_unavailable_try_again;
}

}  // namespace sluice
