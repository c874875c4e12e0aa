#include "tools/tour/pipe_links.hpp"

namespace sluice::tour {

namespace {

frame_options frames(const link_options& options) {
  return {.max_message_bytes = options.max_message_bytes};
}

// Takes what the optional holds, so that what is not used further goes at the end of the scope.
template <class T>
T take(std::optional<T>& from) {
  T taken = std::move(*from);
  from.reset();
  return taken;
}

}  // namespace

result<raw_pipe_link> raw_pipe_link::create(const link_options& options) {
  return raw_pipe::create().transform([&](raw_pipe&& ends) {
    return raw_pipe_link{std::move(ends), options};
  });
}

result<raw_pipe_sender> raw_pipe_link::sender() && {
  raw_pipe ends = take(ends_);
  return raw_pipe_sender{std::move(ends.writer)};
}

result<raw_pipe_receiver> raw_pipe_link::receiver() && {
  raw_pipe ends = take(ends_);
  return raw_pipe_receiver{std::move(ends.reader), options_.max_message_bytes};
}

result<pipe_link> pipe_link::create(const link_options& options) {
  return pipe::create().transform([&](pipe&& ends) { return pipe_link{std::move(ends), options}; });
}

result<framed_sender<pipe_writer>> pipe_link::sender() && {
  pipe ends = take(ends_);
  return framed_sender<pipe_writer>::create(std::move(ends.writer), frames(options_));
}

result<framed_receiver<pipe_reader>> pipe_link::receiver() && {
  pipe ends = take(ends_);
  return framed_receiver<pipe_reader>::create(std::move(ends.reader), frames(options_));
}

result<cat_link> cat_link::create(const link_options& options) {
  auto to_cat = pipe::create();
  if (!to_cat) return failure{to_cat.error()};
  auto from_cat = pipe::create();
  if (!from_cat) return failure{from_cat.error()};
  auto cat =
      process::spawn({.arguments = {"cat"},
                      .descriptors = {{.target = 0, .source = to_cat->reader.native_handle()},
                                      {.target = 1, .source = from_cat->writer.native_handle()}}});
  if (!cat) return failure{cat.error().with_hint("the program cat could not be started")};
  return cat_link{parts{.into = std::move(to_cat->writer),
                        .out_of = std::move(from_cat->reader),
                        .cat = std::move(*cat)},
                  options};
}

result<framed_sender<pipe_writer>> cat_link::sender() && {
  parts made = take(parts_);
  return framed_sender<pipe_writer>::create(std::move(made.into), frames(options_));
}

result<framed_receiver<pipe_reader>> cat_link::receiver() && {
  parts made = take(parts_);
  return framed_receiver<pipe_reader>::create(std::move(made.out_of), frames(options_));
}

void cat_link::leave_to(crew& people) {
  parts made = take(parts_);
  people.adopt("cat", std::move(made.cat));
}

result<duplex_pipe_link> duplex_pipe_link::create(const link_options& options) {
  return duplex_pipe::create().transform([&](duplex_pipe&& ends) {
    return duplex_pipe_link{std::move(ends), options};
  });
}

namespace {

result<duplex_pipe_link::side> framed_side(duplex_pipe_end end, const link_options& options) {
  auto sender = framed_sender<pipe_writer>::create(std::move(end.writer), frames(options));
  if (!sender) return failure{sender.error()};
  auto receiver = framed_receiver<pipe_reader>::create(std::move(end.reader), frames(options));
  if (!receiver) return failure{receiver.error()};
  return duplex_pipe_link::side{std::move(*sender), std::move(*receiver)};
}

}  // namespace

result<duplex_pipe_link::side> duplex_pipe_link::asker() && {
  duplex_pipe ends = take(ends_);
  return framed_side(std::move(ends.first), options_);
}

result<duplex_pipe_link::side> duplex_pipe_link::answerer() && {
  duplex_pipe ends = take(ends_);
  return framed_side(std::move(ends.second), options_);
}

}  // namespace sluice::tour
