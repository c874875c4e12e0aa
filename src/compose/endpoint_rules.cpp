#include "compose/endpoint_rules.hpp"

#include <array>

namespace sluice {

namespace {

using enum endpoint_option;
using enum value_form;

constexpr std::uint64_t most_bytes = std::uint64_t{1} << 46;
constexpr std::uint64_t most_count = 0xffff'ffff;
constexpr std::uint64_t most_id = 0x7fff'ffff;
constexpr std::uint64_t most_type = 0x7fff'ffff'ffff'ffff;
constexpr std::uint64_t most_duration = 1'000'000'000'000'000;  // eleven days, in nanoseconds

// In the order of the enumerations that they stand for.
constexpr std::array<std::string_view, 3> creations{"no", "yes", "only"};
constexpr std::array<std::string_view, 3> when_full{"block", "fail", "drop"};
constexpr std::array<std::string_view, 3> policies{"block", "fail", "overwrite"};
constexpr std::array<std::string_view, 2> departures{"report", "await"};
constexpr std::array<std::string_view, 2> deliveries{"at_least_once", "at_most_once"};
constexpr std::array<std::string_view, 3> joinings{"newest", "oldest", "last"};
constexpr std::array<std::string_view, 3> sockets{"stream", "seqpacket", "datagram"};

constexpr option_rule choice(endpoint_option option, std::string_view name,
                             std::span<const std::string_view> words) {
  return {option, name, word, 0, words.size() - 1, words};
}
constexpr option_rule yes_or_no(endpoint_option option, std::string_view name) {
  return {option, name, flag, 0, 1};
}
constexpr option_rule size(endpoint_option option, std::string_view name) {
  return {option, name, bytes, 1, most_bytes};
}

constexpr option_rule of_create = choice(create, "create", creations);
constexpr option_rule of_persist = yes_or_no(persist, "persist");
constexpr option_rule of_mode{mode, "mode", octal, 0, 0777};
constexpr option_rule of_owner{owner, "owner", count, 0, most_count - 1};
constexpr option_rule of_world = yes_or_no(world_writable, "world_writable");
constexpr option_rule of_directory{directory, "directory", text};
constexpr option_rule of_capacity = size(capacity, "capacity");
constexpr option_rule of_messages{messages, "messages", count, 1, most_count};
constexpr option_rule of_max_message = size(max_message, "max_message");
constexpr option_rule of_full = choice(full, "full", when_full);
constexpr option_rule of_departure = choice(departure, "departure", departures);
constexpr option_rule of_spin{spin, "spin", duration, 0, most_duration};
constexpr option_rule of_sleep{endpoint_option::sleep, "sleep", duration, 1, most_duration};

constexpr option_rule ring_options[]{of_create,   of_persist, of_mode,      of_owner, of_directory,
                                     of_capacity, of_full,    of_departure, of_spin,  of_sleep};
constexpr option_rule queue_options[]{of_create,
                                      of_persist,
                                      of_mode,
                                      of_owner,
                                      of_directory,
                                      of_capacity,
                                      of_full,
                                      of_departure,
                                      choice(delivery, "delivery", deliveries),
                                      option_rule{senders, "senders", count, 1, 256},
                                      option_rule{receivers, "receivers", count, 1, 64},
                                      option_rule{take, "take", count, 1, 64},
                                      of_spin,
                                      of_sleep};
constexpr option_rule topic_options[]{of_create,
                                      of_persist,
                                      of_mode,
                                      of_owner,
                                      of_directory,
                                      of_capacity,
                                      choice(policy, "policy", policies),
                                      of_departure,
                                      option_rule{senders, "publishers", count, 1, 256},
                                      option_rule{receivers, "subscribers", count, 1, 64},
                                      choice(join, "join", joinings),
                                      of_spin,
                                      of_sleep};
constexpr option_rule fifo_options[]{of_create,
                                     of_persist,
                                     of_mode,
                                     of_owner,
                                     of_world,
                                     of_directory,
                                     of_max_message,
                                     option_rule{unfinished, "unfinished", count, 1, most_count},
                                     yes_or_no(stay_open, "stay_open")};
constexpr option_rule sysv_options[]{of_create,
                                     of_persist,
                                     of_mode,
                                     of_owner,
                                     of_world,
                                     of_directory,
                                     of_capacity,
                                     option_rule{project, "project", count, 1, 255},
                                     option_rule{key, "key", hexadecimal, 1, most_count},
                                     option_rule{id, "id", count, 0, most_id},
                                     option_rule{type, "type", count, 1, most_type},
                                     option_rule{up_to, "up_to", count, 1, most_type},
                                     option_rule{except, "except", count, 1, most_type}};
constexpr option_rule mq_options[]{
    of_create, of_persist,  of_mode,        of_owner,
    of_world,  of_messages, of_max_message, option_rule{priority, "priority", count, 0, 32'767}};
constexpr option_rule mailbox_options[]{of_create,    of_persist,  of_mode,       of_owner,
                                        of_directory, of_messages, of_max_message};
constexpr option_rule signal_options[]{option_rule{pair, "pair", count, 0, 15}};
constexpr option_rule pipe_options[]{of_max_message};
constexpr option_rule unix_options[]{of_mode, of_owner, choice(socket, "socket", sockets),
                                     of_max_message};
constexpr option_rule tcp_options[]{yes_or_no(nodelay, "nodelay"), of_max_message};
constexpr option_rule udp_options[]{of_capacity,
                                    option_rule{interface, "interface", count, 1, most_id}};

constexpr scheme_rule all_schemes[]{
    scheme_rule{endpoint_kind::ring, "ring", target_form::name, ring_options},
    scheme_rule{endpoint_kind::queue, "queue", target_form::name, queue_options},
    scheme_rule{endpoint_kind::topic, "topic", target_form::name, topic_options},
    scheme_rule{endpoint_kind::fifo, "fifo", target_form::name, fifo_options},
    scheme_rule{endpoint_kind::sysv, "sysv", target_form::name_or_number, sysv_options},
    scheme_rule{endpoint_kind::mq, "mq", target_form::queue_name, mq_options},
    scheme_rule{endpoint_kind::mailbox, "mailbox", target_form::name, mailbox_options},
    scheme_rule{endpoint_kind::signal, "signal", target_form::process, signal_options},
    scheme_rule{endpoint_kind::pipe, "pipe", target_form::descriptors, pipe_options},
    scheme_rule{endpoint_kind::unix_socket, "unix", target_form::unix_name, unix_options},
    scheme_rule{endpoint_kind::tcp, "tcp", target_form::host_and_port, tcp_options},
    scheme_rule{endpoint_kind::udp, "udp", target_form::host_and_port, udp_options},
};

constexpr unit size_units[]{unit{"G", 1 << 30}, unit{"M", 1 << 20}, unit{"K", 1 << 10},
                            unit{"", 1}};
constexpr unit time_units[]{unit{"s", 1'000'000'000}, unit{"ms", 1'000'000}, unit{"us", 1000},
                            unit{"ns", 1}};
constexpr unit no_units[]{unit{"", 1}};

std::string range_of(const option_rule& rule) {
  return std::to_string(rule.least) + " to " + std::to_string(rule.most);
}

}  // namespace

std::span<const scheme_rule> endpoint_rules::schemes() noexcept { return all_schemes; }

const scheme_rule& endpoint_rules::scheme_of(endpoint_kind kind) noexcept {
  return all_schemes[static_cast<std::size_t>(kind)];
}

std::span<const unit> endpoint_rules::units_of(value_form form) noexcept {
  if (form == bytes) return size_units;
  if (form == duration) return time_units;
  return no_units;
}

std::string endpoint_rules::description_of(const option_rule& rule) {
  const std::string is = std::string{rule.name} + " is ";
  switch (rule.form) {
    case bytes:
      return is + "a size as 4096, 64K, 1M or 2G, above 0";
    case duration:
      return is + "a duration as 500ns, 20us, 100ms or 1s, up to 1000000s";
    case octal:
      return is + "the permission bits in octal, as 0600 or 0640";
    case hexadecimal:
      return is + "a number as 0x5a11 or 23057, not 0";
    case flag:
      return is + "on or off";
    case text:
      return is + "a text, not empty";
    case count:
      return is + "a number from " + range_of(rule);
    case word:
      break;
  }
  std::string all = is;
  for (std::size_t i = 0; i < rule.words.size(); ++i)
    all.append(i == 0 ? "" : ", ").append(rule.words[i]);
  return all;
}

bool endpoint_rules::needs_escape(char letter) noexcept {
  const auto byte = static_cast<unsigned char>(letter);
  return byte <= 0x20 || byte == 0x7f || letter == '?' || letter == '&' || letter == '%';
}

}  // namespace sluice
