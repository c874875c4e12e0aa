// The file in which a client and its servers prove to each other that they live.

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <string>

#include "compose/request_frame.hpp"
#include "compose/request_presence_name.hpp"
#include "compose/request_services.hpp"
#include "support/another_user.hpp"
#include "support/runtime_directory.hpp"

namespace sluice::test {
namespace {

using namespace std::chrono_literals;
using frame = request_frame;

std::string file_of(const std::string& name) {
  return private_runtime_directory::current() + "/" + name + ".alive";
}

TEST(RequestPresence, each_side_knows_whether_the_other_lives) {
  const std::string name = unique_name();
  std::optional<request_presence> client{request_presence::create(name).value()};
  EXPECT_EQ(client->number(), request_presence::number_of_client);
  std::optional<request_presence> first{request_presence::open(name).value()};
  const auto second = request_presence::open(name).value();
  EXPECT_NE(first->number(), second.number());
  EXPECT_TRUE(client->lives(first->number()).value());
  EXPECT_TRUE(second.lives(first->number()).value());
  EXPECT_TRUE(second.client_lives().value());
  EXPECT_FALSE(client->lives(first->number() ^ second.number()).value());
  const std::uint32_t gone = first->number();
  first.reset();
  EXPECT_FALSE(client->lives(gone).value());
  EXPECT_TRUE(client->lives(second.number()).value());
  client.reset();
  EXPECT_FALSE(second.client_lives().value());
}

TEST(RequestPresence, a_name_is_one_clients_and_goes_with_it) {
  const std::string name = unique_name();
  EXPECT_EQ(request_presence::open(name).error(), std::errc::no_such_file_or_directory);
  EXPECT_EQ(request_presence::create("").error(), std::errc::invalid_argument);
  EXPECT_EQ(request_presence::create(name, {.mode = 0660}).error(), std::errc::invalid_argument);
  {
    const auto client = request_presence::create(name).value();
    EXPECT_EQ(request_presence::create(name).error(), std::errc::file_exists);
    struct stat found {};
    ASSERT_EQ(::stat(file_of(name).c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 07777U, 0600U);
    EXPECT_EQ(found.st_size, 0);
    child forked{[&] { EXPECT_FALSE(client.lives(1)); }};
    forked.wait_success();
    EXPECT_TRUE(std::filesystem::exists(file_of(name)));
  }
  EXPECT_FALSE(std::filesystem::exists(file_of(name)));
  EXPECT_EQ(request_presence::unlink(name).error(), std::errc::no_such_file_or_directory);
}

TEST(RequestPresence, what_is_no_such_file_is_refused) {
  const std::string name = unique_name();
  std::filesystem::create_symlink("/dev/null", file_of(name));
  EXPECT_EQ(request_presence::open(name).error(), std::errc::too_many_symbolic_link_levels);
  EXPECT_EQ(request_presence::create(name).error(), std::errc::file_exists);
  std::filesystem::remove(file_of(name));
  std::filesystem::create_directory(file_of(name));
  EXPECT_EQ(request_presence::open(name).error(), std::errc::invalid_argument);
  EXPECT_EQ(request_presence::unlink(name).error(), std::errc::invalid_argument);
  std::filesystem::remove(file_of(name));
  const auto client = request_presence::create(name).value();
  ASSERT_EQ(::chmod(file_of(name).c_str(), 0602), 0);
  EXPECT_EQ(request_presence::open(name).error(), std::errc::permission_denied);
  EXPECT_TRUE(request_presence::open(name, {.world_writable = true}));
  ASSERT_EQ(::chmod(file_of(name).c_str(), 0600), 0);
  EXPECT_EQ(request_presence::open(name, {.owner = nobody}).error(), std::errc::permission_denied);
}

TEST(RequestPresence, addresses_say_where_it_is_where_the_channel_does_not_tell_itself) {
  const auto beside = [](std::string_view address) -> std::string {
    const auto found = presence_beside(endpoint::parse(address).value());
    return found ? found->name : "";
  };
  for (const char* plain : {"sysv:a.0f", "mq:a.0f", "mq:/a.0f", "mailbox:a.0f", "fifo:a.0f",
                            "unix:a.0f?socket=datagram", "unix:@a.0f?socket=datagram"})
    EXPECT_EQ(beside(plain), "a.0f") << plain;
  EXPECT_EQ(beside("fifo:/run/a.0f"), "/run/a.0f.alive");
  for (const char* itself : {"ring:a", "queue:a", "topic:a", "unix:a", "unix:a?socket=seqpacket",
                             "tcp:127.0.0.1:1", "pipe:3,4"})
    EXPECT_EQ(beside(itself), "") << itself;
  const auto mode = [](std::string_view address) {
    return presence_beside(endpoint::parse(address).value())->options.mode;
  };
  // To lock is to write; in the private directory it is ours alone.
  EXPECT_EQ(mode("mailbox:a?mode=0640"), 0600U);
  EXPECT_EQ(mode("mailbox:a?mode=0640&directory=/run/x"), 0660U);
  EXPECT_EQ(mode("fifo:/run/x/a?mode=0622"), 0666U);
}

TEST(RequestPresence, a_server_of_another_user_uses_a_file_that_lets_it_in) {
  if (!may_change_user()) GTEST_SKIP() << "needs root";
  const private_runtime_directory made;
  request_presence_options options{.mode = 0666, .directory = {.path = made.path()}};
  ASSERT_EQ(::chmod(made.path().c_str(), 0755), 0);
  const std::string name = unique_name();
  const auto client = request_presence::create(name, options).value();
  as_nobody([&] {
    EXPECT_EQ(request_presence::open(name, options).error(), std::errc::permission_denied);
    options.owner = 0;
    options.world_writable = true;
    const auto server = request_presence::open(name, options);
    ASSERT_TRUE(server) << server.error().message();
    EXPECT_TRUE(server->client_lives().value());
    EXPECT_TRUE(client.lives(server->number()).error() == std::errc::operation_not_permitted);
  });
}

// --- Beside channels -----------------------------------------------------------------------------

request_service mailbox_service() {
  const std::string name = unique_name();
  return {.requests = "mailbox:" + name, .replies = "mailbox:" + name + ".r"};
}

TEST(RequestPresence, a_handler_sees_that_its_client_was_killed_and_its_file_is_cleared_away) {
  const request_service service = mailbox_service();
  auto server = request_server::open(service).value();
  std::uint64_t number = 0;
  {
    child victim{[&] { ask_and_stay(service); }};
    auto taken = server.take(deadline{patience});
    ASSERT_TRUE(taken);
    number = taken->client;
    EXPECT_FALSE(server.is_cancelled(*taken));
    EXPECT_TRUE(std::filesystem::exists(
        file_of(reply_name(endpoint::parse(service.replies)->target_text(), number))));
    victim.kill();
    EXPECT_TRUE(becomes_cancelled(server, *taken));
    EXPECT_TRUE(server.answer(*taken, said("nobody")));
  }
  const std::string left = reply_name(endpoint::parse(service.replies)->target_text(), number);
  EXPECT_FALSE(std::filesystem::exists(file_of(left)));
  EXPECT_TRUE(mailbox::unlink(left));  // a mailbox has no proof of its own, and stays
}

// A client whose server is the test: what it is told of holders are raw messages.
struct told {
  told() {
    const std::string name = unique_name();
    auto there = local_channel::create().value();
    auto back = local_channel::create().value();
    client.emplace(request_client::over({.requests = std::move(there.sender),
                                         .replies = std::move(back.receiver),
                                         .presence = request_presence::create(name).value()})
                       .value());
    requests.emplace(std::move(there.receiver));
    replies.emplace(std::move(back.sender));
    presence.emplace(request_presence::open(name).value());
  }
  void say(frame::kind what, request_id id, std::uint64_t value) {
    std::vector<std::byte> bytes;
    frame{.what = what, .client = client->number(), .id = id, .value = value}.encode({}, bytes);
    ASSERT_TRUE(replies->try_send(bytes));
  }
  std::optional<request_client> client;
  std::optional<local_receiver> requests;
  std::optional<local_sender> replies;
  std::optional<request_presence> presence;
};

TEST(RequestPresence, servers_of_other_versions_are_waited_for_until_the_deadline) {
  told both;
  const auto earlier = both.client->send(bytes_of("a")).value();
  const auto later = both.client->send(bytes_of("b")).value();
  const auto right = both.client->send(bytes_of("c")).value();
  const std::uint64_t free = both.presence->number() ^ 1U;
  both.say(frame::kind::taken, earlier, frame::nobody);
  both.say(frame::kind::taken, later, std::uint64_t{1} << 32 | free);
  both.say(frame::kind::taken, right, both.presence->number());
  EXPECT_EQ(both.client->wait_any(200ms).error(), std::errc::timed_out);
  EXPECT_EQ(both.client->outstanding(), 3U);
  // Neither keeps the proof from the one that gives it.
  both.presence.reset();
  EXPECT_EQ(both.client->wait(right).error(), errc::closed);
  both.say(frame::kind::reply, earlier, 0);
  both.say(frame::kind::reply, later, 0);
  EXPECT_TRUE(both.client->wait(earlier));
  EXPECT_TRUE(both.client->wait(later));
}

TEST(RequestPresence, what_a_dead_server_had_sent_counts) {
  told both;
  const auto answered = both.client->send(bytes_of("a")).value();
  const auto lost = both.client->send(bytes_of("b")).value();
  for (const request_id id : {answered, lost})
    both.say(frame::kind::taken, id, both.presence->number());
  both.say(frame::kind::reply, answered, 0);
  both.presence.reset();
  EXPECT_TRUE(both.client->wait(answered));
  EXPECT_EQ(both.client->wait(lost).error(), errc::closed);
}

TEST(RequestPresence, a_server_whose_client_made_no_file_serves_all_the_same) {
  const std::string name = unique_name();
  const request_service service{.requests = "mailbox:" + name, .replies = "mailbox:" + name + ".r"};
  auto server = request_server::open(service).value();
  auto client = request_client::open(service, {}, deadline{patience}).value();
  // As a client of an earlier version is.
  ASSERT_TRUE(std::filesystem::remove(file_of(reply_name(name + ".r", client.number()))));
  const auto id = client.send(bytes_of("x")).value();
  EXPECT_TRUE(server.serve_one(obey, deadline{patience}));
  EXPECT_EQ(text_in(client.wait(id, deadline{patience})), "did x");
}

}  // namespace
}  // namespace sluice::test
