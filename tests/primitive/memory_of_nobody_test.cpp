// What shared memory does for users that may do little: every factory, as the user nobody.

#include <gtest/gtest.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <sluice/primitive/shared_memory.hpp>
#include <string>
#include <vector>

#include "support/another_user.hpp"
#include "support/isolation.hpp"
#include "support/runtime_directory.hpp"

namespace {

using namespace sluice;

class MemoryOfNobody : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!test::may_change_user()) GTEST_SKIP() << "needs root, to become nobody";
    std::filesystem::create_directory(home_);
    ASSERT_EQ(::chmod(home_.c_str(), 0700), 0);
    ASSERT_EQ(::chown(home_.c_str(), test::nobody, test::nobody), 0);
  }
  ~MemoryOfNobody() override { std::filesystem::remove_all(home_); }

  std::string home_ = "/dev/shm/sluice-" + test::unique_name();  // a directory of nobody's own
};

std::vector<memory_name> names_of_all_kinds() {
  const std::string text = test::unique_name();
  return {text, memory_name::posix("sluice-" + text), memory_name::system_v(::getpid() << 8),
          memory_name::system_v(text)};
}

TEST_F(MemoryOfNobody, every_kind_works_and_leaves_nothing) {
  test::as_nobody([this] {
    ASSERT_EQ(::setenv("SLUICE_RUNTIME_DIR", home_.c_str(), 1), 0);
    for (const memory_name& name : names_of_all_kinds()) {
      auto made = shared_memory::create(name, {.size_bytes = 64});
      ASSERT_TRUE(made) << made.error().message();
      EXPECT_EQ(shared_memory::open(name).value().identity(), made->identity());
      EXPECT_EQ(shared_memory::create(name, {.size_bytes = 64}).error(), std::errc::file_exists);
      EXPECT_EQ(shared_memory::open_or_create(name, {.size_bytes = 65}).error(),
                errc::incompatible);
    }
    EXPECT_TRUE(std::filesystem::is_empty(home_));
  });
}

TEST_F(MemoryOfNobody, bad_input_is_refused_by_every_factory_and_leaves_nothing) {
  test::as_nobody([this] {
    ASSERT_EQ(::setenv("SLUICE_RUNTIME_DIR", home_.c_str(), 1), 0);
    for (const memory_name& name : names_of_all_kinds()) {
      EXPECT_EQ(shared_memory::create(name, {}).error(), std::errc::invalid_argument);
      EXPECT_EQ(shared_memory::open_or_create(name, {}).error(), std::errc::invalid_argument);
      EXPECT_EQ(shared_memory::create(name, {.size_bytes = 64, .mode = 01600}).error(),
                std::errc::invalid_argument);
      EXPECT_EQ(shared_memory::create(name, {.size_bytes = 64, .others_read_only = true}).error(),
                std::errc::invalid_argument);
      EXPECT_FALSE(shared_memory::create(name, {.size_bytes = std::size_t{1} << 62}));
      EXPECT_EQ(shared_memory::open(name).error(), std::errc::no_such_file_or_directory);
      EXPECT_EQ(shared_memory::unlink(name).error(), std::errc::no_such_file_or_directory);
    }
    for (const char* bad : {"", ".", "..", ".hidden", "a\nb"}) {
      for (const memory_name& name : {memory_name{bad}, memory_name::system_v(bad)}) {
        EXPECT_EQ(shared_memory::create(name, {.size_bytes = 64}).error(),
                  std::errc::invalid_argument);
        EXPECT_EQ(shared_memory::open(name).error(), std::errc::invalid_argument);
      }
    }
    EXPECT_TRUE(std::filesystem::is_empty(home_));
  });
}

// H15
TEST_F(MemoryOfNobody, memory_of_another_user_is_refused_with_the_reason) {
  const std::string text = test::unique_name();
  const mode_t before = ::umask(0);
  auto object =
      shared_memory::create(memory_name::posix("sluice-" + text), {.size_bytes = 64, .mode = 0666});
  auto segment = shared_memory::create(memory_name::system_v(::getpid() << 8),
                                       {.size_bytes = 64, .mode = 0666});
  auto in_private = shared_memory::create(text, {.size_bytes = 64});
  auto named_in_private = shared_memory::create(memory_name::system_v(text), {.size_bytes = 64});
  ::umask(before);
  ASSERT_TRUE(object && segment && in_private && named_in_private);
  const memory_name key = memory_name::system_v(::getpid() << 8);
  test::as_nobody([&] {
    for (const memory_name& name : {memory_name::posix("sluice-" + text), key, memory_name{text},
                                    memory_name::system_v(text)}) {
      const auto refused = shared_memory::open(name);
      ASSERT_FALSE(refused);
      EXPECT_EQ(refused.error(), std::errc::permission_denied);
      EXPECT_NE(*refused.error().hint(), '\0');
      EXPECT_EQ(shared_memory::unlink(name).error(), std::errc::permission_denied);
      EXPECT_FALSE(shared_memory::open_or_create(name, {.size_bytes = 64}));
    }
    // Whose it is was said; that everybody may write it was not.
    EXPECT_EQ(shared_memory::open(key, {.owner = 0}).error(), std::errc::permission_denied);
    EXPECT_TRUE(shared_memory::open(key, {.owner = 0, .world_writable = true}));
    EXPECT_EQ(shared_memory::unlink(key, {.owner = 0, .world_writable = true}).error(),
              std::errc::operation_not_permitted);
  });
}

// F28: somebody who may write the directory puts a key file there that leads to a segment of his
TEST_F(MemoryOfNobody, key_file_planted_in_a_shared_directory_is_refused) {
  ASSERT_EQ(::chmod(home_.c_str(), 01777), 0);
  const runtime_directory_options shared{.path = home_};
  test::as_nobody([&] {
    auto planted = shared_memory::create(memory_name::system_v("plan"),
                                         {.size_bytes = 64, .mode = 0666, .directory = shared});
    ASSERT_TRUE(planted) << planted.error().message();
    planted->persist();
  });
  const memory_name name = memory_name::system_v("plan");
  EXPECT_EQ(shared_memory::open(name, {.directory = shared}).error(), std::errc::permission_denied);
  EXPECT_EQ(shared_memory::open_or_create(name, {.size_bytes = 64, .directory = shared}).error(),
            std::errc::permission_denied);
  const memory_open_options knowing{
      .owner = test::nobody, .world_writable = true, .directory = shared};
  EXPECT_TRUE(shared_memory::open(name, knowing));
  EXPECT_TRUE(shared_memory::unlink(name, knowing));
}

}  // namespace
