#pragma once
// The bytes of a fuzzer, read from front to back as what a target needs: numbers, pieces, choices.
// Behind the end there are zeros.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <sluice/base/bytes.hpp>
#include <span>
#include <string>
#include <type_traits>

namespace sluice::test {

class script {
 public:
  script(const std::uint8_t* data, std::size_t size) noexcept
      : rest_(std::as_bytes(std::span{data, size})) {}

  [[nodiscard]] bool is_over() const noexcept { return rest_.empty(); }

  template <class Number>
    requires std::is_trivially_copyable_v<Number>
  [[nodiscard]] Number number() noexcept {
    Number read{};
    const const_bytes taken = piece(sizeof read);
    if (!taken.empty()) std::memcpy(&read, taken.data(), taken.size());
    return read;
  }
  /// Less than `end`, which is not 0.
  [[nodiscard]] std::size_t below(std::size_t end) noexcept {
    return end <= 256 ? number<std::uint8_t>() % end : number<std::uint32_t>() % end;
  }
  [[nodiscard]] bool coin() noexcept { return below(2) != 0; }
  /// As many as there are, at most.
  [[nodiscard]] const_bytes piece(std::size_t most) noexcept {
    const const_bytes taken = rest_.first(std::min(most, rest_.size()));
    rest_ = rest_.subspan(taken.size());
    return taken;
  }
  [[nodiscard]] const_bytes rest() noexcept { return piece(rest_.size()); }
  [[nodiscard]] std::string text(std::size_t most) { return std::string{text_of(piece(most))}; }

 private:
  const_bytes rest_;
};

}  // namespace sluice::test
