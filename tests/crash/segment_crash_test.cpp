// F31, step by step: whoever makes and destroys objects in a managed segment is killed after
// each instruction that changes the segment.

#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <sluice/primitive/managed_segment.hpp>

#include "support/traced_child.hpp"

namespace {

using namespace sluice;
using test::kill_at_each_step;
using text = managed_segment::string;

constexpr std::size_t size = 16'384;
constexpr const char* words = "words that do not fit into the string itself";

class SegmentCrash : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const char* reason = test::reason_not_to_trace(); *reason != '\0') GTEST_SKIP() << reason;
  }

  void make_anew() {
    segment_.emplace(
        managed_segment::create_in(shared_memory::create_anonymous({.size_bytes = size}).value())
            .value());
    kept_ = segment_->construct<text>("kept", words, segment_->allocator<char>()).value();
    for (const char* name : {"a", "b", "c"})
      static_cast<void>(
          segment_->construct<text>(name, words, segment_->allocator<char>()).value());
    EXPECT_TRUE(segment_->destroy<text>("b"));
  }

  void judge() {
    auto made = segment_->construct<int>("oracle", 1);
    EXPECT_EQ(*kept_, words) << "what exists stays readable";
    if (made) {
      ++sound;
      EXPECT_FALSE(segment_->is_corrupt());
      EXPECT_TRUE(segment_->check_sanity());
      EXPECT_EQ(segment_->find<text>("kept").value(), kept_);
      if (auto found = segment_->find<text>("new")) {
        EXPECT_EQ(**found, words);
      }
      return;
    }
    ++latched;
    ASSERT_EQ(made.error(), errc::corrupt) << made.error().message();
    EXPECT_TRUE(segment_->is_corrupt());
    auto found = segment_->find<text>("kept");
    if (found) {
      ++names_readable;
      EXPECT_EQ(*found, kept_);
    } else {
      EXPECT_EQ(found.error(), errc::corrupt);
    }
    EXPECT_EQ(segment_->destroy<text>("kept").error(), errc::corrupt);
    kept_->clear();
    kept_->shrink_to_fit();  // gives back, quietly
  }

  long kill_with(const std::function<void()>& use) {
    return kill_at_each_step({
        .reset = [this] { make_anew(); },
        .prepare = use,  // once before, so that no first call of a function is stepped through
        .operation = use,
        .judge = [this] { judge(); },
        .image = [this]() -> const_bytes { return segment_->memory().bytes(); },
    });
  }

  std::optional<managed_segment> segment_;
  text* kept_ = nullptr;
  int sound = 0;
  int latched = 0;
  int names_readable = 0;
};

TEST_F(SegmentCrash, killed_while_making_and_destroying_an_object_nobody_hangs_or_is_misled) {
  const auto use = [this] {
    static_cast<void>(segment_->construct<text>("new", words, segment_->allocator<char>()));
    static_cast<void>(segment_->destroy<text>("new"));
  };
  const long killed = kill_with(use);
  EXPECT_GT(killed, 40);
  EXPECT_GT(sound, 1);
  EXPECT_GT(latched, 30);
}

TEST_F(SegmentCrash, killed_inside_an_allocation_the_names_stay_readable) {
  const auto use = [this] {
    auto allocator = segment_->allocator<char>();
    auto room = allocator.allocate(300);
    allocator.deallocate(room, 300);
  };
  const long killed = kill_with(use);
  EXPECT_GT(killed, 20);
  EXPECT_GT(sound, 1);
  EXPECT_GT(latched, 10);
  EXPECT_EQ(names_readable, latched);
}

}  // namespace
