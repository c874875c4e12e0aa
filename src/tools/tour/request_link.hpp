#pragma once
// Request and reply in the tour: a client that asks over a ring queue, and gets its replies over a
// ring of its own.

#include <cstddef>
#include <memory>
#include <optional>
#include <sluice/compose/request_client.hpp>
#include <sluice/compose/request_server.hpp>
#include <string>
#include <utility>

#include "tools/tour/link.hpp"

namespace sluice::tour {

/// The client, and the request that is under way. Of both ends of a conversation.
struct asking_client {
  request_client client;
  std::optional<request_id> asked = {};
};
/// The server, and the request that it has in hand.
struct answering_server {
  request_server server;
  std::optional<incoming_request> taken = {};
};

class question_sender {
 public:
  explicit question_sender(std::shared_ptr<asking_client> mine) : mine_(std::move(mine)) {}
  [[nodiscard]] result<void> send(const_bytes message);

 private:
  std::shared_ptr<asking_client> mine_;
};
class reply_receiver {
 public:
  explicit reply_receiver(std::shared_ptr<asking_client> mine) : mine_(std::move(mine)) {}
  [[nodiscard]] result<std::size_t> receive(mutable_bytes buffer);

 private:
  std::shared_ptr<asking_client> mine_;
};
class question_receiver {
 public:
  explicit question_receiver(std::shared_ptr<answering_server> mine) : mine_(std::move(mine)) {}
  [[nodiscard]] result<std::size_t> receive(mutable_bytes buffer);

 private:
  std::shared_ptr<answering_server> mine_;
};
class reply_sender {
 public:
  explicit reply_sender(std::shared_ptr<answering_server> mine) : mine_(std::move(mine)) {}
  [[nodiscard]] result<void> send(const_bytes message);

 private:
  std::shared_ptr<answering_server> mine_;
};

class request_link {
 public:
  [[nodiscard]] static result<request_link> create(const link_options& options);
  [[nodiscard]] result<conversation<question_sender, reply_receiver>> asker() &&;
  [[nodiscard]] result<conversation<reply_sender, question_receiver>> answerer() &&;
  void leave_to(crew&) {}

 private:
  request_link(request_service service, const link_options& options)
      : service_(std::move(service)), options_(options) {}
  request_service service_;
  link_options options_;
};

}  // namespace sluice::tour
