// Programs that do not know each other meet at queues, mailboxes and memory that they find by name.

#include <gtest/gtest.h>

#include <deque>
#include <new>
#include <sluice/channel/mailbox.hpp>
#include <sluice/channel/posix_queue.hpp>
#include <sluice/channel/system_v_queue.hpp>
#include <sluice/primitive/shared_memory.hpp>
#include <string>

#include "process/guarded_number.hpp"
#include "support/isolation.hpp"
#include "support/program.hpp"

namespace sluice::test {
namespace {

std::vector<std::string> arguments(const std::string& kind, const std::string& role,
                                   const std::string& name, int number) {
  return {SLUICE_MEETING_PROGRAM, kind, role, name, std::to_string(number), "300"};
}

// Three senders and a receiver, which comes first or last.
void meet(const std::string& kind, const std::string& name) {
  for (const bool receiver_first : {true, false}) {
    std::deque<program> programs;
    if (receiver_first) programs.emplace_back(arguments(kind, "receive", name, 3));
    for (int id = 0; id < 3; ++id) programs.emplace_back(arguments(kind, "send", name, id));
    if (!receiver_first) programs.emplace_back(arguments(kind, "receive", name, 3));
    for (program& one : programs) one.wait_success();
  }
}

TEST(TwoPrograms, meet_at_a_system_v_queue_whoever_comes_first) {
  const auto made = system_v_queue::create("orders").value();
  meet("system-v-queue", "orders");
}

TEST(TwoPrograms, meet_at_a_posix_queue_whoever_comes_first) {
  const std::string name = unique_name();
  const auto made = posix_queue::create(name).value();
  meet("posix-queue", name);
}

TEST(TwoPrograms, meet_at_a_mailbox_whoever_comes_first) {
  const auto made = mailbox::create("orders").value();
  meet("mailbox", "orders");
}

TEST(TwoPrograms, count_together_in_memory_under_a_mutex) {
  const auto made = shared_memory::create(
      "sum", {.size_bytes = sizeof(guarded_number), .initialize = [](mutable_bytes memory) {
                new (memory.data()) guarded_number;
                return result<void>{};
              }});
  ASSERT_TRUE(made) << made.error().message();
  {
    program one{arguments("memory", "count", "sum", 0)};
    program other{arguments("memory", "count", "sum", 0)};
    one.wait_success();
    other.wait_success();
  }
  EXPECT_EQ(reinterpret_cast<const guarded_number*>(made->bytes().data())->value, 600U);
}

}  // namespace
}  // namespace sluice::test
