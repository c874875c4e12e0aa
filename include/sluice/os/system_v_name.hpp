#pragma once
// By what a System V object is found. A text is a name of ours, as everywhere in Sluice; the names
// of the kernel's own world are said explicitly:
//
//     system_v_queue::open("ticks");                         // $SLUICE_RUNTIME_DIR/ticks.msg.sysv
//     system_v_queue::open(system_v_name::key(0x5a11));      // msgget(2), as `ipcs -q` lists it
//     system_v_queue::open(system_v_name::id(32769));        // as ipcmk(1) prints it
//     system_v_queue::open(*system_v_name::of_file("/etc/passwd", 7));    // ftok(3)

#include <sys/types.h>

#include <sluice/base/result.hpp>
#include <string>
#include <string_view>

namespace sluice {

/// A name of a System V object, not yet checked.
///
/// *Semantics*: a value; says in which world to look and for what. *Threads*: a value. *Errors*:
/// only `of_file` fails; bad names are refused where they are used. *Lifetime*: owns its text.
/// *Crash*: leaves nothing.
class system_v_name {
 public:
  enum class kind {
    name,  ///< A key file in the runtime directory.
    key,   ///< A key that its users agreed upon.
    id,    ///< The number that the kernel gave to the object: to open, not to create.
  };

  system_v_name(std::string text) : text_(std::move(text)) {}
  system_v_name(std::string_view text) : text_(text) {}
  system_v_name(const char* text) : text_(text) {}

  /// 0 (IPC_PRIVATE) is refused where it is used: it names nothing.
  [[nodiscard]] static system_v_name key(key_t key) { return {kind::key, key}; }
  [[nodiscard]] static system_v_name id(int id) { return {kind::id, id}; }
  /// The key that ftok(3) makes of an existing file and a project number (1 to 255). Two files may
  /// have the same key: it is made of 16 bits of the inode and 8 of the device.
  [[nodiscard]] static result<system_v_name> of_file(std::string_view path, int project);

  [[nodiscard]] kind what() const noexcept { return kind_; }
  /// Of a name.
  [[nodiscard]] const std::string& text() const noexcept { return text_; }
  /// The key or id.
  [[nodiscard]] int number() const noexcept { return number_; }

 private:
  system_v_name(kind what, int number) : number_(number), kind_(what) {}
  std::string text_;
  int number_ = 0;
  kind kind_ = kind::name;
};

}  // namespace sluice
