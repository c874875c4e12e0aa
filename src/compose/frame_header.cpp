#include <sluice/compose/frame_header.hpp>

#include "base/little_endian.hpp"

namespace sluice {

namespace {

// The second word of a header; any single changed bit of either word breaks the relation.
constexpr std::uint32_t check_of(std::uint32_t length) noexcept {
  return ~length ^ 0x5246'4c53;  // "SLFR"
}

}  // namespace

std::array<std::byte, frame_header::size_bytes> frame_header::encode(
    std::uint32_t length) noexcept {
  std::array<std::byte, size_bytes> bytes;
  store_little_endian(length, bytes);
  store_little_endian(check_of(length), mutable_bytes{bytes}.subspan(sizeof length));
  return bytes;
}

result<std::uint32_t> frame_header::decode(const_bytes header) noexcept {
  const auto length = load_little_endian<std::uint32_t>(header);
  const auto check = load_little_endian<std::uint32_t>(header.subspan(sizeof length));
  if (check != check_of(length))
    return failure{errc::corrupt, "frame_header",
                   "these bytes are no frame: the stream is out of step, or its writer does not "
                   "use frames"};
  return length;
}

}  // namespace sluice
