#include "tools/tour/progress.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "os/syscall.hpp"

namespace sluice::tour {

progress::progress() : watched_(syscall::is_terminal(2)) {}

void progress::show(std::string_view what, double done) {
  if (!watched_) return;
  const int percent = static_cast<int>(std::clamp(done, 0.0, 1.0) * 100);
  std::string text = fmt::format("{} {:3}%", what, percent);
  if (text == shown_) return;
  shown_ = std::move(text);
  // To the left edge, the text, and the rest of the line wiped.
  fmt::print(stderr, "\r{}\x1b[K", shown_);
}

void progress::clear() {
  if (shown_.empty()) return;
  shown_.clear();
  fmt::print(stderr, "\r\x1b[K");
}

}  // namespace sluice::tour
