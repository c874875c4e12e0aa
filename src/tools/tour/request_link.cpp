#include "tools/tour/request_link.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "tools/tour/queue_links.hpp"
#include "tools/tour/ring_links.hpp"

namespace sluice::tour {

namespace {

// What goes with each message (docs/request-format.md) fits beside the largest.
constexpr std::size_t header_bytes = 64;

result<std::size_t> copied(const_bytes from, mutable_bytes to) {
  if (from.size() > to.size()) return failure{std::errc::no_buffer_space, "request_link"};
  return copy_bytes(from, to);
}

}  // namespace

result<void> question_sender::send(const_bytes message) {
  auto asked = mine_->client.send(message);
  if (!asked) return failure{asked.error()};
  mine_->asked = *asked;
  return {};
}

result<std::size_t> reply_receiver::receive(mutable_bytes buffer) {
  auto told = mine_->client.wait(mine_->asked.value_or(0));
  if (!told) return failure{told.error()};
  if (told->failed) return failure{errc::corrupt, "request_link", "the server failed"};
  return copied(told->body, buffer);
}

result<std::size_t> question_receiver::receive(mutable_bytes buffer) {
  auto taken = mine_->server.take();
  if (!taken) return failure{taken.error()};
  mine_->taken = std::move(*taken);
  return copied(mine_->taken->body, buffer);
}

result<void> reply_sender::send(const_bytes message) {
  auto taken = std::exchange(mine_->taken, std::nullopt);
  if (!taken) return failure{std::errc::invalid_argument, "request_link", "nobody has asked"};
  return mine_->server.answer(*taken, {.body = {message.begin(), message.end()}});
}

result<request_link> request_link::create(const link_options& options) {
  const std::string name = fresh_name();
  const std::size_t capacity =
      ring_capacity({.max_message_bytes = options.max_message_bytes + header_bytes});
  return request_link{
      {.requests = fmt::format("queue:{}?take=1&senders=1&receivers=1&departure=report&capacity={}",
                               name, capacity),
       .replies = fmt::format("ring:{}.reply?capacity={}", name, capacity)},
      options};
}

result<conversation<question_sender, reply_receiver>> request_link::asker() && {
  auto client = request_client::open(
      service_, {.max_outstanding = 1, .max_reply_bytes = options_.max_message_bytes});
  if (!client) return failure{client.error()};
  auto mine = std::make_shared<asking_client>(asking_client{.client = std::move(*client)});
  return conversation<question_sender, reply_receiver>{question_sender{mine}, reply_receiver{mine}};
}

result<conversation<reply_sender, question_receiver>> request_link::answerer() && {
  auto server = request_server::open(service_, {.max_request_bytes = options_.max_message_bytes});
  if (!server) return failure{server.error()};
  auto mine = std::make_shared<answering_server>(answering_server{.server = std::move(*server)});
  return conversation<reply_sender, question_receiver>{reply_sender{mine}, question_receiver{mine}};
}

}  // namespace sluice::tour
