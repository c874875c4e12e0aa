#pragma once
// A line on standard error that says how far things are, if somebody watches it on a terminal.

#include <string>
#include <string_view>

namespace sluice::tour {

/// *Semantics*: `show` replaces the line, `clear` and the destructor remove it, so that what is
/// printed next stands in a clean place. Does nothing when standard error is no terminal.
/// *Threads*: one. *Errors*: none: this is decoration. *Lifetime*: one at a time. *Crash*: the line
/// stays on the terminal.
class progress {
 public:
  progress();
  progress(const progress&) = delete;
  progress& operator=(const progress&) = delete;
  ~progress() { clear(); }

  /// `done` is from 0 to 1.
  void show(std::string_view what, double done);
  void clear();

 private:
  bool watched_;
  std::string shown_;
};

}  // namespace sluice::tour
