#include <sluice/channel/pipe.hpp>

#include "os/syscall.hpp"

namespace sluice {

result<pipe_reader> pipe_reader::from_native(unique_fd fd) {
  return pipe_end::from_native(std::move(fd), false).transform([](pipe_end&& end) {
    return pipe_reader{std::move(end)};
  });
}

result<pipe_writer> pipe_writer::from_native(unique_fd fd) {
  return pipe_end::from_native(std::move(fd), true).transform([](pipe_end&& end) {
    return pipe_writer{std::move(end)};
  });
}

result<pipe> pipe::create(const pipe_options& options) {
  auto ends = syscall::pipe();
  if (!ends) return failure{ends.error()};
  if (options.capacity_bytes != 0) {
    auto set = syscall::set_pipe_capacity(ends->writer.get(), options.capacity_bytes);
    // A limit of this user: the pipe works with what it has. Anything else is a real error.
    if (!set && !(set.error() == std::errc::operation_not_permitted)) return failure{set.error()};
  }
  return pipe{pipe_reader{pipe_end{std::move(ends->reader), description_use::shared}},
              pipe_writer{pipe_end{std::move(ends->writer), description_use::shared}}};
}

result<duplex_pipe> duplex_pipe::create(const pipe_options& options) {
  auto there = pipe::create(options);
  if (!there) return failure{there.error()};
  auto back = pipe::create(options);
  if (!back) return failure{back.error()};
  return duplex_pipe{{std::move(back->reader), std::move(there->writer)},
                     {std::move(there->reader), std::move(back->writer)}};
}

}  // namespace sluice
