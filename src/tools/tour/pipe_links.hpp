#pragma once
// Links over anonymous pipes: inherited by fork, used raw, framed, through another program,
// crossed.

#include <optional>
#include <sluice/channel/pipe.hpp>
#include <sluice/compose/framed.hpp>

#include "tools/tour/link.hpp"
#include "tools/tour/raw_pipe.hpp"

namespace sluice::tour {

/// The floor.
class raw_pipe_link {
 public:
  [[nodiscard]] static result<raw_pipe_link> create(const link_options& options);
  [[nodiscard]] result<raw_pipe_sender> sender() &&;
  [[nodiscard]] result<raw_pipe_receiver> receiver() &&;
  void leave_to(crew&) { ends_.reset(); }

 private:
  raw_pipe_link(raw_pipe ends, const link_options& options)
      : ends_(std::move(ends)), options_(options) {}
  std::optional<raw_pipe> ends_;
  link_options options_;
};

/// A pipe with frames.
class pipe_link {
 public:
  [[nodiscard]] static result<pipe_link> create(const link_options& options);
  [[nodiscard]] result<framed_sender<pipe_writer>> sender() &&;
  [[nodiscard]] result<framed_receiver<pipe_reader>> receiver() &&;
  void leave_to(crew&) { ends_.reset(); }

 private:
  pipe_link(pipe ends, const link_options& options) : ends_(std::move(ends)), options_(options) {}
  std::optional<pipe> ends_;
  link_options options_;
};

/// Two pipes with `cat` between them: a program that knows nothing of Sluice, started by exec with
/// our pipes as its standard input and output. It works only if they arrive as any program expects
/// them, blocking, and if nobody keeps a copy that would hide the end of the stream.
class cat_link {
 public:
  [[nodiscard]] static result<cat_link> create(const link_options& options);
  [[nodiscard]] result<framed_sender<pipe_writer>> sender() &&;
  [[nodiscard]] result<framed_receiver<pipe_reader>> receiver() &&;
  void leave_to(crew& people);

 private:
  struct parts {
    pipe_writer into;
    pipe_reader out_of;
    process cat;
  };
  cat_link(parts made, const link_options& options) : parts_(std::move(made)), options_(options) {}
  std::optional<parts> parts_;
  link_options options_;
};

/// Two pipes crossed, with frames both ways.
class duplex_pipe_link {
 public:
  using side = conversation<framed_sender<pipe_writer>, framed_receiver<pipe_reader>>;
  [[nodiscard]] static result<duplex_pipe_link> create(const link_options& options);
  [[nodiscard]] result<side> asker() &&;
  [[nodiscard]] result<side> answerer() &&;
  void leave_to(crew&) { ends_.reset(); }

 private:
  duplex_pipe_link(duplex_pipe ends, const link_options& options)
      : ends_(std::move(ends)), options_(options) {}
  std::optional<duplex_pipe> ends_;
  link_options options_;
};

}  // namespace sluice::tour
