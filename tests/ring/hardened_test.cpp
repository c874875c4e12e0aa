#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <sluice/channel/hardened_ring.hpp>
#include <sluice/ring/hardened.hpp>
#include <sluice/ring/progress.hpp>
#include <vector>

namespace sluice {
namespace {

using namespace std::chrono_literals;

// A side as somebody sees it who knows docs/ring-format.md alone.
class bytes_of_a_side {
 public:
  bytes_of_a_side(int fd, std::size_t size)
      : size_(size), memory_(::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0)) {
    EXPECT_NE(memory_, MAP_FAILED);
  }
  bytes_of_a_side(const bytes_of_a_side&) = delete;
  bytes_of_a_side& operator=(const bytes_of_a_side&) = delete;
  ~bytes_of_a_side() { ::munmap(memory_, size_); }

  template <class Number>
  [[nodiscard]] Number at(std::size_t offset) const {
    Number number;
    std::memcpy(&number, static_cast<const char*>(memory_) + offset, sizeof number);
    return number;
  }
  [[nodiscard]] std::string text(std::size_t offset, std::size_t bytes) const {
    return {static_cast<const char*>(memory_) + offset, bytes};
  }

 private:
  std::size_t size_;
  void* memory_;
};

TEST(HardenedFormat, golden_bytes_of_both_sides) {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const std::size_t capacity = 2 * page;
  auto sender = hardened_sender::create({.capacity_bytes = capacity}).value();
  auto receiver = hardened_receiver::create().value();
  ASSERT_TRUE(sender.connect(unique_fd{::dup(receiver.native_handle())}));
  ASSERT_TRUE(receiver.connect(unique_fd{::dup(sender.native_handle())}));
  ASSERT_TRUE(sender.try_send(bytes_of("golden")));
  ASSERT_TRUE(sender.try_send(bytes_of("bytes")));
  EXPECT_EQ(receiver.next_size().value(), 6U);

  EXPECT_EQ(::lseek(sender.native_handle(), 0, SEEK_END), static_cast<off_t>(page + capacity));
  const bytes_of_a_side sending{sender.native_handle(), page + capacity};
  EXPECT_EQ(sending.text(0, 8), "\r\nslhard");
  EXPECT_EQ(sending.at<std::uint32_t>(8), 1U);
  EXPECT_EQ(sending.at<std::uint32_t>(12), sizeof(void*));
  EXPECT_EQ(sending.at<std::uint32_t>(16), 1U);
  EXPECT_EQ(sending.at<std::uint32_t>(20), page);
  EXPECT_EQ(sending.at<std::uint64_t>(24), capacity);
  EXPECT_EQ(sending.at<std::uint32_t>(128), 1U);
  EXPECT_EQ(sending.at<std::uint32_t>(132), 0U) << "it never slept";
  EXPECT_EQ(sending.at<std::uint64_t>(384 + 48), 2U) << "messages published";
  EXPECT_EQ(sending.at<std::uint64_t>(page), 6U | std::uint64_t{1} << 32);
  EXPECT_EQ(sending.text(page + 8, 6), "golden");
  EXPECT_EQ(sending.at<std::uint64_t>(page + 64), 5U | std::uint64_t{1} << 32);
  EXPECT_EQ(sending.at<std::uint64_t>(page + 128), 0U);

  EXPECT_EQ(::lseek(receiver.native_handle(), 0, SEEK_END), static_cast<off_t>(page));
  const bytes_of_a_side receiving{receiver.native_handle(), page};
  EXPECT_EQ(receiving.text(0, 8), "\r\nslhard");
  EXPECT_EQ(receiving.at<std::uint32_t>(16), 2U);
  EXPECT_EQ(receiving.at<std::uint64_t>(24), 0U);
  EXPECT_EQ(receiving.at<std::uint64_t>(256), 64U) << "copied, and so released";
  EXPECT_EQ(receiving.at<std::uint64_t>(264), 0U) << "but not received yet";
  EXPECT_EQ(receiver.wait_readable(deadline::now()).has_value(), true);
  std::vector<std::byte> buffer(6);
  EXPECT_EQ(receiver.try_receive(buffer).value(), 6U);
  EXPECT_EQ(receiving.at<std::uint64_t>(264), 1U);

  // In a wait the number of the sleep stands there, and the room that is needed.
  while (sender.try_send(buffer)) continue;
  EXPECT_EQ(sender.wait_writable(1ms).error(), std::errc::timed_out);
  EXPECT_EQ(sending.at<std::uint32_t>(132), 0U) << "it is awake again";
  EXPECT_EQ(sending.at<std::uint64_t>(144), 64U + 8U) << "for a record and the header behind it";
}

TEST(HardenedFormat, positions_go_on_only_as_far_as_was_written) {
  using ring::can_be_released;
  constexpr ring::position wrapping = ~std::uint64_t{0} - 127;  // F44
  EXPECT_TRUE(can_be_released(0, 0, 0));
  EXPECT_TRUE(can_be_released(128, 64, 128));
  EXPECT_FALSE(can_be_released(64, 128, 256));
  EXPECT_FALSE(can_be_released(320, 128, 256));
  EXPECT_FALSE(can_be_released(130, 128, 256));
  EXPECT_TRUE(can_be_released(64, wrapping, 128));
  EXPECT_FALSE(can_be_released(192, wrapping, 128));
  EXPECT_FALSE(can_be_released(wrapping - 64, wrapping, 128));
}

TEST(HardenedFormat, a_log_that_wraps_is_read_at_every_place_of_every_lap) {
  constexpr std::uint64_t capacity = 256;
  std::vector<std::uint64_t> words(2 * capacity / 8);
  auto* const data = reinterpret_cast<std::byte*>(words.data());
  const ring::untrusted_log log{data, capacity};
  EXPECT_EQ(log.max_message_bytes(), 120U);
  for (ring::position at = 0; at < 4 * capacity; at += 64) {
    std::uint64_t& header = words[at % capacity / 8];
    header = ring::record_header::make(120, ring::record_kind::message, at / capacity).word;
    const auto seen = log.look(at);
    EXPECT_EQ(seen.what, ring::found::message);
    std::byte copy[120];  // behind the end as well: the second mapping
    log.copy(at, seen, copy);
    EXPECT_EQ(log.look(at + capacity).what, ring::found::damage) << "of another lap";
    header = 0;
    EXPECT_EQ(log.look(at).what, ring::found::nothing);
  }
}

TEST(ProgressWatch, tells_of_who_stands_still_and_begins_anew_with_each_step) {
  ring::progress_watch watch;
  const auto start = ring::progress_watch::clock::now();
  EXPECT_FALSE(watch.stands_still(7, start, 1s));
  EXPECT_FALSE(watch.stands_still(7, start + 999ms, 1s));
  EXPECT_TRUE(watch.stands_still(7, start + 1s, 1s));
  EXPECT_TRUE(watch.stands_still(7, start + 2s, 1s)) << "and goes on to say so";
  EXPECT_FALSE(watch.stands_still(8, start + 3s, 1s));
  EXPECT_FALSE(watch.stands_still(7, start + 9s, 1s)) << "a step back is a step";
  EXPECT_TRUE(watch.stands_still(7, start + 10s, 1s));
  watch.forget();
  EXPECT_FALSE(watch.stands_still(7, start + 20s, 1s));
  EXPECT_FALSE(watch.stands_still(7, start + 20s, 1s));
  EXPECT_TRUE(watch.stands_still(7, start + 20s, 0s));
}

TEST(HardenedFormat, a_length_beyond_the_largest_message_is_damage) {
  // H6
  alignas(64) std::array<std::byte, 2 * 4096> data{};
  const ring::untrusted_log log{data.data(), 4096};
  for (const std::uint64_t length :
       {log.max_message_bytes(), log.max_message_bytes() + 1, std::uint64_t{0xffff'ffff}}) {
    const auto header = ring::record_header::make(static_cast<std::uint32_t>(length),
                                                  ring::record_kind::message, 0);
    std::memcpy(data.data(), &header.word, sizeof header.word);
    const bool fits = length <= log.max_message_bytes();
    EXPECT_EQ(log.look(0).what, fits ? ring::found::message : ring::found::damage) << length;
  }
}

TEST(HardenedFormat, a_capacity_that_does_not_fit_the_size_of_the_memory_is_refused) {
  // H3
  constexpr std::uint64_t page = 4096;
  constexpr auto sender = ring::hardened_role::sender;
  const ring::hardened_header seen{.magic = ring::hardened_header::magic_value,
                                   .version = ring::hardened_header::current_version,
                                   .word_bytes = sizeof(void*),
                                   .role = static_cast<std::uint32_t>(sender),
                                   .page_bytes = page,
                                   .capacity_bytes = 2 * page};
  EXPECT_EQ(ring::check(seen, sender, page, 3 * page), ring::hardened_refusal::none);
  for (const std::uint64_t size : {page, 2 * page, 4 * page, 5 * page})
    EXPECT_EQ(ring::check(seen, sender, page, size), ring::hardened_refusal::numbers) << size;
}

}  // namespace
}  // namespace sluice
