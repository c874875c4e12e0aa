#pragma once
// The threads of a program as fibers of one thread, so that who runs next is decided here alone.

#include <ucontext.h>

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace sluice::weak {

class fibers {
 public:
  static constexpr std::size_t max_count = 4;
  using bodies = std::vector<std::function<void()>>;

  /// Each runs up to its first `switch_to_next`; then whoever `next` names goes on, until it names
  /// nobody or somebody leaves. `ended` is told who has come to its end.
  void run(const bodies& threads, std::function<void(std::size_t)> ended,
           std::function<std::optional<std::size_t>()> next);

  [[nodiscard]] std::size_t count() const noexcept { return threads_->size(); }
  [[nodiscard]] std::size_t current() const noexcept { return current_; }
  void switch_to_next();
  /// Of a fiber: none of them goes on.
  [[noreturn]] void leave();

 private:
  static constexpr std::size_t stack_bytes = std::size_t{64} * 1024;

  static void begin();
  void live();

  static fibers* starting_;
  const bodies* threads_ = nullptr;
  std::function<void(std::size_t)> ended_;
  std::function<std::optional<std::size_t>()> next_;
  std::array<ucontext_t, max_count> contexts_{};
  std::array<std::unique_ptr<std::byte[]>, max_count> stacks_;
  ucontext_t outside_{};
  std::size_t current_ = 0;
};

}  // namespace sluice::weak
