#pragma once
// The descriptor by which an end of a ring can be waited for with others: readable while the end is
// worth a look.

#include <chrono>
#include <cstdint>
#include <sluice/base/deadline.hpp>
#include <sluice/base/result.hpp>
#include <sluice/os/unique_fd.hpp>

namespace sluice {

/// A bell that the others ring, and a timer for what rings nobody's bell, watched together.
///
/// *Semantics*: readable from the beginning, and from a stroke or the end of the timer until
/// `hush`. *Threads*: one at a time. *Errors*: those of the calls; `file_exists` if no number was
/// free. *Lifetime*: number and strokes go with it. *Crash*: leaves nothing.
class ring_poll {
 public:
  [[nodiscard]] static result<ring_poll> make();

  /// By which the others find the bell.
  [[nodiscard]] std::uint64_t number() const noexcept { return number_; }
  [[nodiscard]] int native_handle() const noexcept { return watched_.get(); }

  /// Rings our own bell: it is worth another look.
  [[nodiscard]] result<void> ring() const;
  /// Of somebody else; false if nobody has it any more.
  [[nodiscard]] result<bool> ring(std::uint64_t number) const;

  /// Takes the strokes. What ends the timer goes on until `expect`.
  [[nodiscard]] result<void> hush() const;
  /// Whether the timer has run out, or was never set.
  [[nodiscard]] bool is_due() const noexcept { return deadline::clock::now() >= due_; }
  /// Not readable from the timer before `span` is over, unless it would be earlier anyway.
  [[nodiscard]] result<void> expect(std::chrono::nanoseconds span);

 private:
  ring_poll(unique_fd watched, unique_fd bell, unique_fd timer, std::uint64_t number) noexcept
      : watched_(std::move(watched)),
        bell_(std::move(bell)),
        timer_(std::move(timer)),
        number_(number) {}

  unique_fd watched_;
  unique_fd bell_;
  unique_fd timer_;
  std::uint64_t number_;
  deadline::clock::time_point due_ = {};
};

}  // namespace sluice
