#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cstring>
#include <mutex>
#include <sluice/primitive/managed_segment.hpp>
#include <sluice/primitive/mutex.hpp>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "support/another_user.hpp"
#include "support/child.hpp"
#include "support/isolation.hpp"

namespace {

using namespace sluice;
using test::child;
using test::rendezvous;

constexpr std::size_t size = std::size_t{1} << 18;
using text = managed_segment::string;
using table = managed_segment::text_map<int>;

managed_segment anonymous_segment(std::size_t bytes = size) {
  return managed_segment::create_in(shared_memory::create_anonymous({.size_bytes = bytes}).value())
      .value();
}

text text_in(const managed_segment& segment, std::string_view value) {
  return text{value, segment.allocator<char>()};
}

// Dies by its own hand while the segment's lock is held and its heap may be half changed.
struct dies_when_made {
  explicit dies_when_made(managed_segment& segment) {
    for (int i = 0; i < 3; ++i) static_cast<void>(segment.allocator<char>().allocate(100));
    ::kill(::getpid(), SIGKILL);
  }
};

void die_inside(managed_segment& segment) {
  child victim{[&] { static_cast<void>(segment.construct<dies_when_made>("bomb", segment)); }};
  EXPECT_EQ(victim.wait().signal, SIGKILL);
}

// --- Objects -------------------------------------------------------------------------------------

TEST(ManagedSegment, named_objects_are_made_found_and_destroyed) {
  auto segment = anonymous_segment();
  auto made = segment.construct<int>("answer", 42);
  ASSERT_TRUE(made) << made.error().message();
  EXPECT_EQ(segment.find<int>("answer").value(), *made);
  EXPECT_EQ(**made, 42);
  EXPECT_EQ(segment.find_or_construct<int>("answer", 1).value(), *made);
  auto twice = segment.construct<int>("answer", 1);
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error(), std::errc::file_exists);
  EXPECT_TRUE(segment.destroy<int>("answer"));
  for (const auto& gone :
       {segment.find<int>("answer").error(), segment.destroy<int>("answer").error()}) {
    EXPECT_EQ(gone, std::errc::no_such_file_or_directory);
  }
  EXPECT_EQ(*segment.find_or_construct<int>("answer", 7).value(), 7);
}

TEST(ManagedSegment, another_type_under_the_name_is_an_error) {
  auto segment = anonymous_segment();
  static_cast<void>(segment.construct<int>("number", 1).value());
  for (const auto& wrong :
       {segment.find<unsigned>("number").error(), segment.find<double>("number").error(),
        segment.find<table>("number").error(), segment.destroy<long>("number").error(),
        segment.find_or_construct<char>("number", 'a').error()}) {
    EXPECT_EQ(wrong, errc::incompatible);
  }
  EXPECT_EQ(segment.construct<char>("number", 'a').error(), std::errc::file_exists);
  EXPECT_EQ(*segment.find<int>("number").value(), 1);
}

TEST(ManagedSegment, bad_names_of_objects_are_refused) {
  auto segment = anonymous_segment();
  for (const std::string& name : {std::string{}, std::string{"a\0b", 3}, std::string(201, 'x')}) {
    for (const auto& refused :
         {segment.construct<int>(name, 1).error(), segment.find<int>(name).error(),
          segment.find_or_construct<int>(name, 1).error(), segment.destroy<int>(name).error()}) {
      EXPECT_EQ(refused, std::errc::invalid_argument);
      EXPECT_NE(*refused.hint(), '\0');
    }
  }
  EXPECT_TRUE(segment.construct<int>(std::string(200, 'x'), 1));
}

TEST(ManagedSegment, vector_string_and_map_live_inside) {
  auto segment = anonymous_segment();
  using numbers = managed_segment::vector<int>;
  auto* list = segment.construct<numbers>("list", segment.allocator<int>()).value();
  for (int i = 0; i < 1'000; ++i) list->push_back(i);
  EXPECT_EQ(list->back(), 999);
  auto* line = segment
                   .construct<text>("line", "a text that is longer than what fits in place",
                                    segment.allocator<char>())
                   .value();
  *line += ", and longer";
  auto* entries = segment.construct<table>("table", segment.allocator<table::value_type>()).value();
  for (int i = 0; i < 100; ++i)
    entries->emplace(text_in(segment, "key number " + std::to_string(i) + " of a hundred"), i);
  EXPECT_EQ(entries->find(std::string_view{"key number 77 of a hundred"})->second, 77);
  EXPECT_TRUE(segment.check_sanity());
}

TEST(ManagedSegment, destroying_gives_the_memory_back) {
  auto segment = anonymous_segment();
  const std::size_t before = segment.free_bytes();
  for (int round = 0; round < 50; ++round) {
    auto* entries =
        segment.construct<table>("table", segment.allocator<table::value_type>()).value();
    for (int i = 0; i < 200; ++i)
      entries->emplace(text_in(segment, "a key that lies outside of its node " + std::to_string(i)),
                       i);
    ASSERT_TRUE(segment.destroy<table>("table"));
  }
  EXPECT_EQ(segment.free_bytes(), before);
}

TEST(ManagedSegment, full_is_an_error_that_leaves_everything_whole) {
  auto segment = anonymous_segment(16'384);
  EXPECT_EQ((segment.construct<std::array<char, 100'000>>("large")).error(),
            std::errc::not_enough_memory);
  auto* list =
      segment.construct<managed_segment::vector<int>>("list", segment.allocator<int>()).value();
  EXPECT_THROW(for (;;) list->push_back(1), std::bad_alloc);
  const std::size_t reached = list->size();
  EXPECT_GT(reached, 100U);
  // A constructor that runs out becomes an error, and the name stays free.
  auto more = segment.construct<managed_segment::vector<int>>("more", 100'000U, 1,
                                                              segment.allocator<int>());
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error(), std::errc::not_enough_memory);
  EXPECT_EQ(segment.find<managed_segment::vector<int>>("more").error(),
            std::errc::no_such_file_or_directory);
  EXPECT_THROW(static_cast<void>(segment.allocator<int>().allocate(~std::size_t{0})),
               std::bad_alloc);
  EXPECT_THROW(static_cast<void>(segment.allocator<char>().allocate(~std::size_t{0} - 64)),
               std::bad_alloc);
  list->clear();
  list->shrink_to_fit();
  EXPECT_TRUE(segment.construct<int>("little", 1));
  EXPECT_TRUE(segment.check_sanity());
  EXPECT_FALSE(segment.is_corrupt());
}

TEST(ManagedSegment, exception_of_a_constructor_comes_through_and_leaves_no_name) {
  struct thrower {
    thrower() { throw std::runtime_error{"mine"}; }
  };
  auto segment = anonymous_segment();
  const std::size_t before = segment.free_bytes();
  EXPECT_THROW(static_cast<void>(segment.construct<thrower>("thrower")), std::runtime_error);
  EXPECT_EQ(segment.find<thrower>("thrower").error(), std::errc::no_such_file_or_directory);
  EXPECT_EQ(segment.free_bytes(), before);
  EXPECT_TRUE(segment.construct<int>("thrower", 1)) << "and no lock";
}

TEST(ManagedSegment, of_another_user_is_refused_and_bad_input_leaves_nothing) {
  if (!test::may_change_user()) GTEST_SKIP() << "needs root, to become nobody";
  const memory_name key = memory_name::system_v(::getpid() << 8);
  auto made = managed_segment::create(key, {.size_bytes = size, .mode = 0644}).value();
  test::as_nobody([&] {
    EXPECT_EQ(managed_segment::open(key).error(), std::errc::permission_denied);
    EXPECT_EQ(managed_segment::open(key, {.owner = 0}).error(), std::errc::permission_denied);
    EXPECT_FALSE(managed_segment::rebuild(key, {.size_bytes = size}));
    const memory_name own = memory_name::system_v((::getpid() << 8) + 1);
    EXPECT_FALSE(managed_segment::create(own, {}));
    EXPECT_FALSE(managed_segment::create(own, {.size_bytes = 100}));
    EXPECT_FALSE(managed_segment::create(own, {.size_bytes = size, .mode = 07777}));
  });
}

TEST(ManagedSegment, over_aligned_elements_are_placed_as_they_ask) {
  struct alignas(64) line {
    char bytes[64];
  };
  auto segment = anonymous_segment();
  managed_segment::vector<line> lines{segment.allocator<line>()};
  for (int i = 0; i < 20; ++i) {
    lines.emplace_back();
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(&lines.back()) % 64, 0U);
  }
}

// --- Processes -----------------------------------------------------------------------------------

struct shared_table {
  explicit shared_table(const managed_segment& segment)
      : entries(segment.allocator<table::value_type>()) {}
  mutex lock;
  table entries;
};

// How the memory gets its name; `label` is that of the test.
struct way {
  const char* label;
  memory_name (*name)();
};
memory_name file() { return memory_name{test::unique_name()}; }
memory_name posix() { return memory_name::posix("sluice-" + test::unique_name()); }
memory_name system_v() { return memory_name::system_v(::getpid() * 64 + 1); }
memory_name system_v_by_name() { return memory_name::system_v(test::unique_name()); }

class SegmentOverMemory : public ::testing::TestWithParam<way> {
 protected:
  memory_name name_ = GetParam().name();
};
INSTANTIATE_TEST_SUITE_P(Kinds, SegmentOverMemory,
                         ::testing::Values(way{"file", file}, way{"posix", posix},
                                           way{"system_v", system_v},
                                           way{"system_v_by_name", system_v_by_name}),
                         [](const auto& one) { return std::string{one.param.label}; });

TEST_P(SegmentOverMemory, processes_read_and_write_one_map_of_strings) {
  constexpr int writers = 3;
  constexpr int entries = 200;
  auto segment = managed_segment::create(name_, {.size_bytes = size}).value();
  auto* shared = segment.construct<shared_table>("table", segment).value();
  std::vector<child> children;
  for (int writer = 0; writer < writers; ++writer) {
    children.emplace_back([&, writer] {
      auto opened = managed_segment::open(name_).value();
      auto* seen = opened.find<shared_table>("table").value();
      ASSERT_NE(seen, shared) << "mapped at another address";
      for (int i = 0; i < entries; ++i) {
        const std::lock_guard guard{seen->lock};
        seen->entries.emplace(
            text_in(opened, "writer " + std::to_string(writer) + " entry " + std::to_string(i)), i);
      }
    });
  }
  for (child& one : children) one.wait_success();
  EXPECT_EQ(shared->entries.size(), std::size_t{writers} * entries);
  EXPECT_EQ(shared->entries.find(std::string_view{"writer 2 entry 150"})->second, 150);
  EXPECT_TRUE(segment.check_sanity());
}

TEST_P(SegmentOverMemory, objects_made_at_creation_are_there_for_the_first_opener) {
  const auto fill = [](managed_segment& fresh) -> result<void> {
    auto made = fresh.construct<int>("first", 1);
    if (!made) return failure{made.error()};
    return {};
  };
  auto segment = managed_segment::open_or_create(name_, {.size_bytes = size, .initialize = fill});
  ASSERT_TRUE(segment) << segment.error().message();
  EXPECT_EQ(*segment->find<int>("first").value(), 1);
  *segment->find<int>("first").value() = 2;
  auto again = managed_segment::open_or_create(name_, {.size_bytes = size, .initialize = fill});
  EXPECT_EQ(*again->find<int>("first").value(), 2);
}

// F31: a holder killed inside an allocation
TEST_P(SegmentOverMemory, killed_holder_latches_and_rebuilding_is_explicit) {
  auto segment = managed_segment::create(name_, {.size_bytes = size}).value();
  auto* kept = segment
                   .construct<text>("kept", "stays readable for who holds it, whatever happens",
                                    segment.allocator<char>())
                   .value();
  die_inside(segment);
  EXPECT_EQ(segment.construct<int>("new", 1).error(), errc::corrupt);
  EXPECT_TRUE(segment.is_corrupt());
  EXPECT_EQ(*kept, "stays readable for who holds it, whatever happens");
  child other{[&] {
    auto opened = managed_segment::open(name_).value();
    EXPECT_TRUE(opened.is_corrupt());
    EXPECT_EQ(opened.construct<int>("new", 1).error(), errc::corrupt);
  }};
  other.wait_success();

  auto fresh = managed_segment::rebuild(name_, {.size_bytes = 2 * size}).value();
  EXPECT_FALSE(fresh.is_corrupt());
  EXPECT_NE(fresh.memory().identity(), segment.memory().identity());
  EXPECT_TRUE(fresh.construct<int>("new", 1));
  EXPECT_EQ(*kept, "stays readable for who holds it, whatever happens");
  // Whoever comes second finds it sound.
  auto second = managed_segment::rebuild(name_, {.size_bytes = 2 * size}).value();
  EXPECT_EQ(second.memory().identity(), fresh.memory().identity());
  EXPECT_EQ(*second.find<int>("new").value(), 1);
}

TEST_P(SegmentOverMemory, rebuild_makes_what_is_missing_and_replaces_what_is_no_segment) {
  auto made = managed_segment::rebuild(name_, {.size_bytes = size});
  ASSERT_TRUE(made) << made.error().message();
  std::memset(made->memory().writable_bytes().data(), 0xee, 64);
  auto anew = managed_segment::rebuild(name_, {.size_bytes = size});
  ASSERT_TRUE(anew) << anew.error().message();
  EXPECT_NE(anew->memory().identity(), made->memory().identity());
}

// --- Death ---------------------------------------------------------------------------------------

TEST(ManagedSegment, latched_it_reports_allocation_and_leaks_quietly) {
  auto segment = anonymous_segment();
  auto* list =
      segment.construct<managed_segment::vector<int>>("list", segment.allocator<int>()).value();
  list->assign(100, 5);
  text outside = text_in(segment, "a text whose letters lie in the segment, not here");
  die_inside(segment);
  try {
    list->resize(10'000);
    FAIL() << "allocated in a corrupt segment";
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code(), make_error_code(errc::corrupt));
  }
  EXPECT_EQ(list->at(99), 5);
  EXPECT_EQ(outside, "a text whose letters lie in the segment, not here");
  const std::size_t before = segment.free_bytes();
  list->clear();
  list->shrink_to_fit();
  { const text ends = std::move(outside); }
  EXPECT_EQ(segment.free_bytes(), before) << "nothing is given back";
  EXPECT_EQ(segment.destroy<managed_segment::vector<int>>("list").error(), errc::corrupt);
  EXPECT_FALSE(segment.check_sanity());
}

TEST(ManagedSegment, who_waits_for_a_killed_holder_goes_on_at_once) {
  auto segment = anonymous_segment();
  struct stays_inside {
    explicit stays_inside(const rendezvous& inside) {
      inside.arrive();
      for (;;) ::pause();
    }
  };
  const rendezvous inside;
  child holder{[&] { static_cast<void>(segment.construct<stays_inside>("stays", inside)); }};
  inside.wait();
  child waiter{[&] { EXPECT_EQ(segment.construct<int>("new", 1).error(), errc::corrupt); }};
  holder.kill();
  waiter.wait_success();
}

TEST(ManagedSegment, names_are_readable_after_a_death_that_did_not_touch_them) {
  auto segment = anonymous_segment();
  static_cast<void>(segment.construct<int>("kept", 42).value());
  const rendezvous inside;
  child holder{[&] {
    // As a process that is killed in the middle of an allocation holds it.
    const segment_guard::section held{segment.allocator<char>().heap()->guard(),
                                      segment_guard::purpose::use_heap};
    inside.arrive();
    for (;;) ::pause();
  }};
  inside.wait();
  holder.kill();
  EXPECT_EQ(segment.construct<int>("new", 1).error(), errc::corrupt);
  EXPECT_EQ(*segment.find<int>("kept").value(), 42);
  EXPECT_EQ(segment.find<int>("none").error(), std::errc::no_such_file_or_directory);
}

TEST(ManagedSegment, names_are_not_walked_after_a_death_that_changed_them) {
  auto segment = anonymous_segment();
  static_cast<void>(segment.construct<int>("kept", 42).value());
  die_inside(segment);
  EXPECT_EQ(segment.find<int>("kept").error(), errc::corrupt);
}

TEST(ManagedSegment, a_signal_handler_that_allocates_inside_an_allocation_is_refused) {
  auto segment = anonymous_segment();
  segment_heap& heap = *segment.allocator<char>().heap();
  {
    const segment_guard::section held{heap.guard(), segment_guard::purpose::use_heap};
    EXPECT_EQ(heap.allocate(10), nullptr);
  }
  void* const room = heap.allocate(10);
  EXPECT_NE(room, nullptr);
  heap.deallocate(room);
}

TEST(ManagedSegment, threads_make_and_destroy_objects_at_once) {
  auto segment = anonymous_segment();
  const std::size_t before = segment.free_bytes();
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 3; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < 300; ++i) {
        const std::string name = std::to_string(thread) + "/" + std::to_string(i);
        EXPECT_TRUE(segment.construct<text>(name, "more letters than fit into the string itself",
                                            segment.allocator<char>()));
        EXPECT_TRUE(segment.find<text>(name));
        EXPECT_TRUE(segment.destroy<text>(name));
      }
    });
  }
  for (std::thread& one : threads) one.join();
  EXPECT_EQ(segment.free_bytes(), before);
  EXPECT_TRUE(segment.check_sanity());
}

}  // namespace
