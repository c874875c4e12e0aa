// The memory of a mailbox, of a semaphore and of a managed segment with words that were changed.
// What the C library and Boost keep there stays as it is: who writes that is trusted
// (docs/failure-modes.md).

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <sluice/channel/mailbox.hpp>
#include <sluice/primitive/posix_semaphore.hpp>
#include <sluice/primitive/segment_format.hpp>
#include <vector>

#include "channel/mailbox_layout.hpp"
#include "fuzz/patched_memory.hpp"
#include "fuzz/script.hpp"
#include "fuzz/target.hpp"
#include "fuzz/targets.hpp"

namespace sluice::test {
namespace {

constexpr std::size_t slots = 4;
constexpr std::size_t longest = 64;

// The C library's words, which it trusts; of a semaphore all but how many there are and wait.
bool is_trusted(std::size_t at) noexcept {
  if (at < offsetof(mailbox_layout, lock) || at >= offsetof(mailbox_layout, sent)) return false;
  return at != offsetof(mailbox_layout, arrived) && at != offsetof(mailbox_layout, freed);
}

void use(mailbox_sender& sender, mailbox_receiver& receiver, script& input) {
  std::vector<std::byte> buffer(input.coin() ? longest : input.below(longest));
  switch (input.below(5)) {
    case 0: {
      const auto sent = sender.try_send(buffer);
      require(!sent || buffer.size() <= sender.max_message_bytes(), "too long is refused");
      break;
    }
    case 1:
      static_cast<void>(sender.wait_writable(deadline::now()));
      static_cast<void>(receiver.wait_readable(deadline::now()));
      break;
    case 2:
      if (const auto size = receiver.next_size()) require(*size <= longest, "a size may be");
      break;
    default: {
      const auto size = receiver.try_receive(buffer);
      require(!size || *size <= buffer.size(), "a message fits its buffer");
    }
  }
}

void check_mailbox(script& input) {
  const scratch_directory folder;
  const std::string path = folder.path() + "/mailbox";
  auto made = mailbox::create(path, {.capacity_messages = slots, .max_message_bytes = longest});
  require(made.has_value(), "a mailbox can be made");
  const unique_fd fd{::open(path.c_str(), O_RDWR | O_CLOEXEC)};
  const patched_memory memory{fd.get(), mailbox_bytes(slots, longest)};
  const auto change = [&] {
    const word_patch patch = memory.next_patch(input, memory.bytes().size());
    if (!is_trusted(patch.at)) memory.apply(patch);
  };
  for (std::size_t changes = input.below(3); changes != 0; --changes) change();
  auto sender = mailbox_sender::open(path);
  auto receiver = mailbox_receiver::open(path);
  require(!sender || sender->max_message_bytes() == longest, "what is accepted is what was made");
  if (!sender || !receiver) return;
  for (int turns = 0; turns < 100 && !input.is_over(); ++turns) {
    if (input.below(3) == 0) change();
    use(*sender, *receiver, input);
    require(made->messages() <= slots, "no more messages than there is room for");
  }
}

// Any bytes: only what says that it is shared is taken for a semaphore.
void check_semaphore(script& input) {
  alignas(16) std::array<std::byte, posix_semaphore::size_bytes> memory{};
  if (input.coin()) require(posix_semaphore::create_at(memory).has_value(), "one can be made");
  const std::size_t at = input.below(memory.size());
  copy_bytes(input.piece(memory.size()), mutable_bytes{memory}.subspan(at));
  auto semaphore = posix_semaphore::open_at(memory);
  if (!semaphore) return require(semaphore.error() == errc::corrupt, "what is none is corrupt");
  static_cast<void>(semaphore->notify());
  static_cast<void>(semaphore->try_wait());
  static_cast<void>(semaphore->wait(deadline::now()));
}

// A header is accepted as it was written, and in no other form.
void check_segment_header(script& input) {
  constexpr segment_abi ours{.heap_bytes = 400, .manager_version = 108100};
  std::vector<std::byte> memory(input.coin() ? 1024 : input.below(1024));
  const auto begun = begin_segment(memory, ours, 512);
  require(begun.has_value() == (memory.size() >= sizeof(segment_header) + 512), "it has to fit");
  const std::vector<std::byte> before = memory;
  for (std::size_t changes = input.below(4); changes != 0 && !memory.empty(); --changes)
    memory[input.below(memory.size())] ^= static_cast<std::byte>(1 << input.below(8));
  const auto room = check_segment(memory, ours, 512);
  if (!room) return;
  require(begun && room->size() == memory.size() - sizeof(segment_header), "all else is the heap");
  require(std::memcmp(memory.data(), before.data(), offsetof(segment_header, reserved)) == 0,
          "a header has one form");
}

}  // namespace
}  // namespace sluice::test

int sluice_fuzz_mailboxes(const std::uint8_t* data, std::size_t size) {
  using namespace sluice::test;
  const nothing_left_behind checked;
  script input{data, size};
  switch (input.below(4)) {
    case 0:
      check_semaphore(input);
      break;
    case 1:
      check_segment_header(input);
      break;
    default:
      check_mailbox(input);
  }
  return 0;
}
