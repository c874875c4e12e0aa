#pragma once
// A System V set as a kernel object: made complete, found, checked, removed. The kernel gives a set
// its key before it has values. What marks it as complete is that an operation was made on it (its
// sem_otime is not zero), and the operation that does so is the last step of making it (F32).

#include <sys/types.h>

#include <cstdint>
#include <sluice/base/result.hpp>
#include <span>

#include "os/key_file.hpp"
#include "os/named_file.hpp"
#include "os/syscall_semaphores.hpp"

namespace sluice::semaphore_object {

struct blueprint {
  std::span<const std::uint16_t> initial;
  mode_t mode = 0600;
};

struct expectation {
  named_file::trust trusted;
  std::size_t count = 0;  // 0: any
  bool untouched = false;
};

struct found {
  int id = 0;
  std::size_t count = 0;
  bool is_new = false;  // this call made it or completed it
};

/// Makes a complete set under a key that nobody has (`file_exists`), or a private one (key 0). On
/// failure nothing is left. The caller keeps other creators of ours away.
[[nodiscard]] result<int> make(key_t key, const blueprint& plan);

/// `make` while no other creator of this user is at work.
[[nodiscard]] result<found> create(key_t key, const blueprint& plan);

/// Checks what has this id. An incomplete set is waited for as long as its creator, of this user,
/// lives.
[[nodiscard]] result<found> open(int id, const expectation& wanted);

/// Opens, completes or makes: in one step as far as others of this user can see.
[[nodiscard]] result<found> open_or_create(key_t key, const blueprint& plan);

/// Removes the set with this id if it may be ours; `errc::removed` if it was removed before.
[[nodiscard]] result<void> remove(int id, const named_file::trust& trusted);

/// The calls that key files of sets need; `plan` and what it leads to must outlive them.
[[nodiscard]] key_file::objects objects(const blueprint& plan, const named_file::trust& trusted);

}  // namespace sluice::semaphore_object
