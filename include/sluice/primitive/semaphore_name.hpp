#pragma once
// By what a POSIX semaphore is found. A text is the name of a file, as everywhere in Sluice; names
// of sem_open(3), which other programs use, are said explicitly:
//
//     posix_semaphore::open("workers");                          // $SLUICE_RUNTIME_DIR/workers.sem
//     posix_semaphore::open("/tmp/workers.sem");                 // any file
//     posix_semaphore::open(semaphore_name::posix("/workers"));  // /dev/shm/sem.workers

#include <string>
#include <string_view>
#include <utility>

namespace sluice {

/// A name of a semaphore, not yet checked.
///
/// *Semantics*: a value; says in which world to look and for what. *Threads*: a value. *Errors*:
/// bad names are refused where they are used. *Lifetime*: owns its text. *Crash*: leaves nothing.
class semaphore_name {
 public:
  semaphore_name(std::string text) : semaphore_name(std::move(text), false) {}
  semaphore_name(std::string_view text) : semaphore_name(std::string{text}) {}
  semaphore_name(const char* text) : semaphore_name(std::string{text}) {}

  /// A name as of sem_open(3): without a slash, except at its start, where one may stand.
  [[nodiscard]] static semaphore_name posix(std::string_view name) {
    return {std::string{name}, true};
  }

  [[nodiscard]] const std::string& text() const noexcept { return text_; }
  [[nodiscard]] bool is_posix() const noexcept { return is_posix_; }

 private:
  semaphore_name(std::string text, bool is_posix) : text_(std::move(text)), is_posix_(is_posix) {}
  std::string text_;
  bool is_posix_;
};

}  // namespace sluice
