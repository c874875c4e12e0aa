// Messages on the channels of requests and replies that nobody of ours has sent: the frames, a
// server that reads them, and a client that does.

#include <algorithm>
#include <sluice/channel/local_channel.hpp>
#include <sluice/compose/request_client.hpp>
#include <sluice/compose/request_server.hpp>
#include <vector>

#include "compose/request_frame.hpp"
#include "fuzz/script.hpp"
#include "fuzz/target.hpp"
#include "fuzz/targets.hpp"

namespace sluice::test {
namespace {

void check_frame(const_bytes message) {
  const auto frame = request_frame::decode(message);
  if (!frame) return;
  const const_bytes body = request_frame::body_of(message);
  std::vector<std::byte> again;
  frame->encode(body, again);
  require(std::ranges::equal(again, message), "a frame has one form");
  const request_error why = frame->as_error(body);
  require(why.text.size() <= request_error::max_text_bytes, "the text of an error is bounded");
  // Domains of later versions are a service's to us.
  require(request_frame::value_of(why) == frame->value || (frame->value & 0xffff'ffff) > 2,
          "an error is the one that was sent");
  require(request_frame::value_of(frame->as_holder()) == frame->value, "a holder has one form");
  require(frame->as_deadline().is_never() || frame->value != 0, "no deadline is invented");
}

// A message of the script's: any bytes, or a frame whose numbers may be right.
std::vector<std::byte> next_message(script& input, std::uint64_t client,
                                    std::initializer_list<request_id> ids) {
  const std::size_t form = input.below(4);
  if (form == 0) {
    const const_bytes bytes = input.piece(input.below(80));
    return {bytes.begin(), bytes.end()};
  }
  const request_frame frame{
      .what = static_cast<request_frame::kind>(input.below(7)),
      .client = form == 1 ? input.number<std::uint64_t>() : client + input.below(2),
      .id = form == 2 || ids.size() == 0 ? input.below(4) : ids.begin()[input.below(ids.size())],
      .value = input.coin() ? 0 : input.number<std::uint64_t>()};
  const const_bytes some = input.piece(input.below(40));
  std::vector<std::byte> body{some.begin(), some.end()};
  if (input.below(16) == 0) body.resize(2000, std::byte{'x'});
  std::vector<std::byte> bytes;
  frame.encode(body, bytes);
  return bytes;
}

void check_server(script& input) {
  auto there = local_channel::create().value();
  auto back = local_channel::create().value();
  auto server = request_server::over(
                    {.requests = std::move(there.receiver), .replies = std::move(back.sender)},
                    {.max_taken = 4, .reply_patience = std::chrono::microseconds{50}})
                    .value();
  std::vector<incoming_request> taken;
  std::vector<std::vector<std::byte>> sent;
  while (!input.is_over()) {
    switch (input.below(4)) {
      case 0:
        if (taken.empty()) break;
        static_cast<void>(server.is_cancelled(taken.front()));
        static_cast<void>(server.answer(taken.front(), {.body = taken.front().body}));
        taken.erase(taken.begin());
        break;
      case 1: {
        auto request = server.take(deadline::now());
        if (!request) break;
        require(std::ranges::any_of(sent,
                                    [&](const auto& one) {
                                      return one.size() >= request_frame::size_bytes &&
                                             std::ranges::equal(request_frame::body_of(one),
                                                                request->body);
                                    }),
                "a request has the body that was sent");
        taken.push_back(std::move(*request));
        break;
      }
      default:
        sent.push_back(next_message(input, 1, {}));
        check_frame(sent.back());
        if (!there.sender.try_send(sent.back())) sent.pop_back();
    }
    require(taken.size() <= 4, "no more are taken than may be");
  }
  std::array<std::byte, 4096> said;
  while (auto size = back.receiver.try_receive(said)) {
    const auto frame = request_frame::decode(const_bytes{said}.first(*size));
    require(frame.has_value(), "a server says nothing but frames");
    require(frame->what == request_frame::kind::reply ||
                frame->what == request_frame::kind::error ||
                frame->what == request_frame::kind::taken,
            "a server says what servers say");
  }
  const request_server_statistics& seen = server.statistics();
  require(seen.taken + seen.garbage <= sent.size(), "no request is invented");
}

void check_client(script& input) {
  auto there = local_channel::create().value();
  auto back = local_channel::create().value();
  auto client = request_client::over(
                    {.requests = std::move(there.sender), .replies = std::move(back.receiver)},
                    {.max_outstanding = 2, .max_reply_bytes = 32})
                    .value();
  const request_id first = client.send(bytes_of("a")).value();
  const request_id second = client.send(bytes_of("b")).value();
  std::size_t told = 0;
  std::size_t sent = 0;
  while (!input.is_over()) {
    const auto message = next_message(input, client.number(), {first, second});
    check_frame(message);
    if (back.sender.try_send(message)) ++sent;
    if (input.below(4) != 0) continue;
    const auto outcome = client.wait_any(deadline::now());
    if (!outcome) continue;
    ++told;
    require(outcome->id == first || outcome->id == second, "only what was asked is answered");
    require(!client.is_outstanding(outcome->id), "a request is told of once");
    require(!outcome->what || outcome->what->body.size() <= 32, "a long reply is dropped");
  }
  require(told + client.outstanding() == 2, "each request has one outcome");
  const request_client_statistics& seen = client.statistics();
  require(seen.answered + seen.late + seen.garbage + seen.of_others <= sent + 2,
          "no reply is invented");
}

}  // namespace
}  // namespace sluice::test

int sluice_fuzz_requests(const std::uint8_t* data, std::size_t size) {
  using namespace sluice::test;
  const nothing_left_behind checked;
  script input{data, size};
  switch (input.below(3)) {
    case 0:
      check_frame(input.rest());
      break;
    case 1:
      check_server(input);
      break;
    default:
      check_client(input);
  }
  return 0;
}
