// Garbage on the channels of requests and replies, and floods of it: H6, H10, H13.

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <random>
#include <string>

#include "compose/request_frame.hpp"
#include "compose/request_services.hpp"

namespace sluice::test {
namespace {

using namespace std::chrono_literals;
using frame = request_frame;

std::vector<std::byte> encoded(const frame& what, std::string_view body = {}) {
  std::vector<std::byte> bytes;
  what.encode(bytes_of(body), bytes);
  return bytes;
}

// A client whose server is the test: what it sends are raw messages.
struct asked {
  explicit asked(const request_client_options& options = {}) {
    auto there = local_channel::create({.capacity_messages = 1024}).value();
    auto back = local_channel::create({.capacity_messages = 1024}).value();
    client.emplace(
        request_client::over(
            {.requests = std::move(there.sender), .replies = std::move(back.receiver)}, options)
            .value());
    requests.emplace(std::move(there.receiver));
    replies.emplace(std::move(back.sender));
  }
  std::optional<request_client> client;
  std::optional<local_receiver> requests;
  std::optional<local_sender> replies;
};

TEST(HostileServer, what_is_no_reply_is_counted_and_the_real_one_still_comes) {
  asked both;
  const auto id = both.client->send(bytes_of("x")).value();
  const std::uint64_t me = both.client->number();
  const auto right = encoded({.what = frame::kind::reply, .client = me, .id = id}, "right");
  std::uint64_t garbage = 0;
  for (std::size_t size = 0; size < frame::size_bytes; ++size, ++garbage)
    ASSERT_TRUE(both.replies->try_send(const_bytes{right}.first(size)));
  // Any changed byte of the first eight.
  for (std::size_t at = 0; at < 8; ++at, ++garbage) {
    auto wrong = right;
    wrong[at] ^= std::byte{0x80};
    ASSERT_TRUE(both.replies->try_send(wrong));
  }
  for (const frame& wrong : {frame{.what = frame::kind::request, .client = me, .id = id},
                             frame{.what = frame::kind::cancel, .client = me, .id = id},
                             frame{.what = frame::kind::reply, .client = me, .id = id, .value = 1},
                             frame{.what = frame::kind::reply, .client = me, .id = 0}}) {
    ASSERT_TRUE(both.replies->try_send(encoded(wrong)));
    ++garbage;
  }
  ASSERT_TRUE(both.replies->try_send(
      encoded({.what = frame::kind::taken, .client = me, .id = id}, "with a body")));
  ++garbage;
  // Others' numbers, and ours that were never used, or of a slot that does not exist.
  ASSERT_TRUE(
      both.replies->try_send(encoded({.what = frame::kind::reply, .client = ~me, .id = id})));
  for (const request_id unused : {id + 1, id + (1 << 16), ~request_id{0}})
    ASSERT_TRUE(
        both.replies->try_send(encoded({.what = frame::kind::reply, .client = me, .id = unused})));
  ASSERT_TRUE(both.replies->try_send(right));
  ASSERT_TRUE(both.replies->try_send(right));
  EXPECT_EQ(text_in(both.client->wait(id, deadline{patience})), "right");
  EXPECT_EQ(both.client->wait_any().error(), std::errc::no_message_available);
  EXPECT_EQ(both.client->statistics().garbage, garbage);
  EXPECT_EQ(both.client->statistics().of_others, 1U);
  const auto next = both.client->send(bytes_of("y")).value();
  EXPECT_EQ(both.client->wait(next, 1ms).error(), std::errc::timed_out);
  EXPECT_EQ(both.client->statistics().late, 4U);  // the second answer with them
}

TEST(HostileServer, a_flood_of_garbage_moves_no_deadline) {
  asked both;
  const auto before = deadline::clock::now();
  const auto id = both.client->send(bytes_of("x"), 50ms).value();
  std::atomic<bool> over = false;
  std::thread flood{[&] {
    const std::vector<std::byte> garbage(1000);
    while (!over)
      static_cast<void>(both.replies->send(garbage, deadline{std::chrono::milliseconds{1}}));
  }};
  EXPECT_EQ(both.client->wait(id).error(), std::errc::timed_out);
  over = true;
  flood.join();
  EXPECT_GE(deadline::clock::now() - before, 50ms);
  EXPECT_GT(both.client->statistics().garbage, 0U);
}

TEST(HostileServer, a_holder_that_is_nobody_fails_the_request_and_nothing_else) {
  // H10: numbers of participants are the server's word; only the kernel's lock decides.
  auto back = ring_queue::create_anonymous().value();
  auto there = local_channel::create().value();
  auto client = request_client::over({.requests = std::move(there.sender),
                                      .replies = ring_queue_receiver::attach(back).value()})
                    .value();
  auto server = ring_queue_sender::attach(back).value();
  const auto forged = client.send(bytes_of("a")).value();
  const auto honest = client.send(bytes_of("b")).value();
  const auto mine = frame::value_of(server.participant());
  for (const auto& [id, holder] :
       {std::pair{forged, std::uint64_t{0xffff'fffe}}, std::pair{honest, mine}})
    ASSERT_TRUE(server.try_send(encoded(
        {.what = frame::kind::taken, .client = client.number(), .id = id, .value = holder})));
  EXPECT_EQ(client.wait(forged, deadline{patience}).error(), errc::closed);
  EXPECT_EQ(client.wait(honest, 100ms).error(), std::errc::timed_out);
  EXPECT_TRUE(client.is_outstanding(honest));
  ASSERT_TRUE(server.try_send(
      encoded({.what = frame::kind::reply, .client = client.number(), .id = honest}, "still")));
  EXPECT_EQ(text_in(client.wait(honest, deadline{patience})), "still");
}

// A server whose client is the test.
struct serving {
  explicit serving(const request_server_options& options = {}) {
    auto there = local_channel::create({.capacity_messages = 1024}).value();
    auto back = local_channel::create({.capacity_messages = 1024}).value();
    requests.emplace(std::move(there.sender));
    replies.emplace(std::move(back.receiver));
    server.emplace(
        request_server::over(
            {.requests = std::move(there.receiver), .replies = std::move(back.sender)}, options)
            .value());
  }
  std::optional<local_sender> requests;
  std::optional<local_receiver> replies;
  std::optional<request_server> server;
};

TEST(HostileClient, what_is_no_request_is_reported_once_each_and_serving_goes_on) {
  serving both;
  const auto right = encoded({.what = frame::kind::request, .client = 1, .id = 1}, "x");
  for (std::size_t size = 0; size < frame::size_bytes; ++size) {
    ASSERT_TRUE(both.requests->try_send(const_bytes{right}.first(size)));
    EXPECT_EQ(both.server->take().error(), errc::corrupt);
  }
  ASSERT_TRUE(both.requests->try_send(encoded({.what = frame::kind::reply, .client = 1, .id = 1})));
  EXPECT_EQ(both.server->take().error(), errc::corrupt);
  ASSERT_TRUE(both.requests->try_send(right));
  EXPECT_EQ(text_of(both.server->take().value().body), "x");
  EXPECT_EQ(both.server->statistics().garbage, frame::size_bytes + 1);
}

TEST(HostileClient, floods_of_cancels_and_requests_take_bounded_memory) {
  serving both{{.max_taken = 4, .max_clients = 4}};
  std::mt19937_64 random{7};
  std::uint64_t handed_out = 0;
  for (int round = 0; round < 200; ++round) {
    for (int count = 0; count < 50; ++count)
      ASSERT_TRUE(both.requests->try_send(
          encoded({.what = count % 2 == 0 ? frame::kind::cancel : frame::kind::request,
                   .client = random(),
                   .id = random() | 1,
                   .value = count % 2 == 0 ? 0U : random()})));
    // What one look reads ahead is bounded by what may be taken.
    for (auto request = both.server->take(deadline::now()); request;
         request = both.server->take(deadline::now())) {
      ++handed_out;
      static_cast<void>(both.server->is_cancelled(*request));
      EXPECT_TRUE(both.server->answer(*request, {}));
    }
    std::array<std::byte, 64> buffer;
    while (both.replies->try_receive(buffer)) {
    }
  }
  EXPECT_GT(handed_out, 4000U);
}

TEST(HostileClient, random_bytes_never_become_a_request) {
  serving both;
  std::mt19937 random{8};
  for (int round = 0; round < 20'000; ++round) {
    std::vector<std::byte> message(random() % 100);
    for (std::byte& one : message) one = static_cast<std::byte>(random());
    ASSERT_TRUE(both.requests->try_send(message));
    EXPECT_EQ(both.server->take(deadline::now()).error(), errc::corrupt);
  }
}

// It has said that it has the request, and dies before that has left the channel.
void announce_and_die(const request_service& service, const rendezvous& said_so) {
  auto requests = any_receiver::open(service.requests).value();
  ASSERT_TRUE(requests.wait_readable(deadline{patience}));
  const auto view = requests.try_peek().value();
  const auto seen = frame::decode(view.bytes()).value();
  auto where = endpoint::parse(service.replies).value();
  if (where.kind() != endpoint_kind::topic)
    where = where.with_name(reply_name(where.target_text(), seen.client)).value();
  auto replies = any_sender::open(where).value();
  const auto holder = frame::value_of(replies.participant());
  ASSERT_TRUE(replies.try_send(encoded(
      {.what = frame::kind::taken, .client = seen.client, .id = seen.id, .value = holder})));
  said_so.arrive();
  ::pause();
}

TEST(HalfServer, what_one_had_only_announced_when_it_was_killed_is_done_by_nobody) {
  for (const request_service& service : {shared_queue_service(), topic_service()}) {
    auto asking = request_client::open(service).value();
    const rendezvous said_so;
    child victim{[&] { announce_and_die(service, said_so); }};
    const auto id = asking.send(bytes_of("hold")).value();
    said_so.wait();
    wait_taken(asking, id);
    victim.kill();
    EXPECT_EQ(asking.wait(id, deadline{patience}).error(), errc::closed);
    const rendezvous ready;
    const child successor = server_process(service, ready);
    ready.wait();
    EXPECT_EQ(text_in(asking.call(bytes_of("after"), deadline{patience})), "did after");
  }
}

}  // namespace
}  // namespace sluice::test
