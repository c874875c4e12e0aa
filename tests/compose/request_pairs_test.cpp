// Questions and answers over every pair of channels that carries them, between processes: called,
// cancelled, over a server that is killed, and over the next one.

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <sluice/compose/ring_connection.hpp>
#include <sluice/compose/ring_listener.hpp>
#include <string>
#include <vector>

#include "compose/request_services.hpp"
#include "support/runtime_directory.hpp"

namespace sluice::test {
namespace {

// How a server in a child and a client in this process come together.
struct meeting {
  // In the child; `ready` once a client may come.
  std::function<request_server(const rendezvous& ready)> server;
  std::function<request_client()> client;  // after the child was forked
};

enum class after_death { closed, goes_on, waits };

struct pair_of_channels {
  const char* name;
  meeting (*meet)();
  // What the channel of requests does without a server: it has ended; the next server has it again;
  // or it also keeps what was sent meanwhile.
  after_death then;
};

// --- By addresses --------------------------------------------------------------------------------

// What a killed server leaves under its names goes with this, in the process that made it.
class names_of_the_killed {
 public:
  explicit names_of_the_killed(const request_service& service) {
    // The last to leave removes these; nobody is killed who made them.
    for (const std::string& address : {service.requests, service.cancels, service.replies}) {
      const std::string scheme = address.substr(0, address.find(':'));
      const bool is_request = address == service.requests;
      if (scheme == "topic" || (is_request && scheme != "fifo" && scheme != "unix"))
        keepers_.push_back(any_sender::open(address).value());
    }
    const auto where = endpoint::parse(service.requests).value();
    if (where.kind() == endpoint_kind::fifo) file_ = where.target_text() + ".fifo";
    if (where.kind() == endpoint_kind::unix_socket) file_ = where.target_text() + ".sock";
  }
  names_of_the_killed(const names_of_the_killed&) = delete;
  names_of_the_killed& operator=(const names_of_the_killed&) = delete;
  ~names_of_the_killed() {
    if (getpid() != maker_ || file_.empty()) return;
    std::filesystem::remove(private_runtime_directory::current() + "/" + file_);
  }

 private:
  pid_t maker_ = getpid();
  std::vector<any_sender> keepers_;
  std::string file_;
};

meeting at(const request_service& service) {
  auto names = std::make_shared<names_of_the_killed>(service);
  return {.server =
              [service](const rendezvous& ready) {
                auto made = request_server::open(service);
                EXPECT_TRUE(made) << made.error().message();
                ready.arrive();
                return std::move(made).value();
              },
          .client =
              [service, names] {
                auto made = request_client::open(service, {}, deadline{patience});
                EXPECT_TRUE(made) << made.error().message();
                return std::move(made).value();
              }};
}

meeting at_queue() { return at(shared_queue_service()); }
meeting at_topic() { return at(topic_service()); }
meeting at_names(const std::string& scheme, const std::string& options = "") {
  const std::string name = unique_name();
  return at({.requests = scheme + name + options, .replies = scheme + name + ".r" + options});
}
meeting at_system_v_queue() { return at_names("sysv:"); }
meeting at_posix_queue() { return at_names("mq:"); }
meeting at_mailbox() { return at_names("mailbox:"); }
meeting at_fifo() { return at_names("fifo:"); }
meeting at_fifo_that_stays_open() { return at_names("fifo:", "?stay_open=on"); }
meeting at_sockets(const std::string& type) { return at_names("unix:", "?socket=" + type); }
meeting at_unix_stream() { return at_sockets("stream"); }
meeting at_unix_seqpacket() { return at_sockets("seqpacket"); }
meeting at_unix_datagram() { return at_sockets("datagram"); }
meeting at_abstract_datagram() { return at_names("unix:@", "?socket=datagram"); }

// --- Put together --------------------------------------------------------------------------------

// Each process keeps its own ends alone. Where these prove nobody's life, under `presence` the
// client has made what does.
meeting over(connection made, const std::optional<std::string>& presence = {}) {
  auto both = std::make_shared<connection>(std::move(made));
  return {.server =
              [both, presence](const rendezvous& ready) {
                { auto parents = std::move(both->client); }
                if (presence) both->server.presence = request_presence::open(*presence).value();
                auto mine = request_server::over(std::move(both->server)).value();
                ready.arrive();
                return mine;
              },
          .client =
              [both] {
                { auto childs = std::move(both->server); }
                return request_client::over(std::move(both->client)).value();
              }};
}

meeting over_pipes() { return over(pipe_connection()); }

template <class Stream>
connection framed_connection(Stream client, Stream server) {
  using sender = framed_sender<Stream>;
  using receiver = framed_receiver<Stream>;
  auto clients = client.duplicate().value();
  auto servers = server.duplicate().value();
  return {.client = {.requests = sender::create(std::move(client)).value(),
                     .replies = receiver::create(std::move(clients)).value()},
          .server = {.requests = receiver::create(std::move(server)).value(),
                     .replies = sender::create(std::move(servers)).value()}};
}
meeting over_unix_stream() {
  auto made = unix_stream::create_pair().value();
  return over(framed_connection(std::move(made.first), std::move(made.second)));
}
meeting over_tcp() {
  auto listener = tcp_listener::create().value();
  auto client = tcp_stream::connect(listener.address(), deadline{patience}).value();
  auto server = listener.accept(deadline{patience}).value();
  return over(framed_connection(std::move(client), std::move(server)));
}
meeting over_seqpacket() {
  auto made = unix_seqpacket::create_pair().value();
  auto clients = made.first.duplicate().value();
  auto servers = made.second.duplicate().value();
  return over({.client = {.requests = std::move(made.first), .replies = std::move(clients)},
               .server = {.requests = std::move(made.second), .replies = std::move(servers)}});
}
// Nothing ends here when the server dies, and no address says where its life is proven.
meeting over_datagrams() {
  auto there = unix_datagram_receiver::create_pair().value();
  auto back = unix_datagram_receiver::create_pair().value();
  const std::string name = unique_name();
  return over(
      {.client = {.requests = std::move(there.sender),
                  .replies = std::move(back.receiver),
                  .presence = request_presence::create(name).value()},
       .server = {.requests = std::move(there.receiver), .replies = std::move(back.sender)}},
      name);
}

meeting over_rings() {
  auto there = std::make_shared<ring_channel>(ring_channel::create_anonymous().value());
  auto back = std::make_shared<ring_channel>(ring_channel::create_anonymous().value());
  return {.server =
              [=](const rendezvous& ready) {
                auto mine = request_server::over({.requests = ring_receiver::attach(*there).value(),
                                                  .replies = ring_sender::attach(*back).value()})
                                .value();
                ready.arrive();
                return mine;
              },
          .client =
              [=] {
                return request_client::over({.requests = ring_sender::attach(*there).value(),
                                             .replies = ring_receiver::attach(*back).value()})
                    .value();
              }};
}

// The ends of a ring_connection as they are.
meeting connected(ring_trust trust) {
  const std::string name = unique_name();
  auto kept = std::make_shared<std::vector<ring_connection>>();
  return {.server =
              [=](const rendezvous& ready) {
                auto listener = ring_listener::create(name, {.trust = trust}).value();
                ready.arrive();
                auto& theirs = kept->emplace_back(listener.accept(deadline{patience}).value());
                return request_server::over({.requests = std::move(theirs.receiver()),
                                             .replies = std::move(theirs.sender())})
                    .value();
              },
          .client =
              [=] {
                auto& mine =
                    kept->emplace_back(ring_connection::connect(name, deadline{patience}).value());
                auto client = request_client::over({.requests = std::move(mine.sender()),
                                                    .replies = std::move(mine.receiver())})
                                  .value();
                auto& ends = client.channels();
                if (trust == ring_trust::nobody) {
                  EXPECT_TRUE(ends.requests.get_if<hardened_sender>());
                  EXPECT_TRUE(ends.replies.get_if<hardened_receiver>());
                } else {
                  EXPECT_TRUE(ends.requests.get_if<ring_sender>());
                  EXPECT_TRUE(ends.replies.get_if<ring_receiver>());
                }
                return client;
              }};
}
meeting over_a_ring_connection() { return connected(ring_trust::same_user); }
meeting over_hardened_rings() { return connected(ring_trust::nobody); }

constexpr pair_of_channels all_pairs[]{
    {"ring_queue", &at_queue, after_death::waits},
    {"topic", &at_topic, after_death::waits},
    {"system_v", &at_system_v_queue, after_death::waits},
    {"posix_queue", &at_posix_queue, after_death::waits},
    {"mailbox", &at_mailbox, after_death::waits},
    {"fifo", &at_fifo, after_death::closed},
    {"fifo_that_stays_open", &at_fifo_that_stays_open, after_death::goes_on},
    {"unix_stream", &at_unix_stream, after_death::closed},
    {"unix_seqpacket", &at_unix_seqpacket, after_death::closed},
    {"unix_datagram", &at_unix_datagram, after_death::closed},
    {"abstract_datagram", &at_abstract_datagram, after_death::closed},
    {"pipes", &over_pipes, after_death::closed},
    {"unix_stream_pair", &over_unix_stream, after_death::closed},
    {"tcp", &over_tcp, after_death::closed},
    {"seqpacket_pair", &over_seqpacket, after_death::closed},
    {"datagram_pairs", &over_datagrams, after_death::closed},
    {"rings", &over_rings, after_death::closed},
    {"ring_connection", &over_a_ring_connection, after_death::closed},
    {"hardened_rings", &over_hardened_rings, after_death::closed},
};

class RequestPairs : public ::testing::TestWithParam<pair_of_channels> {
 protected:
  const rendezvous ready;
  const rendezvous has_one;

  // A process that serves.
  [[nodiscard]] child serving(const meeting& both) const {
    return child{[&] {
      auto mine = both.server(ready);
      static_cast<void>(mine.serve(obey));
    }};
  }
  // One that takes a request, and does nothing more.
  [[nodiscard]] child taking(const meeting& both) const {
    return child{[&] {
      auto mine = both.server(ready);
      ASSERT_TRUE(mine.take(deadline{patience}));
      has_one.arrive();
      ::pause();
    }};
  }
};

TEST_P(RequestPairs, a_call_is_answered_and_several_are_outstanding_at_once) {
  auto both = GetParam().meet();
  child server = serving(both);
  ready.wait();
  auto client = both.client();
  EXPECT_EQ(text_in(client.call(bytes_of("it"), deadline{patience})), "did it");
  std::vector<request_id> asked;
  for (int count = 0; count < 8; ++count)
    asked.push_back(client.send(bytes_of(std::to_string(count)), deadline{patience}).value());
  for (std::size_t last = asked.size(); last-- > 0;)
    EXPECT_EQ(text_in(client.wait(asked[last])), "did " + std::to_string(last));
  const auto failed = client.call(bytes_of("fail"), deadline{patience});
  ASSERT_TRUE(failed && failed->failed);
  EXPECT_EQ(failed->failed->code, 7);
  EXPECT_EQ(client.outstanding(), 0U);
}

TEST_P(RequestPairs, a_cancel_frees_the_server) {
  auto both = GetParam().meet();
  child server = serving(both);
  ready.wait();
  auto client = both.client();
  const auto id = client.send(bytes_of("hold")).value();
  wait_taken(client, id);
  EXPECT_TRUE(client.cancel(id));
  EXPECT_FALSE(client.is_outstanding(id));
  EXPECT_EQ(text_in(client.call(bytes_of("next"), deadline{patience})), "did next");
}

TEST_P(RequestPairs, a_killed_server_ends_what_it_had_with_closed_and_the_next_one_serves) {
  auto both = GetParam().meet();
  child victim = taking(both);
  ready.wait();
  auto client = both.client();
  // No deadline: only the death ends it.
  const auto lost = client.send(bytes_of("lost")).value();
  has_one.wait();
  victim.kill();
  EXPECT_EQ(client.wait(lost).error(), errc::closed);
  EXPECT_EQ(client.outstanding(), 0U);

  if (GetParam().then == after_death::closed) {
    EXPECT_EQ(client.call(bytes_of("nobody"), deadline{patience}).error(), errc::closed);
    auto again = GetParam().meet();
    child successor = serving(again);
    ready.wait();
    auto another = again.client();
    EXPECT_EQ(text_in(another.call(bytes_of("more"), deadline{patience})), "did more");
    return;
  }
  std::optional<request_id> waits;
  if (GetParam().then == after_death::waits) {
    // Nobody has it, so that nobody's death ends it.
    waits = client.send(bytes_of("waits")).value();
    EXPECT_EQ(client.wait(*waits, std::chrono::milliseconds{100}).error(), std::errc::timed_out);
    EXPECT_TRUE(client.is_outstanding(*waits));
  }
  child successor = serving(both);
  ready.wait();
  if (waits) {
    EXPECT_EQ(text_in(client.wait(*waits, deadline{patience})), "did waits");
  }
  EXPECT_EQ(text_in(client.call(bytes_of("more"), deadline{patience})), "did more");
}

void PrintTo(const pair_of_channels& one, std::ostream* out) { *out << one.name; }
INSTANTIATE_TEST_SUITE_P(Over, RequestPairs, ::testing::ValuesIn(all_pairs),
                         [](const auto& one) { return std::string{one.param.name}; });

// --- Where locks beside the channels prove who lives ---------------------------------------------

class RequestPairsOfLocks : public RequestPairs {};

TEST_P(RequestPairsOfLocks, of_several_servers_the_dead_one_alone_is_told_of) {
  auto both = GetParam().meet();
  child first = taking(both);
  child second = taking(both);
  ready.wait();
  ready.wait();
  auto client = both.client();
  const auto one = client.send(bytes_of("one")).value();
  has_one.wait();
  const auto other = client.send(bytes_of("other")).value();
  has_one.wait();
  first.kill();
  const auto lost = client.wait_any().value();
  EXPECT_EQ(lost.what.error(), errc::closed);
  EXPECT_TRUE(lost.id == one || lost.id == other);
  const auto kept = lost.id == one ? other : one;
  // Stopped, the other one lives.
  second.send_signal(SIGSTOP);
  second.wait_stopped();
  EXPECT_EQ(client.wait(kept, std::chrono::milliseconds{200}).error(), std::errc::timed_out);
  EXPECT_TRUE(client.is_outstanding(kept));
  second.kill();
  EXPECT_EQ(client.wait(kept).error(), errc::closed);
}

constexpr pair_of_channels queues[]{
    {"system_v", &at_system_v_queue, after_death::waits},
    {"posix_queue", &at_posix_queue, after_death::waits},
    {"mailbox", &at_mailbox, after_death::waits},
};
INSTANTIATE_TEST_SUITE_P(Over, RequestPairsOfLocks, ::testing::ValuesIn(queues),
                         [](const auto& one) { return std::string{one.param.name}; });

}  // namespace
}  // namespace sluice::test
