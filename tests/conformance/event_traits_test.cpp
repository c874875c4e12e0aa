// The cells of events that lie in shared memory or in the kernel under a name, held against what
// processes really see.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <new>
#include <set>
#include <sluice/os/memory_map.hpp>
#include <sluice/os/unique_fd.hpp>
#include <sluice/primitive/event.hpp>
#include <sluice/primitive/posix_semaphore.hpp>
#include <sluice/primitive/shared_event.hpp>
#include <sluice/primitive/system_v_semaphore_set.hpp>
#include <string>
#include <string_view>

#include "support/child.hpp"
#include "support/runtime_directory.hpp"

namespace sluice::test {
namespace {

template <class E>
constexpr bool has_descriptor = requires(const E& event) { event.native_handle(); };

// By definition of the type: no payload and no descriptor. Equal things have only one order.
template <class E>
void expect_no_payload() {
  constexpr const channel_capabilities& stated = channel_traits<E>;
  EXPECT_EQ(stated.pollable, has_descriptor<E>);
  EXPECT_EQ(stated.max_message_bytes, 0U);
  EXPECT_FALSE(stated.keeps_boundaries || stated.zero_copy || stated.carries_handles);
  EXPECT_FALSE(stated.selective);
  EXPECT_EQ(stated.order, ordering::total);
}

// Two processes notify and end, then two others take; each finds the event by itself.
template <class E>
void expect_of_processes(const auto& with_event) {
  constexpr const channel_capabilities& stated = channel_traits<E>;
  const auto in_a_process = [&](const auto& body) {
    child other{[&] { with_event(body); }};
    other.wait_success();
  };
  int notified = 0;
  for (int i = 0; i < 2; ++i) {
    in_a_process([](E& event) { EXPECT_TRUE(event.notify()); });
    ++notified;
  }
  EXPECT_EQ(notified == 2, stated.many_senders);
  EXPECT_EQ(stated.reaches, reach::one_machine);
  // Nobody has it open now.
  EXPECT_TRUE(stated.survives_processes);
  for (int i = 0; i < 2; ++i) in_a_process([](E& event) { EXPECT_TRUE(event.try_wait()); });
  in_a_process([](E& event) { EXPECT_FALSE(event.try_wait()); });
  EXPECT_TRUE(stated.many_receivers);
}

TEST(EventTraits, of_a_posix_semaphore_hold_between_processes) {
  expect_no_payload<posix_semaphore>();
  posix_semaphore::create("kept").value().persist();
  expect_of_processes<posix_semaphore>([](const auto& body) {
    auto event = posix_semaphore::open("kept").value();
    body(event);
  });
  EXPECT_TRUE(posix_semaphore::unlink("kept"));
}

TEST(EventTraits, of_a_system_v_semaphore_hold_between_processes) {
  expect_no_payload<system_v_semaphore>();
  system_v_semaphore_set::create("kept").value().persist();
  expect_of_processes<system_v_semaphore>([](const auto& body) {
    auto event = system_v_semaphore_set::open("kept").value().semaphore(0).value();
    body(event);
  });
  EXPECT_TRUE(system_v_semaphore_set::unlink("kept"));
}

TEST(EventTraits, of_a_shared_event_hold_between_processes_that_map_its_memory) {
  expect_no_payload<shared_event>();
  const std::string path = private_runtime_directory::current() + "/memory";
  const auto map_file = [&] {
    const unique_fd file{::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
    EXPECT_EQ(::ftruncate(file.get(), sizeof(shared_event)), 0);
    return memory_map::map(file.get(), {.size_bytes = sizeof(shared_event)}).value();
  };
  { new (map_file().writable_bytes().data()) shared_event{{.counting = true}}; }
  expect_of_processes<shared_event>([&](const auto& body) {
    const memory_map memory = map_file();
    body(*std::launder(reinterpret_cast<shared_event*>(memory.writable_bytes().data())));
  });
  EXPECT_EQ(::unlink(path.c_str()), 0);
}

TEST(EventTraits, have_different_names) {
  const std::array names{channel_traits<event>.mechanism, channel_traits<shared_event>.mechanism,
                         channel_traits<posix_semaphore>.mechanism,
                         channel_traits<system_v_semaphore>.mechanism};
  EXPECT_EQ(std::set<std::string_view>(names.begin(), names.end()).size(), names.size());
}

}  // namespace
}  // namespace sluice::test
