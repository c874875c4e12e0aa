#pragma once
// FIFOs: pipes with a name, opened by processes that do not know each other, either side first.
// Plain bytes here, for `cat` and friends; fifo_channel.hpp sends messages of many writers.

#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <sluice/base/channel_traits.hpp>
#include <sluice/base/concepts.hpp>
#include <sluice/channel/blocking.hpp>
#include <sluice/os/owned_name.hpp>
#include <sluice/os/pipe_end.hpp>
#include <sluice/os/runtime_directory.hpp>
#include <string_view>

namespace sluice {

inline constexpr channel_capabilities fifo_capabilities{
    .mechanism = "fifo",
    .keeps_boundaries = false,
    .order = ordering::total,
    .many_senders = false,
    .many_receivers = false,
    .pollable = true,
};

struct fifo_create_options {
  mode_t mode = 0600;  ///< Exact: the umask does not change it. Permission bits only.
  runtime_directory_options directory = {};
};

struct fifo_open_options {
  /// Whose FIFO it may be; without a value ours only.
  std::optional<uid_t> owner = {};
  /// Accept one that everybody may write (refused otherwise: any user could feed it).
  bool world_writable = false;
  /// Reader only: the end of the last writer is not the end of the stream, since we hold a writing
  /// end ourselves; reading then never reports `errc::closed`.
  bool stay_open = false;
  runtime_directory_options directory = {};
};

/// The name of a FIFO, and the duty to remove it.
///
/// *Semantics*: `create` fails with `file_exists` when the name is taken; `open_or_create` also
/// takes over a FIFO that a process left behind, and with it the duty. Names as in
/// base/name.hpp ("log" or "/tmp/log.fifo"). *Threads*: one thread at a time. *Errors*: a name that
/// leads to something else than a FIFO of the right owner is refused, with the reason.
/// *Lifetime*: unlinked when this goes, unless `persist`; who has it open goes on. *Crash*: the
/// name stays and the next `open_or_create` takes it over; no name exists before the FIFO has its
/// final mode.
class fifo {
 public:
  [[nodiscard]] static result<fifo> create(std::string_view name,
                                           const fifo_create_options& options = {});
  [[nodiscard]] static result<fifo> open_or_create(std::string_view name,
                                                   const fifo_create_options& options = {});
  /// Removes a FIFO by name, whoever made it; `no_such_file_or_directory` if there is none.
  [[nodiscard]] static result<void> unlink(std::string_view name,
                                           const fifo_open_options& options = {});

  /// Removes the name now.
  [[nodiscard]] result<void> unlink() { return name_.unlink(); }
  /// The name stays after us.
  void persist() noexcept { name_.persist(); }
  /// What other programs open: `cat "$path"`.
  [[nodiscard]] const std::string& path() const noexcept { return name_.path(); }

 private:
  explicit fifo(owned_name name) noexcept : name_(std::move(name)) {}
  owned_name name_;
};

/// The reading end of a FIFO.
///
/// *Semantics*: opens at once, before any writer; until the first writer comes there is nothing to
/// read, and no end either. *Threads*: all verbs from any thread at once; moving from one.
/// *Errors*: `errc::closed` when the last writer left and all was read; if another writer comes
/// later, reading goes on. *Lifetime*: independent of the name. *Crash*: a killed writer looks like
/// one that left.
class fifo_reader {
 public:
  static constexpr channel_capabilities capabilities = fifo_capabilities;

  [[nodiscard]] static result<fifo_reader> open(std::string_view name,
                                                const fifo_open_options& options = {});

  [[nodiscard]] result<std::size_t> try_read(mutable_bytes buffer) { return end_.try_read(buffer); }
  [[nodiscard]] result<std::size_t> read_waiting(mutable_bytes b) { return end_.read_waiting(b); }
  [[nodiscard]] result<void> wait_readable(deadline until) { return end_.wait_readable(until); }

  [[nodiscard]] result<std::size_t> read_some(mutable_bytes buffer,
                                              deadline until = deadline::never()) {
    return sluice::read_some(*this, buffer, until);
  }
  [[nodiscard]] result<void> read_exactly(mutable_bytes buffer,
                                          deadline until = deadline::never()) {
    return sluice::read_exactly(*this, buffer, until);
  }

  [[nodiscard]] result<std::size_t> capacity_bytes() const { return end_.capacity_bytes(); }
  [[nodiscard]] result<std::size_t> set_capacity_bytes(std::size_t wanted) {
    return end_.set_capacity_bytes(wanted);
  }
  [[nodiscard]] int native_handle() const noexcept { return end_.native_handle(); }
  [[nodiscard]] unique_fd release_handle() && { return std::move(end_).release_handle(); }

 private:
  fifo_reader(pipe_end end, unique_fd kept_open) noexcept
      : end_(std::move(end)), kept_open_(std::move(kept_open)) {}
  pipe_end end_;
  unique_fd kept_open_;  // stay_open: a writing end of our own
};

/// The writing end of a FIFO.
///
/// *Semantics*: opening waits for a reader, at most until the deadline (`timed_out`). *Threads*:
/// all verbs from any thread at once; moving from one. *Errors*: `broken_pipe` when the last reader
/// is gone, as a value. *Lifetime*: independent of the name. *Crash*: what was written stays
/// readable while a reader is there.
class fifo_writer {
 public:
  static constexpr channel_capabilities capabilities = fifo_capabilities;

  [[nodiscard]] static result<fifo_writer> open(std::string_view name,
                                                deadline until = deadline::never(),
                                                const fifo_open_options& options = {});

  [[nodiscard]] result<std::size_t> try_write(byte_parts parts) { return end_.try_write(parts); }
  [[nodiscard]] result<std::size_t> try_write(const_bytes bytes) {
    return end_.try_write(byte_parts{&bytes, 1});
  }
  [[nodiscard]] result<std::size_t> write_waiting(byte_parts p) { return end_.write_waiting(p); }
  [[nodiscard]] result<void> wait_writable(deadline until) { return end_.wait_writable(until); }

  [[nodiscard]] result<void> write_all(const_bytes bytes, deadline until = deadline::never()) {
    return sluice::write_all(*this, bytes, until);
  }

  [[nodiscard]] result<std::size_t> capacity_bytes() const { return end_.capacity_bytes(); }
  [[nodiscard]] result<std::size_t> set_capacity_bytes(std::size_t wanted) {
    return end_.set_capacity_bytes(wanted);
  }
  [[nodiscard]] int native_handle() const noexcept { return end_.native_handle(); }
  [[nodiscard]] unique_fd release_handle() && { return std::move(end_).release_handle(); }

 private:
  explicit fifo_writer(pipe_end end) noexcept : end_(std::move(end)) {}
  pipe_end end_;
};

static_assert(waiting_reader<fifo_reader> && waiting_writer<fifo_writer>);

}  // namespace sluice
