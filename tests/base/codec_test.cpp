#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <sluice/base/codec.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace wire {

struct tick {
  std::int64_t price;
  std::int32_t size;
};
struct versioned_tick {
  static constexpr std::string_view type_name = "tick/2";
  std::int64_t price;
};
struct renamed_tick {
  static constexpr std::string_view type_name = "tick/2";
  std::int64_t cost;
};
template <class T>
struct box {
  T value;
};
template <std::size_t Levels>
struct book {
  std::array<std::int64_t, Levels> prices;
};

}  // namespace wire

namespace sluice {

struct point {
  int x = 0;
  int y = 0;
  friend bool operator==(const point&, const point&) = default;
};

// What a user writes for a type of their own: any size, and a decoder that refuses.
template <>
struct codec<std::vector<point>> {
  static std::size_t encoded_size(const std::vector<point>& all) {
    return all.size() * sizeof(point);
  }
  static void encode(const std::vector<point>& all, mutable_bytes into) {
    copy_bytes(std::as_bytes(std::span{all}), into);
  }
  static result<std::vector<point>> decode(const_bytes from) {
    if (from.size() % sizeof(point) != 0) return failure{errc::corrupt, "decode"};
    std::vector<point> all(from.size() / sizeof(point));
    copy_bytes(from, std::as_writable_bytes(std::span{all}));
    return all;
  }
};

namespace {

static_assert(plain_data<int> && plain_data<double> && plain_data<wire::tick>);
static_assert(plain_data<std::array<int, 3>> && plain_data<std::byte>);
// What is an address in this process means nothing in another.
static_assert(!plain_data<int*> && !plain_data<const char*> && !plain_data<void (*)()>);
static_assert(!plain_data<int point::*> && !plain_data<std::nullptr_t>);
static_assert(!plain_data<std::string_view> && !plain_data<std::u8string_view>);
static_assert(!plain_data<std::span<int>> && !plain_data<std::span<const std::byte, 4>>);
static_assert(!plain_data<const_bytes> && !plain_data<mutable_bytes>);
static_assert(!plain_data<std::string> && !plain_data<std::unique_ptr<int>>);
// No type of a value.
static_assert(!plain_data<const int> && !plain_data<volatile int> && !plain_data<int&>);
static_assert(!plain_data<int[3]> && !plain_data<void>);

static_assert(encodable<int> && encodable<wire::tick> && encodable<std::string>);
static_assert(encodable<std::vector<point>>);
static_assert(!encodable<std::string_view> && !encodable<int*> && !encodable<std::vector<int>>);

template <class T>
std::vector<std::byte> encoded(const T& value) {
  std::vector<std::byte> bytes(codec<T>::encoded_size(value));
  codec<T>::encode(value, bytes);
  return bytes;
}

template <class T>
result<T> round_trip(const T& value) {
  return codec<T>::decode(encoded(value));
}

TEST(Codec, brings_plain_values_back) {
  EXPECT_EQ(round_trip(std::numeric_limits<int>::min()).value_or(0),
            std::numeric_limits<int>::min());
  EXPECT_EQ(round_trip(point{1, -2}).value_or(point{}), (point{1, -2}));
  EXPECT_TRUE(round_trip(true).value_or(false));
  EXPECT_FALSE(round_trip(false).value_or(true));
}

TEST(Codec, brings_text_of_any_bytes_back) {
  for (const std::string& text : {std::string{}, std::string{"abc"}, std::string{"a\0\xff", 3}})
    EXPECT_EQ(round_trip(text).value_or("?"), text);
}

TEST(Codec, of_a_users_type_is_found) {
  const std::vector<point> all{{1, 2}, {3, 4}};
  EXPECT_EQ(round_trip(all).value_or(std::vector<point>{}), all);
  EXPECT_TRUE(codec<std::vector<point>>::decode(bytes_of("abc")).error() == errc::corrupt);
}

TEST(Codec, refuses_bytes_of_another_size) {
  const std::vector<std::byte> bytes(2 * sizeof(point));
  for (const std::size_t size : {std::size_t{0}, sizeof(point) - 1, sizeof(point) + 1}) {
    auto decoded = codec<point>::decode(const_bytes{bytes}.first(size));
    ASSERT_FALSE(decoded) << size;
    EXPECT_TRUE(decoded.error() == errc::corrupt);
    EXPECT_STREQ(decoded.error().operation(), "codec::decode");
  }
}

TEST(Codec, refuses_a_bool_that_is_neither_true_nor_false) {
  const std::byte two{2};
  EXPECT_TRUE(codec<bool>::decode(bytes_of(two)).error() == errc::corrupt);
}

// Where the bytes lie in a buffer is chance.
TEST(Codec, decodes_from_any_alignment) {
  std::array<std::byte, sizeof(std::int64_t) + 1> buffer{};
  const mutable_bytes odd = mutable_bytes{buffer}.subspan(1);
  codec<std::int64_t>::encode(-5, odd);
  EXPECT_EQ(codec<std::int64_t>::decode(odd).value_or(0), -5);
}

TEST(TypeName, of_an_integer_is_its_size) {
  EXPECT_EQ(type_name<int>(), "int32");
  EXPECT_EQ(type_name<unsigned char>(), "uint8");
  EXPECT_EQ(type_name<signed char>(), "int8");
  EXPECT_EQ(type_name<short>(), "int16");
  EXPECT_EQ(type_name<unsigned long long>(), "uint64");
  EXPECT_EQ(type_name<std::uint64_t>(), "uint64");
}

TEST(TypeName, of_other_types_is_the_name_in_cpp) {
  EXPECT_EQ(type_name<char>(), "char");
  EXPECT_EQ(type_name<bool>(), "bool");
  EXPECT_EQ(type_name<double>(), "double");
  EXPECT_EQ(type_name<wire::tick>(), "wire::tick");
  EXPECT_EQ(type_name<wire::box<int>>(), "wire::box<int>");
  EXPECT_EQ(type_name<std::string>(), "std::string");
}

TEST(TypeName, is_what_the_type_says_it_is) {
  EXPECT_EQ(type_name<wire::versioned_tick>(), "tick/2");
  EXPECT_EQ(type_hash<wire::versioned_tick>(), type_hash<wire::renamed_tick>());
}

TEST(TypeName, is_whole_also_with_brackets_in_it) {
  EXPECT_TRUE(type_name<wire::box<int[3]>>().ends_with("]>")) << type_name<wire::box<int[3]>>();
}

// Written down once, so that every compiler is held to the same values.
TEST(TypeHash, is_the_same_with_every_compiler) {
  EXPECT_EQ(type_hash<std::int32_t>(), 0xb7dd'aa1c'23c4'42dfu);
  EXPECT_EQ(type_hash<std::uint64_t>(), 0x4044'cd64'c77e'0c6bu);
  EXPECT_EQ(type_hash<std::int64_t>(), 0xcc19'fbf2'924a'38c4u);
  EXPECT_EQ(type_hash<long long>(), 0xcc19'fbf2'924a'38c4u);
  EXPECT_EQ(type_hash<std::uint8_t>(), 0xd161'9e82'5446'a6bdu);
  EXPECT_EQ(type_hash<char>(), 0x2661'3f03'37b5'c1cfu);
  EXPECT_EQ(type_hash<bool>(), 0x55dd'a481'1e0e'07cfu);
  EXPECT_EQ(type_hash<double>(), 0xe700'5933'06a4'9538u);
  EXPECT_EQ(type_hash<std::string>(), 0x2767'bd74'7119'cc57u);
  EXPECT_EQ(type_hash<wire::tick>(), 0x0a78'856e'22b8'a569u);
  EXPECT_EQ(type_hash<wire::versioned_tick>(), 0xbda8'7506'3b84'a731u);
}

TEST(TypeHash, changes_with_the_size) {
  EXPECT_NE(type_hash<std::int32_t>(), type_hash<std::int64_t>());
  EXPECT_NE(type_hash<wire::book<4>>(), type_hash<wire::book<5>>());
}

}  // namespace
}  // namespace sluice
