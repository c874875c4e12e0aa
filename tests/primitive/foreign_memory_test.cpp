// Shared memory with programs that are not ours: Python's multiprocessing.shared_memory for POSIX
// objects, Python's sysv_ipc and the tools ipcmk, ipcs and ipcrm for System V segments.

#include <gtest/gtest.h>
#include <unistd.h>

#include <sluice/primitive/shared_memory.hpp>
#include <string>

#include "support/child.hpp"
#include "support/isolation.hpp"
#include "support/program_output.hpp"

namespace {

using namespace sluice;
using test::has_python_module;
using test::output_of;
using test::run_python;

void write_text(const shared_memory& memory, std::string_view text) {
  copy_bytes(bytes_of(text), memory.writable_bytes());
}

class ForeignPosixMemory : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!has_python_module("multiprocessing.shared_memory")) GTEST_SKIP() << "needs python3";
  }
  std::string name_ = "sluice-" + test::unique_name();
};

TEST_F(ForeignPosixMemory, python_reads_and_writes_what_we_made) {
  auto made = shared_memory::create(memory_name::posix(name_), {.size_bytes = 5000}).value();
  write_text(made, "from us");
  // The tracker of Python before 3.13 removes objects that others made; it is told not to.
  EXPECT_EQ(run_python("from multiprocessing import shared_memory, resource_tracker\n"
                       "m = shared_memory.SharedMemory(name='" +
                       name_ +
                       "')\n"
                       "resource_tracker.unregister(m._name, 'shared_memory')\n"
                       "print(m.size, bytes(m.buf[:7]).decode())\n"
                       "m.buf[:11] = b'from Python'\n"
                       "m.close()\n"),
            "5000 from us\n");
  EXPECT_EQ(text_of(made.bytes().first(11)), "from Python");
  EXPECT_TRUE(made.is_intact().value());
}

TEST_F(ForeignPosixMemory, we_read_write_and_remove_what_python_made) {
  run_python(
      "from multiprocessing import shared_memory, resource_tracker\n"
      "m = shared_memory.SharedMemory(name='" +
      name_ +
      "', create=True, size=100)\n"
      "resource_tracker.unregister(m._name, 'shared_memory')\n"
      "m.buf[:5] = b'hello'\n"
      "m.close()\n");
  const auto name = memory_name::posix("/" + name_);
  auto opened = shared_memory::open(name);
  ASSERT_TRUE(opened) << opened.error().message();
  EXPECT_EQ(opened->size_bytes(), 100U);
  EXPECT_EQ(text_of(opened->bytes().first(5)), "hello");
  write_text(*opened, "HELLO");
  EXPECT_EQ(run_python("from multiprocessing import shared_memory, resource_tracker\n"
                       "m = shared_memory.SharedMemory(name='" +
                       name_ +
                       "')\n"
                       "resource_tracker.unregister(m._name, 'shared_memory')\n"
                       "print(bytes(m.buf[:5]).decode())\n"),
            "HELLO\n");
  EXPECT_TRUE(shared_memory::unlink(name));
}

class ForeignSegment : public ::testing::Test {
 protected:
  static int fresh_key() {
    static int last = 0;
    return (::getpid() << 8) + 200 + ++last;
  }
  int key_ = fresh_key();
};

TEST_F(ForeignSegment, python_attaches_what_we_made_and_we_what_python_made) {
  if (!has_python_module("sysv_ipc")) GTEST_SKIP() << "needs the Debian package python3-sysv-ipc";
  const std::string key = std::to_string(key_);
  {
    auto made = shared_memory::create(memory_name::system_v(key_), {.size_bytes = 777}).value();
    write_text(made, "from us");
    EXPECT_EQ(run_python("import sysv_ipc\n"
                         "m = sysv_ipc.SharedMemory(" +
                         key +
                         ")\n"
                         "print(m.size, oct(m.mode), m.number_attached, m.read(7).decode())\n"
                         "m.write(b'from Python')\n"
                         "m.detach()\n"),
              "777 0o600 2 from us\n");
    EXPECT_EQ(text_of(made.bytes().first(11)), "from Python");
    EXPECT_EQ(made.attach_count().value(), 1U);
  }
  run_python(
      "import sysv_ipc\n"
      "m = sysv_ipc.SharedMemory(" +
      key +
      ", sysv_ipc.IPC_CREX, mode=0o600, size=100)\n"
      "m.write(b'made by Python')\n"
      "m.detach()\n");
  auto opened = shared_memory::open(memory_name::system_v(key_));
  ASSERT_TRUE(opened) << opened.error().message();
  EXPECT_EQ(opened->size_bytes(), 100U);
  EXPECT_EQ(text_of(opened->bytes().first(14)), "made by Python");
  EXPECT_TRUE(opened->unlink());
}

TEST_F(ForeignSegment, we_attach_by_its_number_what_ipcmk_made) {
  const std::string told = output_of({"ipcmk", "-M", "4096", "-p", "0600"});
  const auto digits = told.find_first_of("0123456789");
  ASSERT_NE(digits, told.npos) << told;
  const auto name = memory_name::system_v_id(std::stoi(told.substr(digits)));
  auto opened = shared_memory::open(name, {.size_bytes = 4096});
  ASSERT_TRUE(opened) << opened.error().message();
  opened->writable_bytes()[0] = std::byte{1};
  EXPECT_TRUE(shared_memory::unlink(name));
}

TEST_F(ForeignSegment, ipcs_lists_what_we_made_and_ipcrm_removes_it) {
  const auto name = memory_name::system_v(key_);
  auto made = shared_memory::create(name, {.size_bytes = 777, .mode = 0640}).value();
  const std::string id = std::to_string(made.identity().inode);
  const std::string listed = output_of({"ipcs", "-m", "-i", id});
  EXPECT_NE(listed.find("mode=0640"), std::string::npos) << listed;
  EXPECT_NE(listed.find("bytes=777"), std::string::npos) << listed;
  EXPECT_NE(listed.find("nattch=1"), std::string::npos) << listed;
  output_of({"ipcrm", "-m", id});
  // F27: removed while in use
  EXPECT_FALSE(made.is_intact().value());
  made.writable_bytes()[0] = std::byte{1};
  EXPECT_EQ(shared_memory::open(name).error(), std::errc::no_such_file_or_directory);
  auto anew = shared_memory::create(name, {.size_bytes = 777}).value();
  EXPECT_EQ(made.unlink().error(), errc::removed) << "and the new one is left alone";
  EXPECT_TRUE(anew.is_intact().value());
}

}  // namespace
