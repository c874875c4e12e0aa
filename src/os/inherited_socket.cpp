#include "os/inherited_socket.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <optional>
#include <string_view>

#include "os/syscall.hpp"
#include "os/syscall_liveness.hpp"

namespace sluice::inherited_socket {

namespace {

constexpr const char* operation = "LISTEN_FDS";
constexpr int first_number = 3;
constexpr long most = 1024;

std::optional<long> number_in(const char* variable) {
  const char* text = std::getenv(variable);  // NOLINT(concurrency-mt-unsafe)
  if (text == nullptr) return std::nullopt;
  const std::string_view all{text};
  long number = 0;
  const auto [end, problem] = std::from_chars(all.data(), all.data() + all.size(), number);
  if (problem != std::errc{} || end != all.data() + all.size()) return std::nullopt;
  return number;
}

}  // namespace

result<unique_fd> take(std::size_t index, std::initializer_list<syscall::socket_family> families,
                       socket_type type) {
  const auto process = number_in("LISTEN_PID");
  const auto count = number_in("LISTEN_FDS");
  if (!process || !count)
    return failure{std::errc::no_such_device_or_address, operation,
                   "no service manager handed sockets to this process"};
  if (*process != syscall::process_id())
    return failure{std::errc::no_such_device_or_address, operation,
                   "the sockets were handed to another process: LISTEN_PID is not ours"};
  if (*count < 0 || *count > most || index >= static_cast<std::size_t>(*count))
    return failure{std::errc::invalid_argument, operation,
                   "there are fewer sockets than this index"};
  const int fd = first_number + static_cast<int>(index);
  auto facts = syscall::facts_of(fd);
  if (!facts) return failure{facts.error()};
  if (std::ranges::find(families, facts->family) == families.end() || facts->type != type)
    return failure{std::errc::invalid_argument, operation,
                   "the inherited socket is of another type"};
  if (!facts->is_listening)
    return failure{std::errc::invalid_argument, operation, "the inherited socket does not listen"};
  if (auto set = syscall::set_close_on_exec(fd); !set) return failure{set.error()};
  return unique_fd{fd};
}

}  // namespace sluice::inherited_socket
