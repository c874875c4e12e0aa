#pragma once
// Ways to put the channels of a service together, and servers that do what the tests ask for.

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <sluice/compose/request_client.hpp>
#include <sluice/compose/request_server.hpp>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "support/child.hpp"
#include "support/isolation.hpp"

namespace sluice::test {

/// A service with a name of its own: one queue of requests, and for each client one of replies.
inline request_service shared_queue_service(const std::string& name = unique_name()) {
  return {.requests = "queue:" + name + "?take=1&capacity=64K",
          .replies = "queue:" + name + ".reply?capacity=64K&senders=8",
          .cancels = "topic:" + name + ".cancel?capacity=64K&policy=overwrite"};
}
/// The same, but all replies go over a topic.
inline request_service topic_service(const std::string& name = unique_name()) {
  return {.requests = "queue:" + name + "?take=1&capacity=64K",
          .replies = "topic:" + name + ".reply?capacity=64K&publishers=8",
          .cancels = "topic:" + name + ".cancel?capacity=64K&policy=overwrite"};
}

/// Both sides of one connection over two pipes.
struct connection {
  request_client_ends client;
  request_server_ends server;
};
inline connection pipe_connection() {
  auto made = duplex_pipe::create().value();
  using sender = framed_sender<pipe_writer>;
  using receiver = framed_receiver<pipe_reader>;
  return {.client = {.requests = sender::create(std::move(made.first.writer)).value(),
                     .replies = receiver::create(std::move(made.first.reader)).value()},
          .server = {.requests = receiver::create(std::move(made.second.reader)).value(),
                     .replies = sender::create(std::move(made.second.writer)).value()}};
}
inline connection local_connection() {
  auto there = local_channel::create().value();
  auto back = local_channel::create().value();
  return {.client = {.requests = std::move(there.sender), .replies = std::move(back.receiver)},
          .server = {.requests = std::move(there.receiver), .replies = std::move(back.sender)}};
}

inline std::string text_in(const result<reply>& got) {
  if (!got) return got.error().message();
  if (got->failed) return "failed: " + got->failed->text;
  return std::string{text_of(got->body)};
}

inline reply said(std::string_view text) {
  const const_bytes bytes = bytes_of(text);
  return {.body = {bytes.begin(), bytes.end()}};
}

/// What servers of these tests do. "hold" is never answered but when it is cancelled.
inline reply obey(request_in_hand& request) {
  const std::string_view asked = text_of(request.body());
  if (asked == "fail") return {.body = {}, .failed = request_error{7, "as was asked"}};
  if (asked == "fail generic")
    return {.body = {}, .failed = request_error{std::errc::no_such_device, "none"}};
  if (asked == "hold") {
    while (!request.is_cancelled()) std::this_thread::yield();
    return said("was cancelled");
  }
  if (asked.starts_with("large ")) {
    return {.body = std::vector<std::byte>(std::stoul(std::string{asked.substr(6)}))};
  }
  return said("did " + std::string{asked});
}

/// A process that serves until it is killed.
inline child server_process(const request_service& service, const rendezvous& ready,
                            const request_server_options& options = {}) {
  return child{[&service, &ready, options] {
    auto server = request_server::open(service, options);
    ASSERT_TRUE(server) << server.error().message();
    ready.arrive();
    static_cast<void>(server->serve(obey));
  }};
}

/// Waits until a server has the request.
inline void wait_taken(request_client& client, request_id id) {
  const deadline until{patience};
  while (!client.is_taken(id) && !until.has_passed())
    static_cast<void>(client.wait(id, deadline{std::chrono::milliseconds{1}}));
  ASSERT_TRUE(client.is_taken(id));
}

/// A client that asks and then does nothing more, until it is killed.
inline void ask_and_stay(const request_service& service) {
  auto mine = request_client::open(service, {}, deadline{patience}).value();
  static_cast<void>(mine.send(bytes_of("hold")).value());
  ::pause();
}

/// Waits until the server sees that nobody wants this any more.
inline bool becomes_cancelled(request_server& server, const incoming_request& taken) {
  const deadline until{patience};
  while (!server.is_cancelled(taken) && !until.has_passed())
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
  return server.is_cancelled(taken);
}

}  // namespace sluice::test
