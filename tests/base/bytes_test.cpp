#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <sluice/base/bytes.hpp>
#include <string>

namespace sluice {
namespace {

struct pair_of_bytes {
  std::uint8_t first;
  std::uint8_t second;
};

template <class T>
concept has_bytes = requires(T& object) { bytes_of(object); };
template <class T>
concept has_writable_bytes = requires(T& object) { writable_bytes_of(object); };

// What cannot be copied byte by byte has no bytes, and what is constant cannot be overwritten.
static_assert(has_bytes<int> && has_bytes<const int> && has_bytes<pair_of_bytes>);
static_assert(!has_bytes<std::array<std::string, 2>>);
static_assert(has_writable_bytes<int> && !has_writable_bytes<const int>);
static_assert(!has_writable_bytes<std::string>);

TEST(Bytes, of_a_text_have_no_terminator) {
  EXPECT_EQ(bytes_of("abc").size(), 3u);
  EXPECT_EQ(bytes_of(std::string{"ab\0c", 4}).size(), 4u);
  EXPECT_TRUE(bytes_of(std::string_view{}).empty());
}

TEST(Bytes, of_an_object_are_its_representation) {
  const pair_of_bytes object{1, 2};
  EXPECT_THAT(bytes_of(object), testing::ElementsAre(std::byte{1}, std::byte{2}));
  EXPECT_EQ(static_cast<const void*>(bytes_of(object).data()), &object);
}

TEST(Bytes, written_through_a_view_change_the_object) {
  pair_of_bytes object{1, 2};
  writable_bytes_of(object)[1] = std::byte{7};
  EXPECT_EQ(object.second, 7);
}

TEST(Bytes, are_read_as_the_text_they_came_from) {
  const std::string text{"ab\0c", 4};
  EXPECT_EQ(text_of(bytes_of(text)), text);
  EXPECT_EQ(text_of(const_bytes{}), "");
}

TEST(Bytes, of_all_parts_are_counted) {
  const std::array<const_bytes, 3> parts{bytes_of("ab"), const_bytes{}, bytes_of("cde")};
  EXPECT_EQ(total_size(parts), 5u);
  EXPECT_EQ(total_size({}), 0u);
}

TEST(Bytes, are_copied_up_to_the_smaller_of_both_sizes) {
  std::array<std::byte, 4> into{};
  EXPECT_EQ(copy_bytes(bytes_of("ab"), into), 2u);
  EXPECT_EQ(text_of(const_bytes{into}.first(2)), "ab");
  EXPECT_EQ(into[2], std::byte{0});
  EXPECT_EQ(copy_bytes(bytes_of("uvwxyz"), into), 4u);
  EXPECT_EQ(text_of(into), "uvwx");
  EXPECT_EQ(copy_bytes(const_bytes{}, into), 0u);
  EXPECT_EQ(copy_bytes(bytes_of("a"), mutable_bytes{}), 0u);
}

}  // namespace
}  // namespace sluice
