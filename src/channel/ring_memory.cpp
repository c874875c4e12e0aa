#include <chrono>
#include <cstring>
#include <sluice/base/name.hpp>
#include <sluice/channel/ring_memory.hpp>
#include <string>
#include <utility>

#include "channel/growing_pause.hpp"
#include "os/memory_file.hpp"
#include "os/named_file.hpp"
#include "os/syscall.hpp"

namespace sluice {

namespace {

constexpr const char* operation = "ring";

result<name_place> place_of(std::string_view name, const ring_name_options& options) {
  auto parsed = channel_name::parse(name);
  if (!parsed) return failure{parsed.error()};
  return name_place::resolve(*parsed, ".ring", options.directory);
}

result<ring::layout> layout_of(const ring::geometry& wanted) {
  auto made = ring::layout::of(wanted);
  if (made) return *made;
  return failure{std::errc::invalid_argument, operation,
                 "the capacity must be a power of two of at least a page, and there must be at "
                 "least one sender, one receiver (1024 at most) and one lane (256 at most)"};
}

// Fills memory that is zero. The magic number comes last only for who reads a core file: nobody can
// open the memory before all of it is written.
void write_empty_ring(mutable_bytes memory, const ring::geometry& shape,
                      const ring::layout& layout) noexcept {
  auto& header = *reinterpret_cast<ring::segment_header*>(memory.data());
  header.version = ring::segment_header::current_version;
  header.word_bytes = sizeof(void*);
  header.kind = static_cast<std::uint32_t>(shape.kind);
  header.senders = shape.senders;
  header.receivers = shape.receivers;
  header.lanes = shape.lanes;
  header.extra_bytes = shape.extra_bytes;
  header.page_bytes = shape.page_bytes;
  header.capacity_bytes = shape.capacity_bytes;
  header.options = shape.options;
  for (std::uint32_t lane = 0; lane < shape.lanes; ++lane) {
    std::byte* const at = memory.data() + layout.lanes_offset + lane * sizeof(ring::log_control);
    ring::log::initialize(*reinterpret_cast<ring::log_control*>(at));
  }
  header.magic = ring::segment_header::magic_value;
}

result<ring::geometry> shape_of(const ring::segment_header& header, ring::segment_kind kind) {
  const auto incompatible = [](const char* why) {
    return failure{errc::incompatible, operation, why};
  };
  constexpr std::uint64_t magic = ring::segment_header::magic_value;
  const std::uint64_t seen = header.magic;
  if (seen == __builtin_bswap64(magic))
    return incompatible("this ring was made by a processor of another byte order");
  if (seen != magic) return incompatible("this memory holds no ring");
  if (header.version != ring::segment_header::current_version)
    return incompatible("this ring was made by another version of the library");
  if (header.word_bytes != sizeof(void*))
    return incompatible("this ring was made by a program of another word size");
  const ring::geometry shape{.kind = static_cast<ring::segment_kind>(header.kind),
                             .senders = header.senders,
                             .receivers = header.receivers,
                             .lanes = header.lanes,
                             .extra_bytes = header.extra_bytes,
                             .page_bytes = header.page_bytes,
                             .capacity_bytes = header.capacity_bytes,
                             .options = header.options};
  if (shape.kind != kind)
    return incompatible(
        "this is another kind of ring: ring_channel, ring_queue and ring_topic do "
        "not open each other's");
  if (shape.page_bytes != syscall::page_bytes())
    return incompatible("this ring was made where memory has pages of another size");
  return shape;
}

memory_file::expectation expected(const ring_name_options& options) {
  return {.access = map_access::read_write,
          .size_bytes = 0,
          .trusted = {.owner = options.owner.value_or(syscall::effective_user())}};
}

// Whoever gives a ring its name, or takes it away, holds the lock alone meanwhile: what it comes to
// is seen afterwards. A killed one's lock is free; for a stopped one nobody waits for ever.
result<void> share_duty(int fd) {
  const deadline patience{std::chrono::seconds{5}};
  growing_pause pause;
  for (;;) {
    auto shared = memory_file::share_duty(fd);
    if (!shared) return failure{shared.error()};
    if (*shared) return {};
    if (patience.has_passed())
      return failure{errc::stalled, operation,
                     "a process that makes this ring's name, or removes it, makes no progress"};
    if (auto slept = syscall::sleep(pause.next(patience)); !slept) return slept;
  }
}

}  // namespace

ring_memory::ring_memory(unique_fd fd, memory_map whole, const ring::geometry& shape,
                         const ring::layout& layout, std::vector<memory_map> lanes) noexcept
    : fd_(std::move(fd)),
      whole_(std::move(whole)),
      header_(reinterpret_cast<ring::segment_header*>(whole_.writable_bytes().data())),
      lanes_(std::move(lanes)),
      shape_(shape),
      layout_(layout),
      process_(syscall::process_id()) {}

result<ring_memory> ring_memory::check(unique_fd fd, memory_map whole, ring::segment_kind kind) {
  if (whole.size_bytes() < sizeof(ring::segment_header))
    return failure{errc::incompatible, operation, "this memory is too small to be a ring"};
  if (whole.writable_bytes().empty())
    return failure{std::errc::permission_denied, operation, "a ring cannot be used read-only"};
  auto& header = *reinterpret_cast<ring::segment_header*>(whole.writable_bytes().data());
  auto shape = shape_of(header, kind);
  if (!shape) return failure{shape.error()};
  const auto layout = ring::layout::of(*shape);
  if (!layout || layout->total_bytes != whole.size_bytes())
    return failure{errc::corrupt, operation, "the numbers of this ring do not fit its size"};
  std::vector<memory_map> lanes;
  lanes.reserve(shape->lanes);
  for (std::uint32_t lane = 0; lane < shape->lanes; ++lane) {
    auto data = memory_map::map(fd.get(),
                                {.size_bytes = shape->capacity_bytes,
                                 .offset_bytes = layout->data_offset + lane * shape->capacity_bytes,
                                 .twice = true,
                                 .file_bytes = whole.size_bytes()});
    if (!data) return failure{data.error()};
    lanes.push_back(std::move(*data));
  }
  return ring_memory{std::move(fd), std::move(whole), *shape, *layout, std::move(lanes)};
}

// Takes part in the care for the name.
result<ring_memory> ring_memory::join(result<ring_memory> checked, name_of_it& name) {
  if (!checked) return checked;
  if (auto shared = share_duty(checked->fd_.get()); !shared) return failure{shared.error()};
  auto intact = named_file::leads_to(name.place, name.identity);
  if (!intact) return failure{intact.error()};
  if (!*intact)
    return failure{std::errc::no_such_file_or_directory, operation,
                   "the last one who used the ring has just removed its name"};
  checked->name_.emplace(std::move(name));
  return checked;
}

result<ring_memory> ring_memory::create(std::string_view name, const ring::geometry& wanted,
                                        const ring_name_options& options) {
  ring::geometry shape = wanted;
  shape.page_bytes = static_cast<std::uint32_t>(syscall::page_bytes());
  auto layout = layout_of(shape);
  if (!layout) return failure{layout.error()};
  auto place = place_of(name, options);
  if (!place) return failure{place.error()};
  if (auto good = named_file::check_mode(options.mode, *place, options.directory, operation); !good)
    return failure{good.error()};
  auto made = memory_file::create(*place, {.size_bytes = layout->total_bytes,
                                           .mode = options.mode,
                                           .initialize = [&](mutable_bytes memory) -> result<void> {
                                             write_empty_ring(memory, shape, *layout);
                                             return {};
                                           }});
  if (!made) return failure{made.error()};
  name_of_it named{std::string{name}, options, std::move(*place), made->identity};
  auto joined = join(check(std::move(made->fd), std::move(made->map), wanted.kind), named);
  if (!joined) static_cast<void>(owned_name{std::move(named.place), named.identity}.unlink());
  return joined;
}

result<ring_memory> ring_memory::open(std::string_view name, ring::segment_kind kind,
                                      const ring_name_options& options) {
  auto place = place_of(name, options);
  if (!place) return failure{place.error()};
  auto opened = memory_file::open(*place, expected(options));
  if (!opened) return failure{opened.error()};
  name_of_it named{std::string{name}, options, std::move(*place), opened->identity};
  return join(check(std::move(opened->fd), std::move(opened->map), kind), named);
}

result<ring_memory> ring_memory::open_or_create(std::string_view name, const ring::geometry& wanted,
                                                const ring_name_options& options) {
  // The name may vanish between "it exists" and opening it; that can only go on while others keep
  // making and removing it.
  for (;;) {
    auto created = create(name, wanted, options);
    if (created || !(created.error() == std::errc::file_exists)) return created;
    auto opened = open(name, wanted.kind, options);
    if (!opened && opened.error() == std::errc::no_such_file_or_directory) continue;
    if (!opened) return opened;
    ring::geometry same = wanted;
    same.page_bytes = opened->shape_.page_bytes;
    if (opened->shape_ != same)
      return failure{errc::incompatible, operation,
                     "a ring of this name was made with other options"};
    return opened;
  }
}

result<ring_memory> ring_memory::create_anonymous(const ring::geometry& wanted) {
  ring::geometry shape = wanted;
  shape.page_bytes = static_cast<std::uint32_t>(syscall::page_bytes());
  auto layout = layout_of(shape);
  if (!layout) return failure{layout.error()};
  auto made =
      memory_file::create_anonymous({.size_bytes = layout->total_bytes,
                                     .initialize = [&](mutable_bytes memory) -> result<void> {
                                       write_empty_ring(memory, shape, *layout);
                                       return {};
                                     }},
                                    false);
  if (!made) return failure{made.error()};
  return check(std::move(made->fd), std::move(made->map), wanted.kind);
}

result<ring_memory> ring_memory::from_native(unique_fd fd, ring::segment_kind kind) {
  auto mapped = memory_file::adopt(std::move(fd), expected({}), false);
  if (!mapped) return failure{mapped.error()};
  return check(std::move(mapped->fd), std::move(mapped->map), kind);
}

result<void> ring_memory::unlink(std::string_view name, const ring_name_options& options) {
  auto place = place_of(name, options);
  if (!place) return failure{place.error()};
  return named_file::unlink(*place, memory_file::file_kind(), expected(options).trusted);
}

result<ring_memory> ring_memory::duplicate() const {
  if (name_) {
    // As long as there is the name, whoever joins takes part in the care for it. Without its name
    // the ring goes on: for those who have it open.
    auto intact = is_intact();
    if (!intact) return failure{intact.error()};
    if (*intact) {
      auto again = open(name_->text, shape_.kind, name_->options);
      if (!again || again->name_->identity == name_->identity) return again;
    }
  }
  auto fd = memory_file::reopen(fd_.get());
  if (!fd) return failure{fd.error()};
  auto map = memory_map::map(fd->get(), {.size_bytes = whole_.size_bytes()});
  if (!map) return failure{map.error()};
  return check(std::move(*fd), std::move(*map), shape_.kind);
}

ring_memory& ring_memory::operator=(ring_memory&& other) noexcept {
  if (this == &other) return *this;
  leave();
  fd_ = std::move(other.fd_);
  whole_ = std::move(other.whole_);
  header_ = other.header_;
  lanes_ = std::move(other.lanes_);
  shape_ = other.shape_;
  layout_ = other.layout_;
  name_ = std::exchange(other.name_, std::nullopt);
  process_ = other.process_;
  return *this;
}

ring::participant_slot& ring_memory::slot(std::uint32_t index) const noexcept {
  return reinterpret_cast<ring::participant_slot*>(whole_.writable_bytes().data() +
                                                   layout_.slots_offset)[index];
}

ring::log_control& ring_memory::lane_control(std::uint32_t index) const noexcept {
  return reinterpret_cast<ring::log_control*>(whole_.writable_bytes().data() +
                                              layout_.lanes_offset)[index];
}

ring::log ring_memory::lane(std::uint32_t index) const noexcept {
  return {lane_control(index), lanes_[index].writable_bytes().data(), shape_.capacity_bytes};
}

mutable_bytes ring_memory::extra() const noexcept {
  return whole_.writable_bytes().subspan(layout_.extra_offset, shape_.extra_bytes);
}

void ring_memory::persist() noexcept { header().persistent.store(1, std::memory_order_relaxed); }

result<bool> ring_memory::is_intact() const {
  if (!name_) return true;
  return named_file::leads_to(name_->place, name_->identity);
}

void ring_memory::leave() noexcept {
  if (!fd_ || !name_ || process_ != syscall::process_id()) return;
  if (header().persistent.load(std::memory_order_relaxed) != 0) return;
  if (!memory_file::leave_duty(fd_.get())) return;
  // Fails if the name is gone or leads elsewhere, which is as good.
  static_cast<void>(owned_name{std::move(name_->place), name_->identity}.unlink());
  name_.reset();
  // A forked child may have a copy of the descriptor, and would keep others waiting for the lock.
  memory_file::give_duty_up(fd_.get());
}

}  // namespace sluice
