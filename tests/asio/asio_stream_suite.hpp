#pragma once
// What every stream of bytes does in the event loop of Asio.

#include <fcntl.h>

#include <array>
#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "asio/asio_support.hpp"

namespace sluice::test {

template <class Link>
class AsioStream : public testing::Test {
 protected:
  using reader_type = typename decltype(Link::reader)::value_type;
  using writer_type = typename decltype(Link::writer)::value_type;
  asio::io_context context;
  Link link;
  asio_end<reader_type> reader = in_loop(context, std::move(*link.reader));
  asio_end<writer_type> writer = in_loop(context, std::move(*link.writer));
};
TYPED_TEST_SUITE_P(AsioStream);

inline std::vector<std::byte> many_bytes() {
  std::vector<std::byte> bytes(1'000'000);  // more than a pipe holds
  for (std::size_t at = 0; at < bytes.size(); ++at)
    bytes[at] = static_cast<std::byte>(at * 2'654'435'761U >> 13);
  return bytes;
}

template <class End>
int flags_of(const asio_end<End>& looped) {
  return ::fcntl(looped.end().native_handle(), F_GETFL);
}

// Who else has the description open is not to find it changed: Asio makes what it waits for
// non-blocking, also by a wait alone.
TYPED_TEST_P(AsioStream, carries_bytes_and_leaves_the_open_description_as_it_was) {
  const int of_reader = flags_of(this->reader);
  const int of_writer = flags_of(this->writer);
  const std::vector<std::byte> bytes = many_bytes();
  std::vector<std::byte> received;
  start(this->context, [](auto& in, auto& all) -> asio::awaitable<void> {
    for (;;) {
      std::array<std::byte, 5000> buffer;
      const auto size = co_await in.async_read_some(buffer, asio::use_awaitable);
      if (!size) {
        EXPECT_EQ(size.error(), errc::closed);
        co_return;
      }
      all.insert(all.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(*size));
    }
  }(this->reader, received));
  start(this->context, [](auto& out, const_bytes rest) -> asio::awaitable<void> {
    while (!rest.empty()) {
      const auto taken = co_await out.async_write_some(rest, asio::use_awaitable);
      EXPECT_TRUE(taken) << taken.error().message();
      if (!taken) co_return;
      rest = rest.subspan(*taken);
    }
    auto gone = std::move(out);
  }(this->writer, bytes));
  poll(this->context);
  if (TypeParam::shares_description) {
    EXPECT_EQ(flags_of(this->reader), of_reader);
  }
  run(this->context);
  EXPECT_TRUE(received == bytes);
  if (TypeParam::shares_description) {
    EXPECT_EQ(flags_of(this->reader), of_reader);
    EXPECT_EQ(of_reader & O_NONBLOCK, 0);
    EXPECT_EQ(of_writer & O_NONBLOCK, 0);
  }
}

TYPED_TEST_P(AsioStream, tells_who_writes_to_nobody) {
  std::optional<result<std::size_t>> all_taken;
  const std::vector<std::byte> bytes = many_bytes();
  int flags = 0;
  start(this->context, [](auto& out, auto& last, const_bytes some) -> asio::awaitable<void> {
    do {
      last.emplace(co_await out.async_write_some(some, asio::use_awaitable));
    } while (*last);
  }(this->writer, all_taken, bytes));
  poll(this->context);
  flags = flags_of(this->writer);
  ASSERT_TRUE(all_taken && *all_taken) << "it waits for room";
  { auto gone = std::move(this->reader); }
  run(this->context);
  EXPECT_EQ(all_taken->error(), std::errc::broken_pipe);
  if (TypeParam::shares_description) {
    EXPECT_EQ(flags & O_NONBLOCK, 0);
  }
}

REGISTER_TYPED_TEST_SUITE_P(AsioStream, carries_bytes_and_leaves_the_open_description_as_it_was,
                            tells_who_writes_to_nobody);

}  // namespace sluice::test
