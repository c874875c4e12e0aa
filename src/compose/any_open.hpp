#pragma once
// From an address to the options of the classes, and to an end that is open.

#include <chrono>
#include <memory>
#include <sluice/compose/any_receiver.hpp>
#include <sluice/compose/any_sender.hpp>
#include <sluice/compose/endpoint.hpp>
#include <string>
#include <utility>

namespace sluice {

/// Opens addresses. A friend of the two ends, which hold what it makes.
struct any_open {
  [[nodiscard]] static result<any_sender> sender(const endpoint& where, deadline until);
  [[nodiscard]] static result<any_receiver> receiver(const endpoint& where);
  [[nodiscard]] static result<any_sender> socket_sender(const endpoint& where, deadline until);
  [[nodiscard]] static result<any_receiver> socket_receiver(const endpoint& where);

  // An end, and with it the duty to remove a name that was made for it.
  template <class End, class Name>
  [[nodiscard]] static End with(End end, Name name) {
    end.name_ = std::make_shared<Name>(std::move(name));
    return end;
  }
  [[nodiscard]] static any_sender with_each(any_sender end, long each) {
    end.each_ = each;
    return end;
  }
};

/// What an address says, in the words of the channels' options.
namespace endpoint_options {

/// What every options struct has under the same name, if it has it.
template <class Options>
[[nodiscard]] Options base(const endpoint& where) {
  Options made;
  using enum endpoint_option;
  const auto set = [&](endpoint_option option, auto& member) {
    using type = std::remove_reference_t<decltype(member)>;
    if (const auto value = where.number(option)) member = static_cast<type>(*value);
  };
  if constexpr (requires { made.mode; }) set(mode, made.mode);
  if constexpr (requires { made.owner; }) {
    if (const auto value = where.number(owner)) made.owner = static_cast<uid_t>(*value);
  }
  if constexpr (requires { made.directory; }) {
    if (const auto value = where.text(directory)) made.directory.path = *value;
  }
  if constexpr (requires { made.world_writable; }) set(world_writable, made.world_writable);
  if constexpr (requires { made.stay_open; }) set(stay_open, made.stay_open);
  if constexpr (requires { made.capacity_bytes; }) set(capacity, made.capacity_bytes);
  if constexpr (requires { made.receive_buffer_bytes; }) set(capacity, made.receive_buffer_bytes);
  if constexpr (requires { made.no_delay; }) set(nodelay, made.no_delay);
  if constexpr (requires { made.capacity_messages; }) set(messages, made.capacity_messages);
  if constexpr (requires { made.max_message_bytes; }) set(max_message, made.max_message_bytes);
  if constexpr (requires { made.max_unfinished; }) set(unfinished, made.max_unfinished);
  if constexpr (requires { made.when_full; }) {
    set(full, made.when_full);
    set(policy, made.when_full);
  }
  if constexpr (requires { made.departure; }) {
    if (const auto value = where.number(departure))
      made.departure = static_cast<ring_departure>(*value);
  }
  if constexpr (requires { made.delivery; }) set(delivery, made.delivery);
  if constexpr (requires { made.max_senders; }) {
    set(senders, made.max_senders);
    set(receivers, made.max_receivers);
  }
  if constexpr (requires { made.max_publishers; }) {
    set(senders, made.max_publishers);
    set(receivers, made.max_subscribers);
  }
  if constexpr (requires { made.take_at_most; }) set(take, made.take_at_most);
  if constexpr (requires { made.join; }) set(join, made.join);
  if constexpr (requires { made.wait; }) {
    const auto wait = [&](endpoint_option option, std::chrono::nanoseconds& member) {
      if (const auto value = where.number(option))
        member = std::chrono::nanoseconds{static_cast<std::int64_t>(*value)};
    };
    wait(spin, made.wait.spin);
    wait(endpoint_option::sleep, made.wait.longest_sleep);
  }
  if constexpr (requires { made.name; }) made.name = base<ring_name_options>(where);
  if constexpr (requires { made.open; }) made.open = base<fifo_open_options>(where);
  return made;
}

[[nodiscard]] inline std::string name_of(const endpoint& where) { return where.target_text(); }

[[nodiscard]] inline endpoint_creation creation_of(const endpoint& where) noexcept {
  const auto said = where.number(endpoint_option::create);
  return said ? static_cast<endpoint_creation>(*said) : endpoint_creation::yes;
}

[[nodiscard]] inline bool persists(const endpoint& where) noexcept {
  return where.number(endpoint_option::persist).value_or(0) != 0;
}

[[nodiscard]] inline frame_options frames(const endpoint& where) {
  return base<frame_options>(where);
}

}  // namespace endpoint_options

}  // namespace sluice
