// Questions and answers, both sides in one process: what each side promises by itself.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <sluice/compose/typed_request.hpp>
#include <string>
#include <thread>

#include "compose/request_services.hpp"
#include "support/asleep.hpp"

namespace sluice::test {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

// A client and a server of one connection; the server moves when it is told to.
struct pair_of_sides {
  explicit pair_of_sides(connection both = local_connection(),
                         const request_client_options& of_client = {},
                         const request_server_options& of_server = {})
      : client(request_client::over(std::move(both.client), of_client).value()),
        server(request_server::over(std::move(both.server), of_server).value()) {}
  request_client client;
  request_server server;
};

TEST(RequestReply, each_request_gets_its_reply_in_whatever_order_they_come) {
  pair_of_sides both;
  const auto first = both.client.send(bytes_of("first")).value();
  const auto second = both.client.send(bytes_of("second")).value();
  const auto third = both.client.send(bytes_of("third")).value();
  EXPECT_EQ(both.client.outstanding(), 3U);
  std::vector<incoming_request> taken;
  for (int count = 0; count < 3; ++count) taken.push_back(both.server.take().value());
  EXPECT_EQ(both.server.take(deadline::now()).error(), std::errc::timed_out);
  for (const std::size_t which : {2U, 0U, 1U})
    EXPECT_TRUE(
        both.server.answer(taken[which], said("re " + std::string{text_of(taken[which].body)})));
  EXPECT_EQ(text_in(both.client.wait(first)), "re first");
  const auto next = both.client.wait_any().value();
  EXPECT_EQ(next.id, third);
  EXPECT_EQ(text_in(next.what), "re third");
  EXPECT_EQ(text_in(both.client.wait(second)), "re second");
  EXPECT_EQ(both.client.wait_any().error(), std::errc::no_message_available);
}

TEST(RequestReply, an_outcome_is_told_once) {
  pair_of_sides both;
  const auto id = both.client.send(bytes_of("x")).value();
  const auto taken = both.server.take().value();
  EXPECT_TRUE(both.server.answer(taken, said("once")));
  EXPECT_EQ(both.server.answer(taken, said("twice")).error(), std::errc::invalid_argument);
  EXPECT_EQ(text_in(both.client.wait(id)), "once");
  EXPECT_FALSE(both.client.is_outstanding(id));
  EXPECT_EQ(both.client.wait(id).error(), std::errc::invalid_argument);
  EXPECT_EQ(both.client.cancel(id).error(), std::errc::invalid_argument);
}

TEST(RequestReply, a_handler_that_fails_gives_a_number_and_a_text) {
  pair_of_sides both;
  const auto one = both.client.send(bytes_of("fail")).value();
  const auto other = both.client.send(bytes_of("fail generic")).value();
  EXPECT_TRUE(both.server.serve_one(obey));
  EXPECT_TRUE(both.server.serve_one(obey));
  auto got = both.client.wait(one);
  ASSERT_TRUE(got && got->failed);
  EXPECT_EQ(got->failed->domain, request_error_domain::service);
  EXPECT_EQ(got->failed->code, 7);
  EXPECT_EQ(got->failed->text, "as was asked");
  got = both.client.wait(other);
  ASSERT_TRUE(got && got->failed);
  EXPECT_EQ(*got->failed, std::errc::no_such_device);
}

TEST(RequestReply, a_long_text_of_a_failure_is_cut) {
  pair_of_sides both;
  const auto id = both.client.send(bytes_of("x")).value();
  EXPECT_TRUE(both.server.serve_one([](request_in_hand&) {
    return reply{.body = {}, .failed = request_error{1, std::string(5000, 't')}};
  }));
  EXPECT_EQ(both.client.wait(id)->failed->text.size(), request_error::max_text_bytes);
}

TEST(RequestReply, a_deadline_ends_a_request_and_nothing_that_comes_later_is_told) {
  pair_of_sides both;
  const auto before = deadline::clock::now();
  const auto id = both.client.send(bytes_of("slow"), 30ms).value();
  const auto taken = both.server.take().value();
  EXPECT_FALSE(taken.answered_by.is_never());
  EXPECT_EQ(both.client.wait(id).error(), std::errc::timed_out);
  EXPECT_GE(deadline::clock::now() - before, 30ms);
  EXPECT_FALSE(both.client.is_outstanding(id));
  // The server is told.
  EXPECT_TRUE(both.server.is_cancelled(taken));
  EXPECT_TRUE(both.server.answer(taken, said("late")));
  EXPECT_EQ(both.server.statistics().cancelled, 1U);

  // Without asking: the server knows the deadline.
  const auto again = both.client.send(bytes_of("slow"), 1ms).value();
  const auto deaf = both.server.take().value();
  EXPECT_EQ(both.client.wait(again).error(), std::errc::timed_out);
  EXPECT_TRUE(both.server.answer(deaf, said("late")));
  const auto next = both.client.send(bytes_of("next")).value();
  EXPECT_TRUE(both.server.serve_one(obey));
  EXPECT_EQ(text_in(both.client.wait(next)), "did next");
  EXPECT_EQ(both.server.statistics().expired, 1U);
  EXPECT_EQ(both.client.statistics().failed, 2U);
  EXPECT_EQ(both.client.statistics().late, 0U);
}

TEST(RequestReply, waiting_shorter_than_the_request_lets_it_go_on) {
  pair_of_sides both;
  const auto id = both.client.send(bytes_of("x")).value();
  EXPECT_EQ(both.client.wait(id, deadline::now()).error(), std::errc::timed_out);
  EXPECT_EQ(both.client.wait_any(5ms).error(), std::errc::timed_out);
  EXPECT_TRUE(both.client.is_outstanding(id));
  EXPECT_TRUE(both.server.serve_one(obey));
  EXPECT_EQ(text_in(both.client.wait(id)), "did x");
}

TEST(RequestReply, a_cancelled_request_is_seen_by_its_handler_and_its_reply_is_not_sent) {
  pair_of_sides both;
  const auto id = both.client.send(bytes_of("hold")).value();
  const auto taken = both.server.take().value();
  EXPECT_FALSE(both.server.is_cancelled(taken));
  EXPECT_TRUE(both.client.cancel(id));
  EXPECT_TRUE(both.server.is_cancelled(taken));
  EXPECT_TRUE(both.server.answer(taken, said("for nobody")));
  EXPECT_EQ(both.server.statistics().answered, 0U);
  EXPECT_EQ(both.client.outstanding(), 0U);
  EXPECT_EQ(both.client.statistics().cancelled, 1U);
}

TEST(RequestReply, what_was_cancelled_or_expired_before_it_was_taken_is_not_handed_out) {
  pair_of_sides both;
  const auto first = both.client.send(bytes_of("first")).value();
  const auto second = both.client.send(bytes_of("second")).value();
  const auto third = both.client.send(bytes_of("third"), 1ms).value();
  const auto last = both.client.send(bytes_of("last")).value();
  EXPECT_TRUE(both.client.cancel(second));
  const auto taken = both.server.take().value();
  EXPECT_FALSE(both.server.is_cancelled(taken));  // reads the others, and the cancel
  EXPECT_EQ(both.client.wait(third).error(), std::errc::timed_out);
  // The server was told how much time is left, and counts it from when it read that.
  std::this_thread::sleep_for(1ms);
  EXPECT_TRUE(both.server.answer(taken, said("done")));
  EXPECT_TRUE(both.server.serve_one(obey));
  EXPECT_EQ(text_in(both.client.wait(first)), "done");
  EXPECT_EQ(text_in(both.client.wait(last)), "did last");
  EXPECT_EQ(both.server.statistics().cancelled, 1U);
  EXPECT_EQ(both.server.statistics().expired, 1U);
}

TEST(RequestReply, limits_are_kept_on_both_sides) {
  pair_of_sides both{local_connection(),
                     {.max_outstanding = 2, .max_reply_bytes = 100},
                     {.max_taken = 1, .max_request_bytes = 50, .max_clients = 1}};
  const auto id = both.client.send(bytes_of("large 101")).value();
  const auto too_large = both.client.send(std::vector<std::byte>(51)).value();
  EXPECT_TRUE(would_block(both.client.send(bytes_of("third")).error()));
  EXPECT_TRUE(both.server.serve_one(obey));
  EXPECT_EQ(both.client.wait(id).error(), std::errc::message_size);
  EXPECT_EQ(both.server.take(deadline::now()).error(), std::errc::timed_out);
  const auto refused = both.client.wait(too_large);
  ASSERT_TRUE(refused && refused->failed);
  EXPECT_EQ(*refused->failed, std::errc::message_size);

  const auto exact = both.client.send(bytes_of("large 100")).value();
  const auto taken = both.server.take().value();
  EXPECT_EQ(both.server.take(deadline::now()).error(), std::errc::device_or_resource_busy);
  EXPECT_TRUE(both.server.answer(taken, said("y")));
  EXPECT_EQ(text_in(both.client.wait(exact)), "y");
  EXPECT_EQ(request_client::over(local_connection().client, {.max_outstanding = 0}).error(),
            std::errc::invalid_argument);
  EXPECT_EQ(request_server::over(local_connection().server, {.max_clients = 1}).error(),
            std::errc::invalid_argument);
}

TEST(RequestReply, the_end_of_either_channel_fails_what_is_outstanding_with_closed) {
  for (auto make : {local_connection, pipe_connection}) {
    auto both = make();
    auto client = request_client::over(std::move(both.client)).value();
    const auto waits = client.send(bytes_of("a")).value();
    const auto answered = client.send(bytes_of("b")).value();
    {
      auto server = request_server::over(std::move(both.server)).value();
      static_cast<void>(server.take().value());
      const auto second = server.take().value();
      EXPECT_TRUE(server.answer(second, said("in time")));
    }
    EXPECT_EQ(client.wait(waits).error(), errc::closed);
    EXPECT_EQ(text_in(client.wait(answered)), "in time");
    EXPECT_EQ(client.send(bytes_of("c")).error(), errc::closed);
    EXPECT_EQ(client.outstanding(), 0U);
  }
  // And the server is told that nobody asks any more.
  auto both = pipe_connection();
  auto server = request_server::over(std::move(both.server)).value();
  { auto client = request_client::over(std::move(both.client)).value(); }
  EXPECT_TRUE(server.serve(obey));
}

TEST(RequestReply, a_client_that_goes_cancels_what_it_asked) {
  auto both = pipe_connection();
  auto server = request_server::over(std::move(both.server)).value();
  std::optional<incoming_request> taken;
  {
    auto client = request_client::over(std::move(both.client)).value();
    static_cast<void>(client.send(bytes_of("hold")).value());
    taken = server.take().value();
    EXPECT_FALSE(server.is_cancelled(*taken));
    auto elsewhere = std::move(client);
    EXPECT_FALSE(server.is_cancelled(*taken));
  }
  EXPECT_TRUE(server.is_cancelled(*taken));
}

TEST(RequestReply, large_requests_and_replies_pass_through_full_pipes_at_once) {
  auto both = pipe_connection();
  child other{[&] {
    { auto parents = std::move(both.client); }
    auto server = request_server::over(std::move(both.server)).value();
    EXPECT_TRUE(server.serve([](request_in_hand& request) {
      return reply{.body = {request.body().begin(), request.body().end()}};
    }));
  }};
  { auto childs = std::move(both.server); }
  auto client = request_client::over(std::move(both.client)).value();
  std::vector<request_id> ids;
  const std::string body(300'000, 'b');
  for (int count = 0; count < 8; ++count)
    ids.push_back(client.send(bytes_of(body), deadline{patience}).value());
  for (const request_id id : ids) EXPECT_EQ(text_in(client.wait(id)), body);
  { auto gone = std::move(client); }
  other.wait_success();
}

TEST(RequestReply, a_request_that_a_pipe_took_half_of_goes_out_while_we_wait) {
  auto both = pipe_connection();
  const pid_t asking = getpid();
  child other{[&] {
    { auto parents = std::move(both.client); }
    auto server = request_server::over(std::move(both.server)).value();
    wait_until_asleep(asking);  // with the rest of its request, which the pipe had no room for
    EXPECT_TRUE(server.serve([](request_in_hand& request) {
      return reply{.body = {request.body().begin(), request.body().end()}};
    }));
  }};
  { auto childs = std::move(both.server); }
  auto client = request_client::over(std::move(both.client)).value();
  const std::string body(300'000, 'b');
  EXPECT_EQ(text_in(client.call(bytes_of(body), deadline{patience})), body);
  { auto gone = std::move(client); }
  other.wait_success();
}

struct question {
  static constexpr std::string_view type_name = "test.question/1";
  std::uint32_t number = 0;
};

TEST(TypedRequest, values_are_asked_and_answered_and_other_types_are_refused) {
  auto both = local_connection();
  typed_request_client<question, std::string> client{
      request_client::over(std::move(both.client)).value()};
  typed_request_server<question, std::string> server{
      request_server::over(std::move(both.server)).value()};
  const auto handler = [](const question& asked, request_in_hand&) -> answer_or_error<std::string> {
    if (asked.number == 0) return request_error{std::errc::argument_out_of_domain, "not zero"};
    return "number " + std::to_string(asked.number);
  };
  const auto good = client.send({.number = 5}).value();
  const auto bad = client.send({.number = 0}).value();
  EXPECT_TRUE(server.serve_one(handler));
  EXPECT_TRUE(server.serve_one(handler));
  EXPECT_EQ(std::get<std::string>(client.wait(good).value()), "number 5");
  EXPECT_EQ(std::get<request_error>(client.wait(bad).value()), std::errc::argument_out_of_domain);

  const auto another = client.client().send(typed_body<std::uint32_t>::of(5)).value();
  const auto torn = client.client().send(bytes_of("tiny")).value();
  EXPECT_TRUE(server.serve_one(handler));
  EXPECT_TRUE(server.serve_one(handler));
  EXPECT_EQ(std::get<request_error>(client.wait(another).value()), errc::incompatible);
  EXPECT_EQ(std::get<request_error>(client.wait(torn).value()), errc::corrupt);
}

}  // namespace
}  // namespace sluice::test
