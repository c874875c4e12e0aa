#include <sluice/base/name.hpp>
#include <sluice/compose/request_presence.hpp>

#include "compose/request_presence_name.hpp"
#include "os/presence_file.hpp"
#include "os/syscall.hpp"

namespace sluice {

namespace {

constexpr int most_draws = 100;

result<name_place> place_of(std::string_view name, const request_presence_options& options) {
  auto parsed = channel_name::parse(name);
  if (!parsed) return failure{parsed.error()};
  return name_place::resolve(*parsed, presence_name::suffix, options.directory);
}

named_file::trust trust_of(const request_presence_options& options) {
  return {.owner = options.owner.value_or(syscall::effective_user()),
          .world_writable = options.world_writable};
}

// A number that nobody had before: by chance, as the numbers of clients.
result<std::uint32_t> hold_a_new_one(liveness& life) {
  for (int draws = 0; draws < most_draws; ++draws) {
    auto drawn = syscall::random_number();
    if (!drawn) return failure{drawn.error()};
    const auto number = static_cast<std::uint32_t>(*drawn);
    if (number == request_presence::number_of_client) continue;
    auto held = life.try_hold(number);
    if (!held) return failure{held.error()};
    if (*held) return number;
  }
  return failure{std::errc::device_or_resource_busy, "request_presence",
                 "somebody has locked the whole file"};
}

}  // namespace

result<request_presence> request_presence::create(std::string_view name,
                                                  const request_presence_options& options) {
  auto place = place_of(name, options);
  if (!place) return failure{place.error()};
  if (auto allowed = named_file::check_mode(options.mode, *place, options.directory,
                                            "request_presence::create");
      !allowed)
    return failure{allowed.error()};
  auto made = presence_file::create(*place, options.mode);
  if (!made) return failure{made.error()};
  owned_name owned{std::move(*place), made->identity};
  auto life = liveness::from_native(std::move(made->fd));
  if (!life) return failure{life.error()};
  auto held = life->try_hold(number_of_client);
  if (!held) return failure{held.error()};
  if (!*held)
    return failure{std::errc::device_or_resource_busy, "request_presence::create",
                   "somebody else has locked the client's number"};
  return request_presence{std::move(*life), std::move(owned), number_of_client};
}

result<request_presence> request_presence::open(std::string_view name,
                                                const request_presence_options& options) {
  auto place = place_of(name, options);
  if (!place) return failure{place.error()};
  auto found = presence_file::open(*place, trust_of(options));
  if (!found) return failure{found.error()};
  auto life = liveness::from_native(std::move(found->fd));
  if (!life) return failure{life.error()};
  auto number = hold_a_new_one(*life);
  if (!number) return failure{number.error()};
  return request_presence{std::move(*life), std::nullopt, *number};
}

result<void> request_presence::unlink(std::string_view name,
                                      const request_presence_options& options) {
  auto place = place_of(name, options);
  if (!place) return failure{place.error()};
  return presence_file::unlink(*place, trust_of(options));
}

}  // namespace sluice
