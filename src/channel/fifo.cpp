#include <algorithm>
#include <chrono>
#include <sluice/base/name.hpp>
#include <sluice/channel/fifo.hpp>

#include "os/fifo_file.hpp"
#include "os/syscall.hpp"

namespace sluice {

namespace {

result<name_place> place_of(std::string_view name, const runtime_directory_options& directory) {
  auto parsed = channel_name::parse(name);
  if (!parsed) return failure{parsed.error()};
  return name_place::resolve(*parsed, ".fifo", directory);
}

fifo_file::trust trust_of(const fifo_open_options& options) {
  return {.owner = options.owner.value_or(syscall::effective_user()),
          .world_writable = options.world_writable};
}

result<void> check(const fifo_create_options& options, const name_place& place) {
  return named_file::check_mode(options.mode, place, options.directory, "fifo::create");
}

}  // namespace

result<fifo> fifo::create(std::string_view name, const fifo_create_options& options) {
  auto place = place_of(name, options.directory);
  if (!place) return failure{place.error()};
  if (auto checked = check(options, *place); !checked) return failure{checked.error()};
  return fifo_file::create(std::move(*place), options.mode).transform([](owned_name&& owned) {
    return fifo{std::move(owned)};
  });
}

result<fifo> fifo::open_or_create(std::string_view name, const fifo_create_options& options) {
  // The name may appear or vanish between the two attempts; that can only go on while others keep
  // making and removing it.
  for (;;) {
    auto place = place_of(name, options.directory);
    if (!place) return failure{place.error()};
    if (auto checked = check(options, *place); !checked) return failure{checked.error()};
    auto adopted = fifo_file::adopt(std::move(*place), options.mode);
    if (adopted) return fifo{std::move(*adopted)};
    if (!(adopted.error() == std::errc::no_such_file_or_directory)) return failure{adopted.error()};
    auto created = create(name, options);
    if (created || !(created.error() == std::errc::file_exists)) return created;
  }
}

result<void> fifo::unlink(std::string_view name, const fifo_open_options& options) {
  auto place = place_of(name, options.directory);
  if (!place) return failure{place.error()};
  return fifo_file::unlink(*place, trust_of(options));
}

result<fifo_reader> fifo_reader::open(std::string_view name, const fifo_open_options& options) {
  auto place = place_of(name, options.directory);
  if (!place) return failure{place.error()};
  auto reader = fifo_file::open(*place, fifo_file::direction::read, trust_of(options));
  if (!reader) return failure{reader.error()};
  unique_fd kept_open;
  if (options.stay_open) {
    auto writer = fifo_file::open(*place, fifo_file::direction::write, trust_of(options));
    if (!writer) return failure{writer.error()};
    if (writer->identity != reader->identity)
      return failure{errc::removed, "fifo_reader::open", "the FIFO was replaced meanwhile"};
    kept_open = std::move(writer->fd);
  }
  return fifo_reader{pipe_end{std::move(reader->fd), description_use::exclusive},
                     std::move(kept_open)};
}

result<fifo_writer> fifo_writer::open(std::string_view name, deadline until,
                                      const fifo_open_options& options) {
  auto place = place_of(name, options.directory);
  if (!place) return failure{place.error()};
  auto pause = std::chrono::microseconds{100};
  for (;;) {
    // Anew each time: the name may lead to another FIFO by now, and nobody would ever read the old.
    auto writer = fifo_file::open(*place, fifo_file::direction::write, trust_of(options));
    if (writer) return fifo_writer{pipe_end{std::move(writer->fd), description_use::exclusive}};
    const bool nobody_reads = writer.error() == std::errc::no_such_device_or_address;
    if (!nobody_reads) return failure{writer.error()};
    if (until.has_passed())
      return failure{std::errc::timed_out, "fifo_writer::open", "nobody has it open for reading"};
    if (auto slept = syscall::sleep(earlier(until, pause)); !slept) return failure{slept.error()};
    pause = std::min(pause * 2, std::chrono::microseconds{20'000});
  }
}

}  // namespace sluice
