#include <sluice/compose/frame_header.hpp>

namespace sluice {

result<std::uint32_t> frame_header::decode(const_bytes header) noexcept {
  if (const auto length = length_of(header)) return *length;
  return failure{errc::corrupt, "frame_header",
                 "these bytes are no frame: the stream is out of step, or its writer does not "
                 "use frames"};
}

}  // namespace sluice
