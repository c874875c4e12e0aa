#pragma once
// All targets. tests/fuzz/README.md says what each of them covers.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

extern "C" {
int sluice_fuzz_command_lines(const std::uint8_t* data, std::size_t size);
int sluice_fuzz_descriptors(const std::uint8_t* data, std::size_t size);
int sluice_fuzz_endpoints(const std::uint8_t* data, std::size_t size);
int sluice_fuzz_fragments(const std::uint8_t* data, std::size_t size);
int sluice_fuzz_frames(const std::uint8_t* data, std::size_t size);
int sluice_fuzz_hand_over(const std::uint8_t* data, std::size_t size);
int sluice_fuzz_hardened(const std::uint8_t* data, std::size_t size);
int sluice_fuzz_inherited(const std::uint8_t* data, std::size_t size);
int sluice_fuzz_kernel_texts(const std::uint8_t* data, std::size_t size);
int sluice_fuzz_key_files(const std::uint8_t* data, std::size_t size);
int sluice_fuzz_mailboxes(const std::uint8_t* data, std::size_t size);
int sluice_fuzz_packets(const std::uint8_t* data, std::size_t size);
int sluice_fuzz_requests(const std::uint8_t* data, std::size_t size);
int sluice_fuzz_rings(const std::uint8_t* data, std::size_t size);
}

namespace sluice::test {

struct fuzz_target {
  std::string_view name;
  int (*run)(const std::uint8_t* data, std::size_t size);
};

inline constexpr std::array fuzz_targets{
    fuzz_target{"command_lines", sluice_fuzz_command_lines},
    fuzz_target{"descriptors", sluice_fuzz_descriptors},
    fuzz_target{"endpoints", sluice_fuzz_endpoints},
    fuzz_target{"fragments", sluice_fuzz_fragments},
    fuzz_target{"frames", sluice_fuzz_frames},
    fuzz_target{"hand_over", sluice_fuzz_hand_over},
    fuzz_target{"hardened", sluice_fuzz_hardened},
    fuzz_target{"inherited", sluice_fuzz_inherited},
    fuzz_target{"kernel_texts", sluice_fuzz_kernel_texts},
    fuzz_target{"key_files", sluice_fuzz_key_files},
    fuzz_target{"mailboxes", sluice_fuzz_mailboxes},
    fuzz_target{"packets", sluice_fuzz_packets},
    fuzz_target{"requests", sluice_fuzz_requests},
    fuzz_target{"rings", sluice_fuzz_rings},
};

}  // namespace sluice::test
