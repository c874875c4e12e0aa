#include <sluice/compose/typed.hpp>

#include "base/little_endian.hpp"

namespace sluice {

void type_header::encode(std::uint64_t hash, mutable_bytes into) noexcept {
  store_little_endian(hash, into);
}

result<void> type_header::check(std::uint64_t expected, const_bytes message) noexcept {
  if (message.size() < size_bytes)
    return failure{errc::corrupt, "typed_receiver", "the message is too short to carry a type"};
  if (load_little_endian<std::uint64_t>(message) != expected)
    return failure{errc::incompatible, "typed_receiver",
                   "the sender means another type, or another version of it"};
  return {};
}

}  // namespace sluice
