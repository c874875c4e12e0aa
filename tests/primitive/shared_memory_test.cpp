#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <limits>
#include <sluice/primitive/shared_memory.hpp>
#include <stdexcept>
#include <string>
#include <string_view>

#include "support/child.hpp"
#include "support/isolation.hpp"
#include "support/runtime_directory.hpp"

namespace {

using namespace sluice;
using test::child;
using test::rendezvous;

// The worlds in which memory has a name; every promise about names holds in each.
struct world {
  std::string_view label;
  memory_name (*fresh)();
};

memory_name fresh_file() { return memory_name{test::unique_name()}; }
memory_name fresh_posix() { return memory_name::posix("/sluice-" + test::unique_name()); }
memory_name fresh_key() {
  static key_t last = 0;
  return memory_name::system_v((::getpid() << 8) + ++last);
}
memory_name fresh_key_file() { return memory_name::system_v(test::unique_name()); }

class NamedMemory : public ::testing::TestWithParam<world> {
 protected:
  memory_name name_ = GetParam().fresh();
  [[nodiscard]] bool is_system_v() const { return name_.kind() == memory_kind::system_v; }
  // Names in the runtime directory, which nobody else reaches.
  [[nodiscard]] bool is_private() const {
    return name_.is_text() && name_.kind() != memory_kind::posix;
  }
};

INSTANTIATE_TEST_SUITE_P(Worlds, NamedMemory,
                         ::testing::Values(world{"file", fresh_file}, world{"posix", fresh_posix},
                                           world{"system_v", fresh_key},
                                           world{"system_v_by_name", fresh_key_file}),
                         [](const auto& one) { return std::string{one.param.label}; });

void write_text(const shared_memory& memory, std::string_view text) {
  copy_bytes(bytes_of(text), memory.writable_bytes());
}

std::string text_in(const shared_memory& memory, std::size_t size) {
  return std::string{text_of(memory.bytes().first(size))};
}

TEST_P(NamedMemory, two_processes_that_only_know_the_name_share_it) {
  auto made = shared_memory::create(name_, {.size_bytes = 10'000}).value();
  EXPECT_EQ(made.size_bytes(), 10'000U);
  EXPECT_EQ(made.kind(), name_.kind());
  EXPECT_TRUE(std::ranges::all_of(made.bytes(), [](std::byte b) { return b == std::byte{0}; }));
  write_text(made, "from the creator");
  child other{[&] {
    auto opened = shared_memory::open(name_).value();
    EXPECT_EQ(opened.identity(), made.identity());
    EXPECT_EQ(opened.size_bytes(), 10'000U);
    EXPECT_EQ(text_in(opened, 16), "from the creator");
    write_text(opened, "from the visitor");
  }};
  other.wait_success();
  EXPECT_EQ(text_in(made, 16), "from the visitor");
}

TEST_P(NamedMemory, creator_removes_the_name_and_users_keep_the_memory) {
  auto made = std::make_optional(shared_memory::create(name_, {.size_bytes = 64}).value());
  auto opened = shared_memory::open(name_).value();
  made.reset();
  write_text(opened, "still here");
  EXPECT_EQ(text_in(opened, 10), "still here");
  EXPECT_FALSE(opened.is_intact().value());
  EXPECT_EQ(shared_memory::open(name_).error(), std::errc::no_such_file_or_directory);
}

TEST_P(NamedMemory, persisting_memory_outlives_its_creator_with_its_content) {
  child creator{[&] {
    auto made = shared_memory::create(name_, {.size_bytes = 64}).value();
    write_text(made, "kept");
    made.persist();
    EXPECT_TRUE(made.is_intact().value());
  }};
  creator.wait_success();
  {
    auto opened = shared_memory::open(name_).value();
    EXPECT_EQ(text_in(opened, 4), "kept");
  }
  ASSERT_TRUE(shared_memory::unlink(name_));
  auto again = shared_memory::unlink(name_);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error(), std::errc::no_such_file_or_directory);
}

TEST_P(NamedMemory, create_refuses_a_name_that_is_taken) {
  auto made = shared_memory::create(name_, {.size_bytes = 64}).value();
  auto second = shared_memory::create(name_, {.size_bytes = 64});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error(), std::errc::file_exists);
  EXPECT_NE(*second.error().hint(), '\0');
  EXPECT_TRUE(made.is_intact().value());
}

// F26: removed under running users; a new opener makes a new generation
TEST_P(NamedMemory, removed_and_made_anew_it_is_another_generation) {
  auto old = shared_memory::create(name_, {.size_bytes = 64}).value();
  auto peer = shared_memory::open(name_).value();
  ASSERT_TRUE(shared_memory::unlink(name_));
  EXPECT_FALSE(old.is_intact().value());
  auto fresh = shared_memory::open_or_create(name_, {.size_bytes = 64}).value();
  EXPECT_NE(fresh.identity(), old.identity());
  write_text(old, "the old ones go on");
  EXPECT_EQ(text_in(peer, 18), "the old ones go on");
  EXPECT_EQ(fresh.bytes()[0], std::byte{0});
  // The duty of the old creator does not reach the new memory.
  auto removed = old.unlink();
  ASSERT_FALSE(removed);
  EXPECT_EQ(removed.error(), errc::removed);
  { const shared_memory ends = std::move(old); }
  EXPECT_TRUE(fresh.is_intact().value());
}

TEST_P(NamedMemory, whoever_has_it_open_can_remove_the_name) {
  auto made = shared_memory::create(name_, {.size_bytes = 64}).value();
  auto opened = shared_memory::open(name_).value();
  EXPECT_TRUE(opened.unlink());
  EXPECT_FALSE(made.is_intact().value());
  auto again = opened.unlink();
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error(), errc::removed);
}

TEST_P(NamedMemory, open_or_create_takes_over_what_a_killed_process_left) {
  const rendezvous ready;
  child victim{[&] {
    auto made = shared_memory::create(name_, {.size_bytes = 64}).value();
    write_text(made, "left");
    ready.arrive();
    for (;;) ::pause();
  }};
  ready.wait();
  {
    // Its creator lives: the duty stays there.
    auto beside = shared_memory::open_or_create(name_, {.size_bytes = 64}).value();
  }
  EXPECT_TRUE(shared_memory::open(name_));
  victim.kill();
  {
    auto adopted = shared_memory::open_or_create(name_, {.size_bytes = 64}).value();
    EXPECT_EQ(text_in(adopted, 4), "left");
  }
  EXPECT_FALSE(shared_memory::open(name_));
}

TEST_P(NamedMemory, open_or_create_has_one_creator_however_many_race) {
  const rendezvous start;
  std::vector<child> racers;
  constexpr int count = 6;
  for (int i = 0; i < count; ++i) {
    racers.emplace_back([&] {
      start.wait();
      auto memory = shared_memory::open_or_create(
          name_, {.size_bytes = 4096, .initialize = [&](mutable_bytes bytes) -> result<void> {
                    bytes[0] = std::byte{42};
                    return {};
                  }});
      ASSERT_TRUE(memory) << memory.error().message();
      EXPECT_EQ(memory->bytes()[0], std::byte{42});
      memory->persist();
    });
  }
  start.arrive(count);
  for (child& one : racers) one.wait_success();
  EXPECT_TRUE(shared_memory::unlink(name_));
}

TEST_P(NamedMemory, opened_for_reading_it_cannot_be_written) {
  auto made = shared_memory::create(name_, {.size_bytes = 64}).value();
  write_text(made, "look");
  auto seen = shared_memory::open(name_, {.access = map_access::read_only}).value();
  EXPECT_EQ(text_in(seen, 4), "look");
  EXPECT_TRUE(seen.writable_bytes().empty());
  child violator{[&] {
    ::signal(SIGSEGV, SIG_DFL);  // a sanitizer would report it and exit
    *const_cast<std::byte*>(seen.bytes().data()) = std::byte{1};
  }};
  EXPECT_EQ(violator.wait().signal, SIGSEGV);
}

TEST_P(NamedMemory, size_is_checked_where_it_is_opened) {
  auto made = shared_memory::create(name_, {.size_bytes = 5'000}).value();
  EXPECT_TRUE(shared_memory::open(name_, {.size_bytes = 5'000}));
  for (const std::size_t wrong : {1U, 4'999U, 5'001U}) {
    EXPECT_EQ(shared_memory::open(name_, {.size_bytes = wrong}).error(), errc::incompatible);
    EXPECT_FALSE(shared_memory::open_or_create(name_, {.size_bytes = wrong}));
  }
}

TEST_P(NamedMemory, initialised_before_anybody_sees_it) {
  const rendezvous inside;
  const rendezvous go_on;
  child creator{[&] {
    auto made = shared_memory::create(
        name_, {.size_bytes = 4096, .initialize = [&](mutable_bytes bytes) -> result<void> {
                  inside.arrive();
                  go_on.wait();
                  bytes[4095] = std::byte{7};
                  return {};
                }});
    ASSERT_TRUE(made) << made.error().message();
    made->persist();
  }};
  inside.wait();
  child visitor{[&] {
    // A file has no name yet; a segment makes us wait until it is complete.
    for (;;) {
      auto opened = shared_memory::open(name_);
      if (!opened) {
        ASSERT_EQ(opened.error(), std::errc::no_such_file_or_directory);
        continue;
      }
      EXPECT_EQ(opened->bytes()[4095], std::byte{7});
      return;
    }
  }};
  go_on.arrive();
  creator.wait_success();
  visitor.wait_success();
  EXPECT_TRUE(shared_memory::unlink(name_));
}

TEST_P(NamedMemory, failed_initialisation_is_passed_on_and_leaves_nothing) {
  // The second code would otherwise be taken for a taken name.
  for (const std::errc code : {std::errc::io_error, std::errc::file_exists}) {
    const auto refuse = [code](mutable_bytes) -> result<void> { return failure{code, "test"}; };
    EXPECT_EQ(shared_memory::create(name_, {.size_bytes = 64, .initialize = refuse}).error(), code);
    EXPECT_EQ(
        shared_memory::open_or_create(name_, {.size_bytes = 64, .initialize = refuse}).error(),
        code);
    EXPECT_FALSE(shared_memory::open(name_));
  }
}

TEST_P(NamedMemory, exception_of_the_initialisation_comes_through_and_leaves_no_memory) {
  const auto raise = [](mutable_bytes) -> result<void> { throw std::runtime_error{"caller's"}; };
  EXPECT_THROW(
      static_cast<void>(shared_memory::create(name_, {.size_bytes = 64, .initialize = raise})),
      std::runtime_error);
  EXPECT_FALSE(shared_memory::open(name_));
  EXPECT_TRUE(shared_memory::create(name_, {.size_bytes = 64}));
}

// F9: creator killed while it initialises
TEST_P(NamedMemory, creator_killed_while_initialising_leaves_nothing_that_opens) {
  const rendezvous inside;
  child creator{[&] {
    static_cast<void>(shared_memory::create(
        name_, {.size_bytes = 4096, .initialize = [&](mutable_bytes) -> result<void> {
                  inside.arrive();
                  for (;;) ::pause();
                }}));
  }};
  inside.wait();
  creator.kill();
  auto opened = shared_memory::open(name_);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error(), std::errc::no_such_file_or_directory);
  auto made = shared_memory::create(name_, {.size_bytes = 64});
  EXPECT_TRUE(made) << made.error().message();
}

TEST_P(NamedMemory, mode_is_exact_whatever_the_umask) {
  const mode_t before = ::umask(0777);
  // Others can reach neither our private directory nor, therefore, a mode that invites them.
  const mode_t mode = is_private() ? 0600 : 0664;
  auto made = shared_memory::create(name_, {.size_bytes = 64, .mode = mode});
  ::umask(before);
  ASSERT_TRUE(made) << made.error().message();
  if (is_system_v() && is_private()) {
    shmid_ds found{};
    ASSERT_EQ(::shmctl(static_cast<int>(made->identity().inode), IPC_STAT, &found), 0);
    EXPECT_EQ(found.shm_perm.mode & 0777, mode);
  } else if (is_system_v()) {
    child stranger{[&] {
      ASSERT_EQ(::setgid(65534), 0);
      ASSERT_EQ(::setuid(65534), 0);
      EXPECT_FALSE(shared_memory::open(name_)) << "somebody else's, and that was not asked for";
      EXPECT_TRUE(shared_memory::open(name_, {.access = map_access::read_only, .owner = 0}));
      EXPECT_FALSE(shared_memory::open(name_, {.owner = 0})) << "0664 lets others only read";
    }};
    if (::getuid() == 0) stranger.wait_success();
  } else {
    struct stat found {};
    ASSERT_EQ(::fstat(made->native_handle(), &found), 0);
    EXPECT_EQ(found.st_mode & 07777, mode);
  }
}

TEST_P(NamedMemory, bad_options_are_refused_with_a_reason) {
  const auto refused = [&](const memory_create_options& options, std::errc code) {
    auto made = shared_memory::create(name_, options);
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error(), code) << made.error().message();
    EXPECT_NE(*made.error().hint(), '\0');
    EXPECT_FALSE(shared_memory::open(name_)) << "something was left behind";
  };
  refused({}, std::errc::invalid_argument);
  refused({.size_bytes = 64, .mode = 01600}, std::errc::invalid_argument);
  refused({.size_bytes = 64, .others_read_only = true}, std::errc::invalid_argument);
}

// F22: memory short at creation
TEST_P(NamedMemory, more_than_the_machine_has_is_refused_and_leaves_nothing) {
  for (const std::size_t size :
       {std::size_t{1} << 50, std::numeric_limits<std::size_t>::max() / 2 - 4096,
        std::numeric_limits<std::size_t>::max()}) {
    auto made = shared_memory::create(name_, {.size_bytes = size});
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error(), std::errc::not_enough_memory) << made.error().message();
    EXPECT_NE(*made.error().hint(), '\0');
    EXPECT_FALSE(shared_memory::open(name_));
  }
}

// F23: what was created has all its memory
TEST_P(NamedMemory, every_page_is_allocated_at_creation) {
  constexpr std::size_t size = std::size_t{4} << 20;
  auto made = shared_memory::create(name_, {.size_bytes = size}).value();
  if (is_system_v()) {
    std::vector<unsigned char> present(size / 4096);
    ASSERT_EQ(::mincore(made.writable_bytes().data(), size, present.data()), 0);
    EXPECT_TRUE(std::ranges::all_of(present, [](unsigned char one) { return (one & 1) != 0; }));
  } else {
    struct stat found {};
    ASSERT_EQ(::fstat(made.native_handle(), &found), 0);
    EXPECT_GE(static_cast<std::size_t>(found.st_blocks) * 512, size);
  }
}

TEST_P(NamedMemory, somebody_elses_memory_is_opened_only_if_that_was_asked_for) {
  if (::getuid() != 0) GTEST_SKIP() << "needs root, to be two users";
  if (is_private()) GTEST_SKIP() << "nobody else reaches the directory";
  const rendezvous ready;
  const rendezvous done;
  child stranger{[&] {
    ASSERT_EQ(::setgid(65534), 0);
    ASSERT_EQ(::setuid(65534), 0);
    ASSERT_EQ(::setenv("SLUICE_RUNTIME_DIR", "", 1), 0);
    auto made = shared_memory::create(name_, {.size_bytes = 64, .mode = 0666});
    ASSERT_TRUE(made) << made.error().message();
    ready.arrive();
    done.wait();
  }};
  ready.wait();
  for (const auto& options : {memory_open_options{}, memory_open_options{.owner = 65534},
                              memory_open_options{.world_writable = true}}) {
    auto opened = shared_memory::open(name_, options);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error(), std::errc::permission_denied);
    EXPECT_NE(*opened.error().hint(), '\0');
    EXPECT_FALSE(shared_memory::unlink(name_, options));
  }
  EXPECT_TRUE(shared_memory::open(name_, {.owner = 65534, .world_writable = true}));
  done.arrive();
  stranger.wait_success();
  std::filesystem::remove_all("/dev/shm/sluice-65534");
}

TEST_P(NamedMemory, a_forked_child_does_not_remove_the_name) {
  auto made = std::make_optional(shared_memory::create(name_, {.size_bytes = 64}).value());
  child forked{[&] { made.reset(); }};
  forked.wait_success();
  EXPECT_TRUE(made->is_intact().value());
}

TEST_P(NamedMemory, moves_with_its_duty) {
  auto first = shared_memory::create(name_, {.size_bytes = 64}).value();
  {
    const shared_memory second = std::move(first);
    EXPECT_TRUE(second.is_intact().value());
  }
  EXPECT_FALSE(shared_memory::open(name_));
}

}  // namespace
