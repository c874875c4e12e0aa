// Questions and answers between processes that are killed, stopped and started again.

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstring>
#include <map>
#include <sluice/channel/hardened_ring.hpp>
#include <string>

#include "compose/request_services.hpp"
#include "support/runtime_directory.hpp"
#include "support/shared_array.hpp"

namespace sluice::test {
namespace {

using namespace std::chrono_literals;

class RequestProcesses : public ::testing::TestWithParam<request_service (*)(const std::string&)> {
 protected:
  request_service service = GetParam()(unique_name());
  rendezvous ready;

  request_client client(const request_client_options& options = {}) {
    auto made = request_client::open(service, options, deadline{patience});
    EXPECT_TRUE(made) << made.error().message();
    return std::move(made).value();
  }
};

TEST_P(RequestProcesses, clients_and_servers_find_each_other_whoever_comes_first) {
  auto early = client();
  const auto id = early.send(bytes_of("early")).value();
  child first = server_process(service, ready);
  child second = server_process(service, ready);
  ready.wait();
  ready.wait();
  EXPECT_EQ(text_in(early.wait(id, deadline{patience})), "did early");
  auto late = client();
  for (int round = 0; round < 50; ++round) {
    EXPECT_EQ(text_in(early.call(bytes_of("a"), deadline{patience})), "did a");
    EXPECT_EQ(text_in(late.call(bytes_of("b"), deadline{patience})), "did b");
  }
  EXPECT_EQ(early.statistics().late + late.statistics().late, 0U);
}

TEST_P(RequestProcesses, a_killed_server_fails_what_it_had_taken_with_closed_and_nothing_else) {
  auto asking = client();
  // Each holds one request; what is asked behind these waits in the queue.
  child first = server_process(service, ready);
  child second = server_process(service, ready);
  ready.wait();
  ready.wait();
  const auto one = asking.send(bytes_of("hold")).value();
  wait_taken(asking, one);
  const auto other = asking.send(bytes_of("hold")).value();
  wait_taken(asking, other);
  const auto queued = asking.send(bytes_of("queued")).value();
  // No deadline anywhere: only the death ends it.
  first.kill();
  const auto lost = asking.wait_any().value();
  EXPECT_EQ(lost.what.error(), errc::closed);
  EXPECT_TRUE(lost.id == one || lost.id == other);
  const auto kept = lost.id == one ? other : one;
  EXPECT_EQ(asking.wait(kept, 100ms).error(), std::errc::timed_out);
  EXPECT_TRUE(asking.is_outstanding(kept));
  // A server that is started again does what nobody had taken.
  child successor = server_process(service, ready);
  ready.wait();
  EXPECT_EQ(text_in(asking.wait(queued, deadline{patience})), "did queued");
  EXPECT_TRUE(asking.cancel(kept));
  EXPECT_EQ(text_in(asking.call(bytes_of("after"), deadline{patience})), "did after");
}

TEST_P(RequestProcesses, where_requests_are_redelivered_another_server_answers_once) {
  const request_server_options options{.custody = request_custody::redelivered};
  auto asking = client();
  const rendezvous has_it;
  std::optional<child> victim;
  victim.emplace([&] {
    auto server = request_server::open(service, options);
    ASSERT_TRUE(server) << server.error().message();
    ASSERT_TRUE(server->take());
    has_it.arrive();
    ::pause();
  });
  const auto id = asking.send(bytes_of("again")).value();
  has_it.wait();
  victim->kill();
  child heir = server_process(service, ready, options);
  ready.wait();
  EXPECT_EQ(text_in(asking.wait(id, deadline{patience})), "did again");
  EXPECT_EQ(text_in(asking.call(bytes_of("next"), deadline{patience})), "did next");
  EXPECT_EQ(asking.statistics().late, 0U);
}

TEST_P(RequestProcesses, a_stopped_server_is_never_taken_for_dead) {
  // F12, F13
  auto asking = client({.longest_sleep = 1ms});
  child server = server_process(service, ready);
  ready.wait();
  const auto id = asking.send(bytes_of("hold")).value();
  wait_taken(asking, id);
  server.send_signal(SIGSTOP);
  server.wait_stopped();
  EXPECT_EQ(asking.wait(id, 300ms).error(), std::errc::timed_out);
  EXPECT_TRUE(asking.is_outstanding(id));
  server.send_signal(SIGCONT);
  EXPECT_TRUE(asking.cancel(id));
  EXPECT_EQ(text_in(asking.call(bytes_of("on"), deadline{patience})), "did on");
}

TEST_P(RequestProcesses, a_cancel_reaches_the_server_that_has_the_request_among_several) {
  auto asking = client();
  child first = server_process(service, ready);
  child second = server_process(service, ready);
  child third = server_process(service, ready);
  for (int count = 0; count < 3; ++count) ready.wait();
  std::array<request_id, 3> held{};
  for (request_id& id : held) {
    id = asking.send(bytes_of("hold")).value();
    wait_taken(asking, id);
  }
  // All three are busy until they hear of it.
  for (const request_id id : held) EXPECT_TRUE(asking.cancel(id));
  for (int round = 0; round < 6; ++round)
    EXPECT_EQ(text_in(asking.call(bytes_of("free"), deadline{patience})), "did free");
}

TEST_P(RequestProcesses, what_was_cancelled_before_a_server_came_holds_it_up_no_more) {
  auto asking = client();
  const auto id = asking.send(bytes_of("hold")).value();
  EXPECT_TRUE(asking.cancel(id));
  child server = server_process(service, ready);
  ready.wait();
  EXPECT_EQ(text_in(asking.call(bytes_of("free"), deadline{patience})), "did free");
}

TEST_P(RequestProcesses, a_deadline_frees_the_server_too) {
  auto asking = client();
  child server = server_process(service, ready);
  ready.wait();
  const auto id = asking.send(bytes_of("hold"), 50ms).value();
  EXPECT_EQ(asking.wait(id).error(), std::errc::timed_out);
  EXPECT_EQ(text_in(asking.call(bytes_of("free"), deadline{patience})), "did free");
}

TEST_P(RequestProcesses, many_clients_get_their_own_replies_while_servers_are_killed) {
  // Leaves last and in order, so that no name stays.
  std::vector<any_sender> keepers;
  for (const std::string& address : {service.requests, service.cancels, service.replies})
    if (address.starts_with("topic:") || address == service.requests)
      keepers.push_back(any_sender::open(address).value());
  constexpr int clients = 3;
  constexpr int requests = 200;
  std::vector<child> asking;
  for (int who = 0; who < clients; ++who)
    asking.emplace_back([this, who] {
      auto mine = client();
      std::map<request_id, std::string> asked;
      int answered = 0;
      int lost = 0;
      for (int next = 0; answered + lost < requests;) {
        while (next < requests && asked.size() < 8) {
          const std::string text = std::to_string(who) + "/" + std::to_string(next++);
          asked[mine.send(bytes_of(text), deadline{patience}).value()] = text;
        }
        auto outcome = mine.wait_any(deadline{patience});
        ASSERT_TRUE(outcome) << outcome.error().message();
        const auto which = asked.find(outcome->id);
        ASSERT_NE(which, asked.end()) << "an outcome that nobody waits for";
        if (outcome->what) {
          EXPECT_EQ(text_in(outcome->what), "did " + which->second);
          ++answered;
        } else {
          EXPECT_EQ(outcome->what.error(), errc::closed);
          ++lost;
        }
        asked.erase(which);
      }
      EXPECT_GT(answered, 0);
    });
  std::optional<child> steady{server_process(service, ready)};
  ready.wait();
  for (int round = 0; round < 10; ++round) {
    child victim = server_process(service, ready);
    ready.wait();
    std::this_thread::sleep_for(2ms);
    victim.kill();
  }
  for (child& one : asking) one.wait_success();
}

INSTANTIATE_TEST_SUITE_P(SharedQueue, RequestProcesses, ::testing::Values(&shared_queue_service));
INSTANTIATE_TEST_SUITE_P(Topic, RequestProcesses, ::testing::Values(&topic_service));

// --- One to one ----------------------------------------------------------------------------------

TEST(RequestConnection, a_killed_server_at_the_other_end_of_pipes_fails_everything_at_once) {
  auto both = pipe_connection();
  const rendezvous has_it;
  child server{[&] {
    { auto parents = std::move(both.client); }
    auto mine = request_server::over(std::move(both.server)).value();
    static_cast<void>(mine.take().value());
    has_it.arrive();
    ::pause();
  }};
  { auto childs = std::move(both.server); }
  auto client = request_client::over(std::move(both.client)).value();
  const auto taken = client.send(bytes_of("a")).value();
  const auto waiting = client.send(bytes_of("b")).value();
  has_it.wait();
  server.kill();
  EXPECT_EQ(client.wait(taken).error(), errc::closed);
  EXPECT_EQ(client.wait(waiting).error(), errc::closed);
  EXPECT_EQ(client.send(bytes_of("c")).error(), errc::closed);
}

TEST(RequestConnection, a_killed_server_at_the_other_end_of_rings_fails_everything_at_once) {
  auto there = ring_channel::create_anonymous().value();
  auto back = ring_channel::create_anonymous().value();
  const rendezvous has_it;
  child server{[&] {
    auto mine = request_server::over({.requests = ring_receiver::attach(there).value(),
                                      .replies = ring_sender::attach(back).value()})
                    .value();
    EXPECT_TRUE(mine.serve_one(obey));
    static_cast<void>(mine.take().value());
    has_it.arrive();
    ::pause();
  }};
  auto client = request_client::over({.requests = ring_sender::attach(there).value(),
                                      .replies = ring_receiver::attach(back).value()})
                    .value();
  EXPECT_EQ(text_in(client.call(bytes_of("a"), deadline{patience})), "did a");
  const auto taken = client.send(bytes_of("b")).value();
  const auto waiting = client.send(bytes_of("c")).value();
  has_it.wait();
  server.kill();
  EXPECT_EQ(client.wait(taken).error(), errc::closed);
  EXPECT_EQ(client.wait(waiting).error(), errc::closed);
}

TEST(RequestConnection, a_client_that_is_killed_costs_its_server_nothing_but_its_reply) {
  const request_service service = shared_queue_service();
  auto server = request_server::open(service, {.reply_patience = 50ms}).value();
  const rendezvous asked;
  child victim{[&] {
    auto mine = request_client::open(service, {}, deadline{patience}).value();
    static_cast<void>(mine.send(bytes_of("for nobody")).value());
    asked.arrive();
    ::pause();
  }};
  asked.wait();
  auto taken = server.take(deadline{patience});
  ASSERT_TRUE(taken);
  victim.kill();
  for (int count = 0; count < 100; ++count) static_cast<void>(server.is_cancelled(*taken));
  static_cast<void>(server.answer(*taken, said("nobody")));
  auto client = request_client::open(service, {}, deadline{patience}).value();
  const auto id = client.send(bytes_of("x")).value();
  EXPECT_TRUE(server.serve_one(obey, deadline{patience}));
  EXPECT_EQ(text_in(client.wait(id, deadline{patience})), "did x");
}

TEST(RequestConnection, a_handler_sees_that_its_client_was_killed) {
  const request_service service = shared_queue_service();
  auto server = request_server::open(service).value();
  child victim{[&] { ask_and_stay(service); }};
  auto taken = server.take(deadline{patience});
  ASSERT_TRUE(taken);
  EXPECT_FALSE(server.is_cancelled(*taken));
  victim.kill();
  EXPECT_TRUE(becomes_cancelled(server, *taken));
  EXPECT_TRUE(server.answer(*taken, said("nobody")));
  EXPECT_EQ(server.statistics().undeliverable, 0U);
}

TEST(RequestConnection, a_client_that_takes_no_replies_does_not_hold_the_others_up) {
  const request_service service = shared_queue_service();
  auto slow = request_client::open(service, {}, deadline{patience}).value();
  auto quick = request_client::open(service, {}, deadline{patience}).value();
  child server{[&] {
    auto mine = request_server::open(service, {.reply_patience = 20ms}).value();
    static_cast<void>(mine.serve(obey));
  }};
  for (int count = 0; count < 8; ++count)
    ASSERT_TRUE(slow.send(bytes_of("large 30000"), deadline{patience}));
  EXPECT_EQ(text_in(quick.call(bytes_of("x"), deadline{patience})), "did x");
}

TEST(RequestConnection, replies_go_over_queues_of_the_kernel_where_a_lock_beside_them_tells) {
  const std::string name = unique_name();
  for (const std::string scheme : {"sysv:", "mq:", "mailbox:"}) {
    const request_service service{.requests = scheme + name, .replies = scheme + name + ".r"};
    const rendezvous ready;
    auto client = request_client::open(service, {}, deadline{patience}).value();
    child server = server_process(service, ready);
    ready.wait();
    EXPECT_EQ(text_in(client.call(bytes_of("x"), deadline{patience})), "did x") << scheme;
    const auto id = client.send(bytes_of("hold")).value();
    wait_taken(client, id);
    // No deadline: only the death ends it.
    server.kill();
    EXPECT_EQ(client.wait(id).error(), errc::closed) << scheme;
  }
}

}  // namespace
}  // namespace sluice::test
