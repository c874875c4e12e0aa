#include "compose/any_open.hpp"

#include <optional>
#include <sluice/channel/posix_queue.hpp>
#include <sluice/channel/ring_topic.hpp>
#include <sluice/channel/system_v_queue.hpp>
#include <sluice/os/process.hpp>

#include "os/syscall.hpp"

namespace sluice {

namespace {

using namespace endpoint_options;

// --- Rings -------------------------------------------------------------------------------------

// What the memory was made with, and so must agree with what exists.
bool says_shape(const endpoint& where) noexcept {
  using enum endpoint_option;
  for (const endpoint_option option :
       {capacity, full, policy, departure, delivery, senders, receivers})
    if (where.has(option)) return true;
  return false;
}

template <class Ring, class Options>
result<Ring> ring_at(const endpoint& where) {
  const std::string name = name_of(where);
  const auto options = base<Options>(where);
  const endpoint_creation how = creation_of(where);
  auto made = [&]() -> result<Ring> {
    if (how == endpoint_creation::only) return Ring::create(name, options);
    // Who says nothing of its shape takes it as it is.
    if (how == endpoint_creation::no || !says_shape(where)) {
      auto found = Ring::open(name, options.name);
      if (how == endpoint_creation::no || found ||
          !(found.error() == std::errc::no_such_file_or_directory))
        return found;
    }
    return Ring::open_or_create(name, options);
  }();
  if (made && persists(where)) made->persist();
  return made;
}

template <class Any, class Ring, class RingOptions, class End, class EndOptions>
result<Any> ring_end(const endpoint& where) {
  auto ring = ring_at<Ring, RingOptions>(where);
  if (!ring) return failure{ring.error()};
  auto end = End::attach(*ring, base<EndOptions>(where));
  if (!end) return failure{end.error()};
  return Any{std::move(*end)};
}

// --- Names that one of the users must remove ---------------------------------------------------

// The name, if we make it now: then we remove it. What exists already is left to whoever made it.
template <class Name, class Options, class Called>
result<std::optional<Name>> name_at(const endpoint& where, const Called& called) {
  if (creation_of(where) == endpoint_creation::no) return std::optional<Name>{};
  auto made = Name::create(called, base<Options>(where));
  if (!made) {
    if (creation_of(where) == endpoint_creation::yes && made.error() == std::errc::file_exists)
      return std::optional<Name>{};
    return failure{made.error()};
  }
  if (persists(where)) made->persist();
  return std::optional<Name>{std::move(*made)};
}

// An end that `open` opens, after the name was made where that is wanted.
template <class Any, class Name, class Options, class Open>
result<Any> named_end(const endpoint& where, Open open) {
  auto name = name_at<Name, Options>(where, name_of(where));
  if (!name) return failure{name.error()};
  auto end = open(name_of(where));
  if (!end) return failure{end.error()};
  if (!*name) return Any{std::move(*end)};
  return any_open::with(Any{std::move(*end)}, std::move(**name));
}

// --- System V queues ---------------------------------------------------------------------------

result<system_v_name> system_v_name_of(const endpoint& where) {
  using enum endpoint_option;
  if (const auto number = where.number(key))
    return system_v_name::key(static_cast<key_t>(static_cast<std::uint32_t>(*number)));
  if (const auto number = where.number(id)) return system_v_name::id(static_cast<int>(*number));
  if (const auto number = where.number(project))
    return system_v_name::of_file(name_of(where), static_cast<int>(*number));
  return system_v_name{name_of(where)};
}

std::optional<message_selection> selection_of(const endpoint& where) noexcept {
  using enum endpoint_option;
  if (const auto number = where.number(type))
    return message_selection::exactly(static_cast<long>(*number));
  if (const auto number = where.number(up_to))
    return message_selection::lowest_up_to(static_cast<long>(*number));
  if (const auto number = where.number(except))
    return message_selection::all_except(static_cast<long>(*number));
  return std::nullopt;
}

template <class Any, class Over>
result<Any> system_v_end(const endpoint& where, Over over) {
  auto called = system_v_name_of(where);
  if (!called) return failure{called.error()};
  // A number names what exists: there is nothing to create.
  std::optional<system_v_queue> ours;
  if (called->what() != system_v_name::kind::id) {
    auto name = name_at<system_v_queue, system_v_queue_create_options>(where, *called);
    if (!name) return failure{name.error()};
    ours = std::move(*name);
  }
  if (ours) {
    auto end = over(*ours);
    if (!end) return failure{end.error()};
    return any_open::with(std::move(*end), std::move(*ours));
  }
  auto queue = system_v_queue::open(*called, base<system_v_queue_open_options>(where));
  if (!queue) return failure{queue.error()};
  return over(*queue);
}

// --- Pipes and signals -------------------------------------------------------------------------

// A descriptor that we were handed. It becomes ours once it is known to be right, and is left alone
// otherwise: whoever mistypes a number loses no file.
template <class Pipe, class Framed, class Any>
result<Any> pipe_end_at(const endpoint& where, int descriptor) {
  if (descriptor < 0)
    return failure{std::errc::invalid_argument, "endpoint",
                   "the address names no descriptor for this direction"};
  unique_fd handed{descriptor};
  auto ours = handed.duplicate();
  if (!ours) {
    static_cast<void>(handed.release());
    return failure{ours.error()};
  }
  auto end = Pipe::from_native(std::move(*ours));
  if (!end) {
    static_cast<void>(handed.release());
    return failure{end.error()};
  }
  auto framed = Framed::create(std::move(*end), frames(where));
  if (!framed) {
    static_cast<void>(handed.release());
    return failure{framed.error()};
  }
  return Any{std::move(*framed)};
}

signal_pair pair_of(const endpoint& where) noexcept {
  return signal_pair::nth(static_cast<int>(where.number(endpoint_option::pair).value_or(0)));
}

}  // namespace

result<any_sender> any_open::sender(const endpoint& where, deadline until) {
  const auto each = [&](endpoint_option option) {
    return static_cast<long>(where.number(option).value_or(std::uint64_t(-1)));
  };
  switch (where.kind()) {
    case endpoint_kind::ring:
      return ring_end<any_sender, ring_channel, ring_channel_options, ring_sender,
                      ring_end_options>(where);
    case endpoint_kind::queue:
      return ring_end<any_sender, ring_queue, ring_queue_options, ring_queue_sender,
                      ring_queue_end_options>(where);
    case endpoint_kind::topic:
      return ring_end<any_sender, ring_topic, ring_topic_options, ring_publisher, ring_end_options>(
          where);
    case endpoint_kind::fifo:
      return named_end<any_sender, fifo, fifo_create_options>(where, [&](const std::string& name) {
        return fifo_sender::open(name, until, base<fifo_sender_options>(where));
      });
    case endpoint_kind::sysv:
      return system_v_end<any_sender>(
          where, [&](const system_v_queue& queue) -> result<any_sender> {
            auto end = system_v_queue_sender::over(queue);
            if (!end) return failure{end.error()};
            return with_each(std::move(*end), each(endpoint_option::type));
          });
    case endpoint_kind::mq: {
      auto end = named_end<any_sender, posix_queue, posix_queue_create_options>(
          where, [&](const std::string& name) {
            return posix_queue_sender::open(name, base<posix_queue_open_options>(where));
          });
      if (!end) return end;
      return with_each(std::move(*end), each(endpoint_option::priority));
    }
    case endpoint_kind::mailbox:
      return named_end<any_sender, mailbox, mailbox_create_options>(
          where, [&](const std::string& name) {
            return mailbox_sender::open(name, base<mailbox_open_options>(where));
          });
    case endpoint_kind::signal: {
      auto receiver = process::open(std::get<process_address>(where.target()).id);
      if (!receiver) return failure{receiver.error()};
      auto end = signal_channel_sender::open(*receiver, pair_of(where), until);
      if (!end) return failure{end.error()};
      return any_sender{std::move(*end)};
    }
    case endpoint_kind::pipe:
      return pipe_end_at<pipe_writer, framed_sender<pipe_writer>, any_sender>(
          where, std::get<descriptor_address>(where.target()).writing);
    case endpoint_kind::unix_socket:
    case endpoint_kind::tcp:
    case endpoint_kind::udp:
      return socket_sender(where, until);
  }
  __builtin_unreachable();
}

result<any_receiver> any_open::receiver(const endpoint& where) {
  switch (where.kind()) {
    case endpoint_kind::ring:
      return ring_end<any_receiver, ring_channel, ring_channel_options, ring_receiver,
                      ring_end_options>(where);
    case endpoint_kind::queue:
      return ring_end<any_receiver, ring_queue, ring_queue_options, ring_queue_receiver,
                      ring_queue_end_options>(where);
    case endpoint_kind::topic:
      return ring_end<any_receiver, ring_topic, ring_topic_options, ring_subscriber,
                      ring_subscriber_options>(where);
    case endpoint_kind::fifo:
      return named_end<any_receiver, fifo, fifo_create_options>(
          where, [&](const std::string& name) {
            return fifo_receiver::open(name, base<fifo_receiver_options>(where));
          });
    case endpoint_kind::sysv:
      return system_v_end<any_receiver>(where,
                                        [&](const system_v_queue& queue) -> result<any_receiver> {
                                          if (const auto which = selection_of(where)) {
                                            auto end = system_v_selection::over(queue, *which);
                                            if (!end) return failure{end.error()};
                                            return any_receiver{std::move(*end)};
                                          }
                                          auto end = system_v_queue_receiver::over(queue);
                                          if (!end) return failure{end.error()};
                                          return any_receiver{std::move(*end)};
                                        });
    case endpoint_kind::mq:
      return named_end<any_receiver, posix_queue, posix_queue_create_options>(
          where, [&](const std::string& name) {
            return posix_queue_receiver::open(name, base<posix_queue_open_options>(where));
          });
    case endpoint_kind::mailbox:
      return named_end<any_receiver, mailbox, mailbox_create_options>(
          where, [&](const std::string& name) {
            return mailbox_receiver::open(name, base<mailbox_open_options>(where));
          });
    case endpoint_kind::signal: {
      if (std::get<process_address>(where.target()).id != syscall::process_id())
        return failure{std::errc::invalid_argument, "endpoint",
                       "signals are received by the process that the address names: not this one"};
      auto end = signal_channel_receiver::create(pair_of(where));
      if (!end) return failure{end.error()};
      return any_receiver{std::move(*end)};
    }
    case endpoint_kind::pipe:
      return pipe_end_at<pipe_reader, framed_receiver<pipe_reader>, any_receiver>(
          where, std::get<descriptor_address>(where.target()).reading);
    case endpoint_kind::unix_socket:
    case endpoint_kind::tcp:
    case endpoint_kind::udp:
      return socket_receiver(where);
  }
  __builtin_unreachable();
}

result<any_sender> any_sender::open(const endpoint& where, deadline until) {
  return any_open::sender(where, until);
}

result<any_sender> any_sender::open(std::string_view address, deadline until) {
  auto where = endpoint::parse(address);
  if (!where) return failure{where.error()};
  return any_open::sender(*where, until);
}

result<any_receiver> any_receiver::open(const endpoint& where) { return any_open::receiver(where); }

result<any_receiver> any_receiver::open(std::string_view address) {
  auto where = endpoint::parse(address);
  if (!where) return failure{where.error()};
  return any_open::receiver(*where);
}

}  // namespace sluice
