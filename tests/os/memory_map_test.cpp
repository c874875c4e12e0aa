#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <limits>
#include <new>
#include <sluice/os/memory_map.hpp>
#include <string>
#include <utility>

#include "support/child.hpp"

namespace sluice {
namespace {

using test::child;

const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));

// A file in memory of two pages whose first bytes are "abc".
unique_fd file_of_two_pages() {
  unique_fd file{::memfd_create("memory_map_test", MFD_CLOEXEC)};
  EXPECT_EQ(::ftruncate(file.get(), static_cast<off_t>(2 * page)), 0);
  EXPECT_EQ(::pwrite(file.get(), "abc", 3, 0), 3);
  return file;
}

TEST(MemoryMap, shows_the_bytes_of_the_file_and_writes_to_it) {
  const unique_fd file = file_of_two_pages();
  auto map = memory_map::map(file.get(), {.size_bytes = 2 * page});
  ASSERT_TRUE(map);
  EXPECT_EQ(map->size_bytes(), 2 * page);
  EXPECT_EQ(text_of(map->bytes().first(3)), "abc");
  map->writable_bytes()[0] = std::byte{'x'};
  std::array<char, 3> read{};
  ASSERT_EQ(::pread(file.get(), read.data(), read.size(), 0), 3);
  EXPECT_EQ((std::string_view{read.data(), read.size()}), "xbc");
}

TEST(MemoryMap, begins_at_the_offset) {
  const unique_fd file = file_of_two_pages();
  ASSERT_EQ(::pwrite(file.get(), "second", 6, static_cast<off_t>(page)), 6);
  auto map = memory_map::map(file.get(), {.size_bytes = 6, .offset_bytes = page});
  ASSERT_TRUE(map);
  EXPECT_EQ(text_of(map->bytes()), "second");
}

TEST(MemoryMap, that_is_read_only_has_no_writable_bytes) {
  const unique_fd file = file_of_two_pages();
  const unique_fd reader{
      ::open(("/proc/self/fd/" + std::to_string(file.get())).c_str(), O_RDONLY | O_CLOEXEC)};
  auto map = memory_map::map(reader.get(), {.size_bytes = page, .access = map_access::read_only});
  ASSERT_TRUE(map);
  EXPECT_EQ(text_of(map->bytes().first(3)), "abc");
  EXPECT_TRUE(map->writable_bytes().empty());
}

// The mapping itself refuses, not our good manners alone.
TEST(MemoryMap, that_is_read_only_kills_who_writes_all_the_same) {
  const unique_fd file = file_of_two_pages();
  auto map = memory_map::map(file.get(), {.size_bytes = page, .access = map_access::read_only});
  ASSERT_TRUE(map);
  child writer{[&] {
    ::signal(SIGSEGV, SIG_DFL);  // a sanitizer would report it in its own way
    *const_cast<volatile std::byte*>(map->bytes().data()) = std::byte{1};
  }};
  EXPECT_EQ(writer.wait().signal, SIGSEGV);
}

TEST(MemoryMap, outlives_the_descriptor) {
  unique_fd file = file_of_two_pages();
  auto map = memory_map::map(file.get(), {.size_bytes = page});
  ASSERT_TRUE(map);
  file.reset();
  EXPECT_EQ(text_of(map->bytes().first(3)), "abc");
}

// Touching what lies beyond the end of the file would kill by SIGBUS.
TEST(MemoryMap, refuses_ranges_that_are_not_in_the_file) {
  constexpr std::size_t most = std::numeric_limits<std::size_t>::max();
  const unique_fd file = file_of_two_pages();
  for (const memory_map_options& options : {
           memory_map_options{.size_bytes = 0},
           memory_map_options{.size_bytes = 2 * page + 1},
           memory_map_options{.size_bytes = most},
           memory_map_options{.size_bytes = page + 1, .offset_bytes = page},
           memory_map_options{.size_bytes = 1, .offset_bytes = 2 * page},
           memory_map_options{.size_bytes = page, .offset_bytes = 0 - page},
           memory_map_options{.size_bytes = 2, .offset_bytes = most},
       }) {
    auto map = memory_map::map(file.get(), options);
    ASSERT_FALSE(map) << options.size_bytes << " at " << options.offset_bytes;
    EXPECT_TRUE(map.error() == std::errc::invalid_argument) << map.error().message();
    EXPECT_STREQ(map.error().operation(), "memory_map::map");
  }
}

TEST(MemoryMap, reports_what_mmap_refuses) {
  const unique_fd file = file_of_two_pages();
  auto odd = memory_map::map(file.get(), {.size_bytes = 1, .offset_bytes = 1});
  ASSERT_FALSE(odd);
  EXPECT_TRUE(odd.error() == std::errc::invalid_argument);
  EXPECT_STREQ(odd.error().operation(), "mmap");

  const unique_fd reader{::open("/proc/self/exe", O_RDONLY | O_CLOEXEC)};
  auto writable = memory_map::map(reader.get(), {.size_bytes = page});
  ASSERT_FALSE(writable);
  EXPECT_TRUE(writable.error() == std::errc::permission_denied);

  auto closed = memory_map::map(-1, {.size_bytes = page});
  ASSERT_FALSE(closed);
  EXPECT_TRUE(closed.error() == std::errc::bad_file_descriptor);
}

TEST(MemoryMap, without_a_file_is_zeroed_and_shared_with_a_forked_child) {
  auto map = memory_map::create_anonymous(page);
  ASSERT_TRUE(map);
  for (const std::byte byte : map->bytes()) ASSERT_EQ(byte, std::byte{0});
  child writer{[&] { map->writable_bytes()[5] = std::byte{42}; }};
  writer.wait_success();
  EXPECT_EQ(map->bytes()[5], std::byte{42});
}

TEST(MemoryMap, without_a_file_may_have_any_size) {
  for (const std::size_t size : {std::size_t{1}, page - 1, page + 1, std::size_t{40} << 20}) {
    auto map = memory_map::create_anonymous(size);
    ASSERT_TRUE(map) << map.error().message();
    EXPECT_EQ(map->size_bytes(), size);
    map->writable_bytes().back() = std::byte{1};
  }
}

TEST(MemoryMap, without_a_file_and_without_a_size_is_refused) {
  auto map = memory_map::create_anonymous(0);
  ASSERT_FALSE(map);
  EXPECT_TRUE(map.error() == std::errc::invalid_argument);
}

// F22: an error now, not the kernel's killer later.
TEST(MemoryMap, that_no_machine_can_hold_is_refused_at_creation) {
  for (const std::size_t size :
       {std::numeric_limits<std::size_t>::max(), std::size_t{1} << 62, std::size_t{1} << 46}) {
    auto map = memory_map::create_anonymous(size);
    ASSERT_FALSE(map) << size;
    EXPECT_TRUE(map.error() == std::errc::not_enough_memory) << map.error().message();
    EXPECT_STRNE(map.error().hint(), "");
  }
}

TEST(MemoryMap, hands_its_mapping_over_when_moved) {
  auto made = memory_map::create_anonymous(page);
  ASSERT_TRUE(made);
  const std::byte* address = made->bytes().data();
  memory_map second{*std::move(made)};
  EXPECT_EQ(second.bytes().data(), address);
  EXPECT_TRUE(made->bytes().empty());  // NOLINT(bugprone-use-after-move): that is the promise
  auto other = memory_map::create_anonymous(2 * page);
  ASSERT_TRUE(other);
  second = *std::move(other);
  EXPECT_EQ(second.size_bytes(), 2 * page);
}

TEST(MemoryMap, is_gone_with_its_owner) {
  const void* address = nullptr;
  {
    auto map = memory_map::create_anonymous(page);
    ASSERT_TRUE(map);
    address = map->bytes().data();
  }
  unsigned char resident = 0;
  EXPECT_NE(::mincore(const_cast<void*>(address), page, &resident), 0);
}

}  // namespace
}  // namespace sluice
