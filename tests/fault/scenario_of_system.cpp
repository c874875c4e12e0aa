#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <sluice/sluice.hpp>
#include <string>

#include "fault/scenario.hpp"
#include "support/runtime_directory.hpp"

namespace sluice::test {

namespace {

using namespace std::chrono_literals;

// --- Events, memory, descriptors ---------------------------------------------------------------

void create_event(struck_step& step) {
  auto made = step([] { return event::create({.initial = 1}); });
  if (made) {
    EXPECT_TRUE(made->try_wait());
  }
}

void take_over_event(struck_step& step) {
  unique_fd fd{::eventfd(0, EFD_CLOEXEC)};
  ASSERT_TRUE(fd);
  auto made = step([&] { return event::from_native(std::move(fd)); });
  if (made) {
    EXPECT_TRUE(would_block(made->try_wait().error()));
  }
}

void notify_and_wait(struck_step& step) {
  auto made = event::create();
  ASSERT_TRUE(made);
  auto woken = step([&] { return made->notify().and_then([&] { return made->wait(10s); }); });
  if (woken) {
    EXPECT_TRUE(would_block(made->try_wait().error()));
  }
}

void watch_another(struck_step& step) {
  auto other = event::create({.initial = 1}).value();
  const auto watch =
      step([&] { return poll_watch::create(other.native_handle(), direction::readable); });
  if (watch) {
    pollfd one{.fd = watch->native_handle(), .events = POLLIN, .revents = 0};
    EXPECT_EQ(::poll(&one, 1, 0), 1);
  }
}

void wait_in_vain(struck_step& step) {
  auto made = event::create();
  ASSERT_TRUE(made);
  auto waited = step([&]() -> result<void> {
    auto outcome = made->wait(1ms);
    if (!outcome && outcome.error() == std::errc::timed_out) return {};
    return outcome;
  });
  static_cast<void>(waited);
}

void map_anonymous_memory(struck_step& step) {
  auto memory = step([] { return memory_map::create_anonymous(100'000); });
  if (!memory) return;
  memory->writable_bytes().back() = std::byte{1};
  EXPECT_EQ(memory->size_bytes(), 100'000u);
}

void duplicate_descriptor(struck_step& step) {
  auto made = event::create();
  ASSERT_TRUE(made);
  const unique_fd fd = std::move(*made).release_handle();
  auto copy = step([&] { return fd.duplicate(); });
  if (copy) {
    EXPECT_NE(copy->get(), fd.get());
  }
}

// --- Processes ---------------------------------------------------------------------------------

void fork_child(struck_step& step) {
  auto child = step([] { return process::fork([] { return 3; }); });
  if (child) {
    EXPECT_EQ(child->wait().value_or(exit_status{}).code, 3);
  }
}

void spawn_program(struck_step& step) {
  auto ends = pipe::create();
  ASSERT_TRUE(ends);
  auto child = step([&] {
    return process::spawn({.arguments = {"true"},
                           .descriptors = {{.target = 5, .source = ends->reader.native_handle()}}});
  });
  if (child) {
    EXPECT_TRUE(child->wait().value_or(exit_status{1, 0}).success());
  }
}

void open_process(struck_step& step) {
  auto handle = step([] { return process::open(::getpid()); });
  if (handle) {
    EXPECT_EQ(handle->id(), ::getpid());
  }
}

void signal_and_wait(struck_step& step) {
  auto child = process::fork([] {
    for (;;) ::pause();
    return 0;
  });
  ASSERT_TRUE(child);
  auto status =
      step([&] { return child->send_signal(SIGTERM).and_then([&] { return child->wait(10s); }); });
  if (status) {
    EXPECT_EQ(status->signal, SIGTERM);
  } else {
    ASSERT_TRUE(child->send_signal(SIGKILL));
    ASSERT_TRUE(child->wait());
  }
}

// --- Names -------------------------------------------------------------------------------------

void make_runtime_directory(struck_step& step) {
  const std::string path = private_runtime_directory::current() + "/made";
  const std::string before = private_runtime_directory::current();
  ::setenv("SLUICE_RUNTIME_DIR", path.c_str(), 1);
  auto made = step([] { return runtime_directory_path(); });
  ::setenv("SLUICE_RUNTIME_DIR", before.c_str(), 1);
  if (made) {
    EXPECT_EQ(*made, path);
  }
  ::rmdir(path.c_str());
}

void ask_whether_name_is_intact(struck_step& step) {
  auto place = name_place::resolve(*channel_name::parse("thing"), ".thing");
  ASSERT_TRUE(place);
  struct stat found {};
  ASSERT_EQ(::mknod(place->path().c_str(), S_IFREG | 0600, 0), 0);
  ASSERT_EQ(::stat(place->path().c_str(), &found), 0);
  const owned_name name{std::move(*place), {.device = found.st_dev, .inode = found.st_ino}};
  auto intact = step([&] { return name.is_intact(); });
  if (intact) {
    EXPECT_TRUE(*intact);
  }
}

void unlink_listed_name(struck_step& step) {
  auto made = fifo::create("listed").value();
  made.persist();
  const auto found = list_runtime_directory().value();
  ASSERT_EQ(found.size(), 1U);
  auto gone = step([&] { return unlink(found[0]); });
  EXPECT_EQ(::access(made.path().c_str(), F_OK) == 0, !gone);
  if (!gone) {
    EXPECT_TRUE(unlink(found[0]));
  }
}

void list_and_unlink_queue(struck_step& step) {
  const int id = ::msgget(IPC_PRIVATE, 0600);
  ASSERT_GE(id, 0);
  const auto ours = [id](const lasting_object& one) { return one.id == id; };
  auto gone = step([&] {
    return list_system_v().and_then([&](const std::vector<lasting_object>& found) {
      return unlink(*std::find_if(found.begin(), found.end(), ours));
    });
  });
  EXPECT_EQ(::msgctl(id, IPC_RMID, nullptr) == 0, !gone);
}

}  // namespace

const std::vector<scenario>& system_scenarios() {
  static const std::vector<scenario> table{
      {"create_event", create_event},
      {"take_over_event", take_over_event},
      {"notify_and_wait", notify_and_wait},
      {"watch_another", watch_another},
      {"wait_in_vain", wait_in_vain},
      {"map_anonymous_memory", map_anonymous_memory},
      {"duplicate_descriptor", duplicate_descriptor},
      {"fork_child", fork_child},
      {"spawn_program", spawn_program},
      {"open_process", open_process},
      {"signal_and_wait", signal_and_wait},
      {"make_runtime_directory", make_runtime_directory},
      {"ask_whether_name_is_intact", ask_whether_name_is_intact},
      {"unlink_listed_name", unlink_listed_name},
      {"list_and_unlink_queue", list_and_unlink_queue},
  };
  return table;
}

}  // namespace sluice::test
