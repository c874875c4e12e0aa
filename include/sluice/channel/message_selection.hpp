#pragma once
// Which messages of a System V queue to receive: the four ways of msgrcv(2).

namespace sluice {

/// Messages by type. Types are numbers above 0; a selection that names another one is refused where
/// it is used (`invalid_argument`), never taken for something else.
///
/// *Semantics*: a value. *Threads*: a value. *Errors*: none of its own. *Lifetime*: a value.
/// *Crash*: leaves nothing.
class message_selection {
 public:
  enum class kind { any, exactly, lowest_up_to, all_except };

  /// The oldest message.
  [[nodiscard]] static constexpr message_selection any() noexcept { return {kind::any, 1}; }
  /// The oldest of this type.
  [[nodiscard]] static constexpr message_selection exactly(long type) noexcept {
    return {kind::exactly, type};
  }
  /// The oldest of the lowest type that there is, none above this one: types as priorities.
  [[nodiscard]] static constexpr message_selection lowest_up_to(long type) noexcept {
    return {kind::lowest_up_to, type};
  }
  /// The oldest of any other type.
  [[nodiscard]] static constexpr message_selection all_except(long type) noexcept {
    return {kind::all_except, type};
  }

  [[nodiscard]] constexpr kind what() const noexcept { return kind_; }
  [[nodiscard]] constexpr long type() const noexcept { return type_; }
  [[nodiscard]] constexpr bool is_valid() const noexcept { return type_ >= 1; }

  [[nodiscard]] constexpr bool takes(long type) const noexcept {
    switch (kind_) {
      case kind::any:
        return true;
      case kind::exactly:
        return type == type_;
      case kind::lowest_up_to:
        return type <= type_;
      case kind::all_except:
        return type != type_;
    }
    return false;
  }

  friend constexpr bool operator==(message_selection, message_selection) noexcept = default;

 private:
  constexpr message_selection(kind what, long type) noexcept : kind_(what), type_(type) {}
  kind kind_;
  long type_;
};

}  // namespace sluice
