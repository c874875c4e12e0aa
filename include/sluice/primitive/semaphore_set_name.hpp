#pragma once
// By what a System V set of semaphores is found. A text is a name of ours, whose key file lies in
// the runtime directory; the numbers of System V are said explicitly:
//
//     system_v_semaphore_set::open("workers");                              // workers.sem.sysv
//     system_v_semaphore_set::open(semaphore_set_name::key(0x5a11));        // as `ipcs -s` lists
//     it semaphore_set_name::file_key("/etc/workers.conf", 1)                  // ftok(3)

#include <sys/types.h>

#include <sluice/base/result.hpp>
#include <string>
#include <string_view>
#include <utility>

namespace sluice {

/// A name of a System V set, not yet checked.
///
/// *Semantics*: a value; says in which world to look and for what. *Threads*: a value. *Errors*:
/// only `file_key` fails; bad names are refused where they are used. *Lifetime*: owns its text.
/// *Crash*: leaves nothing.
class semaphore_set_name {
 public:
  enum class form { text, key, id };

  semaphore_set_name(std::string text) : form_(form::text), text_(std::move(text)) {}
  semaphore_set_name(std::string_view text) : semaphore_set_name(std::string{text}) {}
  semaphore_set_name(const char* text) : semaphore_set_name(std::string{text}) {}

  /// A key as of semget(2); 0 (IPC_PRIVATE) is refused where it is used.
  [[nodiscard]] static semaphore_set_name key(key_t key) { return {form::key, key}; }
  /// The number that the kernel gave to a set, as ipcmk(1) prints it: to open, not to create.
  [[nodiscard]] static semaphore_set_name id(int id) { return {form::id, id}; }
  /// The key that ftok(3) makes of an existing file and a project number (1 to 255). Two files may
  /// have the same key (F28): it is made of 16 bits of the inode and 8 of the device.
  [[nodiscard]] static result<semaphore_set_name> file_key(std::string_view path, int project);

  [[nodiscard]] form which() const noexcept { return form_; }
  [[nodiscard]] const std::string& text() const noexcept { return text_; }
  /// The key or the id.
  [[nodiscard]] int number() const noexcept { return number_; }

 private:
  semaphore_set_name(form which, int number) : form_(which), number_(number) {}
  form form_;
  std::string text_;
  int number_ = 0;
};

}  // namespace sluice
