#include "channel/fragment.hpp"

#include "base/little_endian.hpp"

namespace sluice {

namespace {

// Offsets in the header; the fields follow each other without gaps.
constexpr std::size_t at_magic = 0;
constexpr std::size_t at_check = 4;
constexpr std::size_t at_sender = 8;
constexpr std::size_t at_sequence = 16;
constexpr std::size_t at_total = 20;
constexpr std::size_t at_offset = 24;
constexpr std::size_t at_size = 28;
static_assert(at_size + 4 == fragment_header::size_bytes);

// Mixes the 24 bytes of the fields into 32 bits: enough to tell a header from anything else that
// somebody may write into a FIFO by mistake. It does not protect against malice.
std::uint32_t check_of(const_bytes header) noexcept {
  std::uint64_t hash = fragment_header::magic;
  for (std::size_t at = at_sender; at < fragment_header::size_bytes; at += 8) {
    hash = (hash ^ load_little_endian<std::uint64_t>(header.subspan(at))) * 0x9e37'79b9'7f4a'7c15;
    hash ^= hash >> 32;
  }
  return static_cast<std::uint32_t>(hash);
}

}  // namespace

std::array<std::byte, fragment_header::size_bytes> fragment_header::encode() const noexcept {
  std::array<std::byte, size_bytes> bytes;
  const mutable_bytes all{bytes};
  store_little_endian(magic, all.subspan(at_magic));
  store_little_endian(sender, all.subspan(at_sender));
  store_little_endian(sequence, all.subspan(at_sequence));
  store_little_endian(total, all.subspan(at_total));
  store_little_endian(offset, all.subspan(at_offset));
  store_little_endian(size, all.subspan(at_size));
  store_little_endian(check_of(all), all.subspan(at_check));
  return bytes;
}

std::optional<fragment_header> fragment_header::decode(const_bytes bytes) noexcept {
  if (bytes.size() < size_bytes) return std::nullopt;
  if (load_little_endian<std::uint32_t>(bytes.subspan(at_magic)) != magic) return std::nullopt;
  if (load_little_endian<std::uint32_t>(bytes.subspan(at_check)) != check_of(bytes))
    return std::nullopt;
  const fragment_header header{
      .sender = load_little_endian<std::uint64_t>(bytes.subspan(at_sender)),
      .sequence = load_little_endian<std::uint32_t>(bytes.subspan(at_sequence)),
      .total = load_little_endian<std::uint32_t>(bytes.subspan(at_total)),
      .offset = load_little_endian<std::uint32_t>(bytes.subspan(at_offset)),
      .size = load_little_endian<std::uint32_t>(bytes.subspan(at_size)),
  };
  const bool fits = header.size <= max_payload_bytes && header.offset <= header.total &&
                    header.size <= header.total - header.offset;
  // Only the message without bytes has a fragment without bytes, so that each one makes progress.
  const bool advances = header.size != 0 || header.total == 0;
  if (!fits || !advances) return std::nullopt;
  return header;
}

}  // namespace sluice
