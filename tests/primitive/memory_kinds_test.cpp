// What is special to memory in files and without a name.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sluice/primitive/shared_memory.hpp>
#include <string>

#include "support/child.hpp"
#include "support/isolation.hpp"
#include "support/runtime_directory.hpp"
#include "support/shared_array.hpp"
#include "support/traced_child.hpp"

namespace {

using namespace sluice;
using test::child;

std::string directory() { return test::private_runtime_directory::current(); }

TEST(MemoryFile, lies_in_the_runtime_directory_and_leaves_nothing_there) {
  const std::string name = test::unique_name();
  {
    auto made = shared_memory::create(name, {.size_bytes = 64}).value();
    EXPECT_EQ(std::filesystem::file_size(directory() + "/" + name + ".shm"), 64U);
  }
  EXPECT_TRUE(std::filesystem::is_empty(directory()));
}

TEST(MemoryFile, a_path_is_taken_as_it_is) {
  const std::string path = directory() + "/elsewhere";
  auto made = shared_memory::create(path, {.size_bytes = 64}).value();
  EXPECT_EQ(std::filesystem::file_size(path), 64U);
  EXPECT_TRUE(shared_memory::open(path));
}

TEST(MemoryFile, bad_names_are_refused_everywhere) {
  for (const std::string name : {"", ".", "..", ".hidden", "a\nb", "/", "/tmp/"}) {
    EXPECT_FALSE(shared_memory::create(name, {.size_bytes = 64})) << name;
    EXPECT_FALSE(shared_memory::open(name)) << name;
    EXPECT_FALSE(shared_memory::open_or_create(name, {.size_bytes = 64})) << name;
    EXPECT_FALSE(shared_memory::unlink(name)) << name;
  }
  const std::string with_nul{"a\0b", 3};
  EXPECT_FALSE(shared_memory::create(with_nul, {.size_bytes = 64}));
  for (const std::string& name :
       {std::string{}, std::string{"/"}, std::string{"a/b"}, std::string{"/a/b"}, std::string{"."},
        std::string{"/.."}, std::string(255, 'x'), with_nul}) {
    EXPECT_FALSE(shared_memory::create(memory_name::posix(name), {.size_bytes = 64})) << name;
    EXPECT_FALSE(shared_memory::open(memory_name::posix(name))) << name;
  }
}

// H12: the name leads to something else
TEST(MemoryFile, symlinks_directories_fifos_and_empty_files_are_refused) {
  const std::string path = directory() + "/thing";
  const auto refused = [&](std::errc code) {
    for (const auto& opened :
         {shared_memory::open(path).error(), shared_memory::unlink(path).error()}) {
      EXPECT_EQ(opened, code) << opened.message();
      EXPECT_NE(*opened.hint(), '\0');
    }
    std::filesystem::remove_all(path);
  };
  std::filesystem::create_symlink("/etc/passwd", path);
  refused(std::errc::too_many_symbolic_link_levels);
  std::filesystem::create_directory(path);
  refused(std::errc::invalid_argument);
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  refused(std::errc::invalid_argument);
  // H1: too short
  { const std::ofstream empty{path}; }
  auto opened = shared_memory::open(path);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error(), std::errc::invalid_argument);
  std::filesystem::remove(path);
}

TEST(MemoryFile, a_private_directory_takes_no_mode_that_invites_others) {
  auto made = shared_memory::create(test::unique_name(), {.size_bytes = 64, .mode = 0660});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error(), std::errc::invalid_argument);
}

// F22: a small /dev/shm, as in containers
TEST(MemoryFile, a_full_file_system_is_an_error_at_creation_and_leaves_nothing) {
  if (!test::has_own_ipc()) GTEST_SKIP() << "needs root, to mount a small file system";
  const std::string small = directory() + "/small";
  std::filesystem::create_directory(small);
  ASSERT_EQ(::mount("small", small.c_str(), "tmpfs", 0, "size=1m,mode=0700"), 0);
  for (int round = 0; round < 3; ++round) {
    auto made = shared_memory::create(small + "/much", {.size_bytes = std::size_t{2} << 20});
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error(), std::errc::no_space_on_device);
    EXPECT_NE(*made.error().hint(), '\0');
    EXPECT_TRUE(std::filesystem::is_empty(small));
  }
  { auto fits = shared_memory::create(small + "/little", {.size_bytes = 900'000}).value(); }
  EXPECT_EQ(std::filesystem::space(small).available, std::uintmax_t{1} << 20);
  ASSERT_EQ(::umount(small.c_str()), 0);
  std::filesystem::remove(small);
}

// F22: a limit of the process; the kernel would answer with SIGXFSZ
TEST(MemoryFile, the_limit_on_file_sizes_is_an_error_and_not_a_signal) {
  child limited{[] {
    const rlimit small{.rlim_cur = 65'536, .rlim_max = 65'536};
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
    for (const auto& made :
         {shared_memory::create(test::unique_name(), {.size_bytes = 65'537}).error(),
          shared_memory::create_anonymous({.size_bytes = 65'537}).error()}) {
      EXPECT_EQ(made, std::errc::file_too_large);
      EXPECT_NE(std::string{made.hint()}.find("RLIMIT_FSIZE"), std::string::npos);
    }
    EXPECT_TRUE(shared_memory::create(test::unique_name(), {.size_bytes = 65'536}));
  }};
  limited.wait_success();
}

TEST(MemoryFile, no_memory_for_the_mapping_is_an_error_that_leaves_nothing) {
  child limited{[] {
    const rlimit small{.rlim_cur = rlim_t{1} << 30, .rlim_max = rlim_t{1} << 30};
    ASSERT_EQ(::setrlimit(RLIMIT_AS, &small), 0);
    auto made = shared_memory::create(test::unique_name(), {.size_bytes = std::size_t{2} << 30});
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error(), std::errc::not_enough_memory);
  }};
  if (test::slowness() > 1) GTEST_SKIP() << "a sanitizer needs its address space";
  limited.wait_success();
  EXPECT_TRUE(std::filesystem::is_empty(directory()));
}

// F23: another program set a size and allocated nothing
TEST(MemoryFile, opening_fills_the_holes_that_other_programs_leave) {
  const std::string path = directory() + "/sparse";
  { const std::ofstream made{path}; }
  std::filesystem::resize_file(path, std::size_t{1} << 20);
  auto opened = shared_memory::open(path).value();
  struct stat found {};
  ASSERT_EQ(::fstat(opened.native_handle(), &found), 0);
  EXPECT_GE(found.st_blocks * 512, 1 << 20);
  std::filesystem::remove(path);
}

// F25: limit: whoever may write named memory can shrink it, and touching what is gone kills
TEST(MemoryFile, named_memory_can_be_shrunk_which_the_size_check_of_the_next_opener_tells) {
  const std::string name = test::unique_name();
  auto made = shared_memory::create(name, {.size_bytes = 8192}).value();
  ASSERT_EQ(::ftruncate(made.native_handle(), 4096), 0);
  auto opened = shared_memory::open(name, {.size_bytes = 8192});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error(), errc::incompatible);
}

// F25: peer shrinks the file
TEST(AnonymousMemory, is_sealed_against_shrinking_and_growing) {
  auto made = shared_memory::create_anonymous({.size_bytes = 8192}).value();
  EXPECT_EQ(::ftruncate(made.native_handle(), 4096), -1);
  EXPECT_EQ(errno, EPERM);
  EXPECT_EQ(::ftruncate(made.native_handle(), 16'384), -1);
  EXPECT_EQ(::fcntl(made.native_handle(), F_ADD_SEALS, F_SEAL_WRITE), -1) << "nor sealed further";
}

TEST(AnonymousMemory, is_shared_with_whoever_is_given_the_descriptor) {
  auto made = shared_memory::create_anonymous({.size_bytes = 64}).value();
  EXPECT_EQ(::fcntl(made.native_handle(), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
  child other{[&] {
    auto same = shared_memory::from_native(unique_fd{::dup(made.native_handle())}).value();
    EXPECT_EQ(same.identity(), made.identity());
    same.writable_bytes()[0] = std::byte{9};
  }};
  other.wait_success();
  EXPECT_EQ(made.bytes()[0], std::byte{9});
  EXPECT_TRUE(made.unlink());
  EXPECT_TRUE(made.is_intact().value());
  auto count = made.attach_count();
  ASSERT_FALSE(count);
  EXPECT_EQ(count.error(), std::errc::not_supported);
  auto taken_back = shared_memory::from_native(std::move(made).release_handle());
  ASSERT_TRUE(taken_back);
  EXPECT_EQ(taken_back->bytes()[0], std::byte{9});
}

// H17: read-only memory reopened for writing through /proc
TEST(AnonymousMemory, others_can_be_kept_from_writing_for_good) {
  auto made = shared_memory::create_anonymous({.size_bytes = 64, .others_read_only = true}).value();
  made.writable_bytes()[0] = std::byte{1};
  auto seen = shared_memory::from_native(unique_fd{::dup(made.native_handle())}).value();
  EXPECT_TRUE(seen.writable_bytes().empty());
  EXPECT_EQ(seen.bytes()[0], std::byte{1});
  const std::string again = "/proc/self/fd/" + std::to_string(made.native_handle());
  const unique_fd reopened{::open(again.c_str(), O_RDWR | O_CLOEXEC)};
  EXPECT_EQ(::write(reopened.get(), "x", 1), -1);
  EXPECT_EQ(::mmap(nullptr, 64, PROT_READ | PROT_WRITE, MAP_SHARED, reopened.get(), 0), MAP_FAILED);
  EXPECT_EQ(::mprotect(const_cast<std::byte*>(seen.bytes().data()), 64, PROT_READ | PROT_WRITE),
            -1);
}

// H14: wrong kinds, unsealed or read-only memory
TEST(AnonymousMemory, from_native_takes_only_what_is_safe_to_map) {
  const auto refused = [](unique_fd fd, std::errc code) {
    ASSERT_TRUE(fd);
    auto taken = shared_memory::from_native(std::move(fd));
    ASSERT_FALSE(taken);
    EXPECT_EQ(taken.error(), code) << taken.error().message();
  };
  const auto unsealed = [] {
    unique_fd fd{::memfd_create("unsealed", MFD_CLOEXEC | MFD_ALLOW_SEALING)};
    EXPECT_EQ(::ftruncate(fd.get(), 64), 0);
    return fd;
  };
  refused(unsealed(), std::errc::permission_denied);
  refused(unique_fd{::open("/dev/null", O_RDWR | O_CLOEXEC)}, std::errc::invalid_argument);
  refused(unique_fd{::open(directory().c_str(), O_RDONLY | O_CLOEXEC)},
          std::errc::invalid_argument);
  refused(unique_fd{::memfd_create("empty", MFD_CLOEXEC)}, std::errc::invalid_argument);
  EXPECT_FALSE(shared_memory::from_native(unique_fd{}));
  EXPECT_TRUE(shared_memory::from_native(unsealed(), {.unsealed = true}));

  auto made = shared_memory::create_anonymous({.size_bytes = 64}).value();
  EXPECT_FALSE(
      shared_memory::from_native(unique_fd{::dup(made.native_handle())}, {.size_bytes = 65}));
  const std::string again = "/proc/self/fd/" + std::to_string(made.native_handle());
  auto reading = shared_memory::from_native(unique_fd{::open(again.c_str(), O_RDONLY | O_CLOEXEC)});
  ASSERT_TRUE(reading);
  EXPECT_TRUE(reading->writable_bytes().empty());
  refused(unique_fd{::open(again.c_str(), O_WRONLY | O_CLOEXEC)}, std::errc::permission_denied);
}

TEST(AnonymousMemory, that_shrinks_until_it_is_sealed_is_mapped_as_it_is_then) {
  // H1: whoever asks for the size, and then for the seals, may have been told a size of before.
  if (const char* reason = test::reason_not_to_trace(); *reason != 0) GTEST_SKIP() << reason;
  constexpr off_t before = 1 << 20;
  constexpr off_t after = 4096;
  const test::shared_array mapped{1};
  unique_fd fd;
  const long steps = test::kill_at_each_step(
      {.size = test::step_size::system_call,
       .reset =
           [&] {
             mapped[0] = 0;
             fd = unique_fd{::memfd_create("shrinking", MFD_CLOEXEC | MFD_ALLOW_SEALING)};
             ASSERT_EQ(::ftruncate(fd.get(), before), 0);
           },
       .operation =
           [&] {
             const auto taken = shared_memory::from_native(unique_fd{::dup(fd.get())});
             if (taken) mapped[0] = taken->bytes().size();
           },
       .judge =
           [&] {
             EXPECT_TRUE(mapped[0] == 0 || mapped[0] == static_cast<std::uint64_t>(after))
                 << mapped[0];
           },
       .meanwhile =
           [&] {
             EXPECT_EQ(::ftruncate(fd.get(), after), 0);
             EXPECT_EQ(::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK), 0);
           }});
  EXPECT_GT(steps, 4);
}

TEST(AnonymousMemory, is_initialised_and_bad_options_are_refused) {
  auto made = shared_memory::create_anonymous(
      {.size_bytes = 64, .initialize = [](mutable_bytes bytes) -> result<void> {
         bytes[63] = std::byte{5};
         return {};
       }});
  ASSERT_TRUE(made);
  EXPECT_EQ(made->bytes()[63], std::byte{5});
  EXPECT_FALSE(shared_memory::create_anonymous({}));
  auto huge = shared_memory::create_anonymous({.size_bytes = std::size_t{1} << 50});
  ASSERT_FALSE(huge);
  EXPECT_EQ(huge.error(), std::errc::not_enough_memory);
}

}  // namespace
