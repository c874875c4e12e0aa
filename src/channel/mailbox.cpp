#include <new>
#include <sluice/base/name.hpp>
#include <sluice/channel/mailbox.hpp>
#include <string>
#include <utility>

#include "channel/mailbox_layout.hpp"

namespace sluice {

namespace {

constexpr const char* operation = "mailbox";

result<memory_name> memory_name_of(std::string_view name) {
  auto parsed = channel_name::parse(name);
  if (!parsed) return failure{parsed.error()};
  return memory_name{parsed->is_path() ? parsed->text() : parsed->text() + ".mailbox"};
}

memory_open_options opened_with(const mailbox_open_options& options) {
  return {.owner = options.owner, .directory = options.directory};
}

// Fills zeroed memory that nobody else can see yet.
result<void> initialize(mutable_bytes memory, const mailbox_create_options& options) {
  auto* layout = new (memory.data()) mailbox_layout{};
  for (std::byte* semaphore : {layout->arrived, layout->freed}) {
    auto made = posix_semaphore::create_at({semaphore, posix_semaphore::size_bytes});
    if (!made) return failure{made.error()};
  }
  layout->version = mailbox_layout::current_version;
  layout->slot_header_bytes = sizeof(mailbox_slot_header);
  layout->capacity_messages = options.capacity_messages;
  layout->max_message_bytes = options.max_message_bytes;
  layout->magic = mailbox_layout::magic_value;
  return {};
}

result<memory_create_options> created_with(const mailbox_create_options& options) {
  if (options.capacity_messages == 0 || options.max_message_bytes == 0)
    return failure{std::errc::invalid_argument, operation,
                   "capacity_messages and max_message_bytes must be above 0"};
  const std::size_t size = mailbox_bytes(options.capacity_messages, options.max_message_bytes);
  if (size == 0)
    return failure{std::errc::invalid_argument, operation,
                   "max_message_bytes is at most 64 MiB, and all slots together must be "
                   "addressable"};
  return memory_create_options{
      .size_bytes = size,
      .mode = options.mode,
      .initialize = [options](mutable_bytes memory) { return initialize(memory, options); },
      .directory = options.directory};
}

}  // namespace

mailbox_memory::mailbox_memory(shared_memory memory, posix_semaphore arrived,
                               posix_semaphore freed) noexcept
    : memory_(std::move(memory)),
      layout_(reinterpret_cast<mailbox_layout*>(memory_.writable_bytes().data())),
      capacity_messages_(layout_->capacity_messages),
      max_message_bytes_(layout_->max_message_bytes),
      arrived_(std::move(arrived)),
      freed_(std::move(freed)) {}

result<mailbox_memory> mailbox_memory::check(shared_memory memory) {
  const mutable_bytes bytes = memory.writable_bytes();
  if (bytes.size() < mailbox_layout::slots_offset)
    return failure{errc::incompatible, operation, "this memory is too small to be a mailbox"};
  auto* layout = reinterpret_cast<mailbox_layout*>(bytes.data());
  if (layout->magic != mailbox_layout::magic_value)
    return failure{errc::incompatible, operation, "this memory holds no mailbox"};
  if (layout->version != mailbox_layout::current_version ||
      layout->slot_header_bytes != sizeof(mailbox_slot_header))
    return failure{errc::incompatible, operation,
                   "this mailbox was made by another version of the library"};
  auto arrived = posix_semaphore::open_at({layout->arrived, posix_semaphore::size_bytes});
  if (!arrived) return failure{arrived.error()};
  auto freed = posix_semaphore::open_at({layout->freed, posix_semaphore::size_bytes});
  if (!freed) return failure{freed.error()};
  mailbox_memory checked{std::move(memory), std::move(*arrived), std::move(*freed)};
  // Of the copies that are used from now on: the memory may change at any time.
  const std::size_t expected =
      mailbox_bytes(checked.capacity_messages_, checked.max_message_bytes_);
  if (checked.capacity_messages_ == 0 || checked.max_message_bytes_ == 0 ||
      expected != bytes.size())
    return failure{errc::corrupt, operation,
                   "capacity and size of the messages do not fit the size of the memory"};
  return checked;
}

mutable_bytes mailbox_memory::slot(std::size_t index) const noexcept {
  const std::size_t size = mailbox_slot_bytes(max_message_bytes_);
  return memory_.writable_bytes().subspan(mailbox_layout::slots_offset + index * size, size);
}

result<mailbox> mailbox::create(std::string_view name, const mailbox_create_options& options) {
  auto where = memory_name_of(name);
  if (!where) return failure{where.error()};
  auto how = created_with(options);
  if (!how) return failure{how.error()};
  auto memory = shared_memory::create(*where, *how);
  if (!memory) return failure{memory.error()};
  auto checked = mailbox_memory::check(std::move(*memory));
  if (!checked) return failure{checked.error()};
  return mailbox{std::move(*checked)};
}

result<mailbox> mailbox::open_or_create(std::string_view name,
                                        const mailbox_create_options& options) {
  auto where = memory_name_of(name);
  if (!where) return failure{where.error()};
  auto how = created_with(options);
  if (!how) return failure{how.error()};
  auto memory = shared_memory::open_or_create(*where, *how);
  if (!memory) return failure{memory.error()};
  auto checked = mailbox_memory::check(std::move(*memory));
  if (!checked) return failure{checked.error()};
  if (checked->capacity_messages() != options.capacity_messages ||
      checked->max_message_bytes() != options.max_message_bytes)
    return failure{errc::incompatible, operation,
                   "a mailbox of this name has another capacity or size of messages"};
  return mailbox{std::move(*checked)};
}

result<void> mailbox::unlink(std::string_view name, const mailbox_open_options& options) {
  auto where = memory_name_of(name);
  if (!where) return failure{where.error()};
  return shared_memory::unlink(*where, opened_with(options));
}

namespace {

result<mailbox_memory> open_memory(std::string_view name, const mailbox_open_options& options) {
  auto where = memory_name_of(name);
  if (!where) return failure{where.error()};
  auto memory = shared_memory::open(*where, opened_with(options));
  if (!memory) return failure{memory.error()};
  return mailbox_memory::check(std::move(*memory));
}

}  // namespace

result<mailbox_sender> mailbox_sender::open(std::string_view name,
                                            const mailbox_open_options& options) {
  auto memory = open_memory(name, options);
  if (!memory) return failure{memory.error()};
  return mailbox_sender{std::move(*memory)};
}

result<mailbox_receiver> mailbox_receiver::open(std::string_view name,
                                                const mailbox_open_options& options) {
  auto memory = open_memory(name, options);
  if (!memory) return failure{memory.error()};
  return mailbox_receiver{std::move(*memory)};
}

}  // namespace sluice
