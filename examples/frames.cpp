// Frames of a film, without a copy: the camera draws each picture in the ring, where the screen
// looks at it. Two processes; a frame is 3 bytes for each of 640 x 480 points. The screen makes a
// checksum of what it sees, as the camera did of what it drew, and writes the last frame to a file
// in a format that most programs show.
//
//   frames FILE.ppm [COUNT]

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sluice/channel/ring_channel.hpp>
#include <sluice/os/process.hpp>
#include <string>

namespace {

using namespace sluice;

constexpr std::size_t width = 640;
constexpr std::size_t height = 480;
constexpr long radius = 60;
constexpr std::size_t frame_bytes = width * height * 3;

// A disc that wanders over a gradient. Drawn straight into the memory that the other process reads.
void draw(mutable_bytes picture, unsigned number) {
  const long center_x = 80 + static_cast<long>(number * std::size_t{7} % (width - 160));
  const long center_y = 80 + static_cast<long>(number * std::size_t{3} % (height - 160));
  std::size_t at = 0;
  for (long y = 0; y < static_cast<long>(height); ++y) {
    for (long x = 0; x < static_cast<long>(width); ++x) {
      const long dx = x - center_x;
      const long dy = y - center_y;
      const bool is_disc = dx * dx + dy * dy < radius * radius;
      picture[at++] = static_cast<std::byte>(is_disc ? 255 : x * 255 / static_cast<long>(width));
      picture[at++] = static_cast<std::byte>(is_disc ? 220 : y * 255 / static_cast<long>(height));
      picture[at++] = static_cast<std::byte>(is_disc ? 40 : 128);
    }
  }
}

std::uint64_t checksum(const_bytes picture) {
  std::uint64_t sum = 14695981039346656037U;  // FNV-1a
  for (const std::byte one : picture)
    sum = (sum ^ static_cast<std::uint64_t>(one)) * 1099511628211U;
  return sum;
}

// Sends the frames, and at the end a short message: the checksum of all of them.
int film(const ring_channel& ring, unsigned count) {
  auto sender = ring_sender::attach(ring).value();
  std::uint64_t all = 0;
  for (unsigned number = 0; number < count; ++number) {
    auto window = sender.try_claim(frame_bytes);
    while (!window && would_block(window.error())) {
      sender.wait_writable(deadline::never()).value();
      window = sender.try_claim(frame_bytes);
    }
    draw(window.value().bytes(), number);
    all = all * 31 + checksum(window->bytes());
    window->commit();
  }
  sender.send(bytes_of(all)).value();
  return 0;
}

void write_picture(const char* path, const_bytes picture) {
  std::ofstream file{path, std::ios::binary};
  file << "P6\n" << width << ' ' << height << "\n255\n" << text_of(picture);
  if (!file.flush()) throw std::runtime_error{std::string{"cannot write "} + path};
}

}  // namespace

int main(int argument_count, char** arguments) try {
  if (argument_count < 2) {
    std::cerr << "usage: frames FILE.ppm [COUNT]\n";
    return 2;
  }
  const unsigned count =
      argument_count > 2 ? static_cast<unsigned>(std::strtoul(arguments[2], nullptr, 10)) : 60;
  // Four frames and what belongs to them: a message takes at most half of its ring.
  auto ring = ring_channel::create_anonymous({.capacity_bytes = std::size_t{4} << 20}).value();
  auto camera = process::fork([&] { return film(ring, count); }).value();

  auto receiver = ring_receiver::attach(ring).value();
  std::uint64_t all = 0;
  unsigned seen = 0;
  for (;;) {
    receiver.wait_readable(deadline::never()).value();
    auto frame = receiver.try_peek().value();
    if (frame.bytes().size() != frame_bytes) {
      frame.put_back();  // the camera's checksum: received below
      break;
    }
    all = all * 31 + checksum(frame.bytes());
    if (++seen == count) write_picture(arguments[1], frame.bytes());
  }  // here the frame is released
  std::uint64_t promised = 0;
  receiver.receive(writable_bytes_of(promised)).value();
  camera.wait().value();
  std::cout << seen << " frames of " << width << " x " << height
            << " seen where they were drawn: " << (all == promised ? "all as they were" : "DAMAGED")
            << '\n';
  return seen == count && all == promised ? 0 : 1;
} catch (const std::exception& failed) {
  std::cerr << "frames: " << failed.what() << '\n';
  return 1;
}
