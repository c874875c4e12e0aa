#include "one_process.hpp"

#include <cerrno>
#include <string>
#include <system_error>

namespace bench {

std::vector<cell> cells_of(std::span<const one_process_kind> kinds) {
  std::vector<cell> cells;
  for (const std::size_t size : {64U, 4096U})
    for (const one_process_kind& one : kinds)
      cells.push_back({.name = std::string{one.name} + "/" + std::to_string(size) + "/one_process",
                       .message_bytes = size,
                       .open = [=](const cell_settings& s) { return one.open(size, s); }});
  return cells;
}

std::size_t expect_bytes(ssize_t outcome, const char* operation) {
  if (outcome < 0) throw std::system_error{errno, std::generic_category(), operation};
  return static_cast<std::size_t>(outcome);
}

}  // namespace bench
