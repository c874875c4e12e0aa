// What addresses of channels mean, and where they are wrong.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sluice/compose/endpoint.hpp>
#include <span>
#include <string>
#include <string_view>

namespace sluice::test {
namespace {

using ::testing::HasSubstr;

endpoint parsed(std::string_view text) {
  endpoint_complaint complaint;
  auto made = endpoint::parse(text, complaint);
  EXPECT_TRUE(made) << complaint.explain(text);
  return made.value();
}

template <class Target>
Target target_of(std::string_view text) {
  return std::get<Target>(parsed(text).target());
}

TEST(Endpoint, each_kind_of_channel_has_its_scheme) {
  const std::pair<std::string_view, endpoint_kind> all[]{
      {"ring:ticks", endpoint_kind::ring},        {"queue:work", endpoint_kind::queue},
      {"topic:prices", endpoint_kind::topic},     {"fifo:/tmp/log", endpoint_kind::fifo},
      {"sysv:jobs", endpoint_kind::sysv},         {"mq:/name", endpoint_kind::mq},
      {"mailbox:box", endpoint_kind::mailbox},    {"signal:4711", endpoint_kind::signal},
      {"pipe:3,4", endpoint_kind::pipe},          {"unix:/run/x", endpoint_kind::unix_socket},
      {"tcp:127.0.0.1:9000", endpoint_kind::tcp}, {"udp:localhost:53", endpoint_kind::udp}};
  for (const auto& [text, kind] : all) {
    EXPECT_EQ(parsed(text).kind(), kind) << text;
    EXPECT_EQ(parsed(text).text(), text);
    EXPECT_TRUE(text.starts_with(parsed(text).scheme()));
  }
}

TEST(Endpoint, the_target_is_what_its_scheme_says) {
  EXPECT_EQ(target_of<std::string>("ring:ticks"), "ticks");
  EXPECT_EQ(target_of<std::string>("fifo:/tmp/a%20b%3fc"), "/tmp/a b?c");
  EXPECT_EQ(target_of<process_address>("signal:12"), process_address{12});
  EXPECT_EQ(target_of<descriptor_address>("pipe:3,4"), (descriptor_address{3, 4}));
  EXPECT_EQ(target_of<descriptor_address>("pipe:-,0"), (descriptor_address{-1, 0}));
  EXPECT_EQ(target_of<unix_socket_target>("unix:/run/app"),
            (unix_socket_target{"/run/app", false}));
  EXPECT_EQ(target_of<unix_socket_target>("unix:@app"), (unix_socket_target{"app", true}));
  EXPECT_EQ(target_of<inet_socket_target>("tcp:[fe80::1:2]:80"),
            (inet_socket_target{"fe80::1:2", 80}));
  EXPECT_EQ(target_of<inet_socket_target>("tcp:[1:2:3:4:5:6:7:8]:0").host, "1:2:3:4:5:6:7:8");
  EXPECT_EQ(target_of<inet_socket_target>("udp:a-host.example:65535"),
            (inet_socket_target{"a-host.example", 65535}));
  EXPECT_EQ(parsed("tcp:[::]:9").target_text(), "[::]:9");
}

TEST(Endpoint, options_have_units_and_stand_for_what_the_classes_call_so) {
  const endpoint ring = parsed("ring:t?capacity=64K&spin=20us&sleep=1s&full=drop&mode=640");
  EXPECT_EQ(ring.number(endpoint_option::capacity), 65'536U);
  EXPECT_EQ(ring.number(endpoint_option::spin), 20'000U);
  EXPECT_EQ(ring.number(endpoint_option::sleep), 1'000'000'000U);
  EXPECT_EQ(ring.number(endpoint_option::full), 2U);
  EXPECT_EQ(ring.number(endpoint_option::mode), 0640U);
  EXPECT_FALSE(ring.number(endpoint_option::owner));
  EXPECT_FALSE(ring.has(endpoint_option::owner));
  EXPECT_EQ(parsed("sysv:?key=0x5a11").number(endpoint_option::key), 0x5a11U);
  EXPECT_EQ(parsed("sysv:?key=23057").number(endpoint_option::key), 0x5a11U);
  EXPECT_EQ(parsed("ring:t?directory=/run/a%26b").text(endpoint_option::directory), "/run/a&b");
  EXPECT_EQ(parsed("fifo:t?stay_open=on").number(endpoint_option::stay_open), 1U);
  EXPECT_EQ(parsed("topic:t?policy=overwrite").number(endpoint_option::policy), 2U);
}

TEST(Endpoint, a_text_has_one_canonical_form) {
  EXPECT_EQ(parsed("ring:t?mode=600&capacity=1048576&create=no").text(),
            "ring:t?create=no&mode=0600&capacity=1M");
  EXPECT_EQ(parsed("ring:t?spin=0s").text(), "ring:t?spin=0ns");
  EXPECT_EQ(parsed("sysv:?key=23057").text(), "sysv:?key=0x5a11");
  EXPECT_EQ(parsed("fifo:/a%2Fb%20").text(), "fifo:/a/b%20");
  EXPECT_EQ(parsed("queue:q?take=1&capacity=4K"), parsed("queue:q?capacity=4096&take=1"));
  EXPECT_NE(parsed("queue:q?take=1"), parsed("queue:q?take=2"));
  EXPECT_NE(parsed("queue:q"), parsed("ring:q"));
}

struct wrong {
  std::string_view text;
  std::size_t column;
  std::string_view what;
  std::string_view allowed;
};

void expect_complaints(std::span<const wrong> all) {
  for (const wrong& one : all) {
    endpoint_complaint complaint;
    const auto made = endpoint::parse(one.text, complaint);
    ASSERT_FALSE(made) << one.text;
    EXPECT_EQ(made.error(), std::errc::invalid_argument);
    EXPECT_EQ(complaint.column, one.column) << complaint.explain(one.text);
    EXPECT_THAT(complaint.what, HasSubstr(one.what)) << one.text;
    EXPECT_THAT(complaint.allowed, HasSubstr(one.allowed)) << one.text;
  }
}

TEST(Endpoint, what_has_a_name_can_have_another_one) {
  const auto renamed = [](std::string_view text, std::string_view name) {
    auto made = parsed(text).with_name(name);
    return made ? made->text() : made.error().message();
  };
  EXPECT_EQ(renamed("queue:work?take=1", "work.0f"), "queue:work.0f?take=1");
  EXPECT_EQ(renamed("mq:/work", "/other"), "mq:/other");
  EXPECT_EQ(renamed("unix:work?socket=datagram", "other"), "unix:other?socket=datagram");
  EXPECT_EQ(renamed("unix:@work", "@other"), "unix:@other");
  EXPECT_EQ(renamed("unix:@work", "/run/other"), "unix:/run/other");
  for (const char* nameless :
       {"tcp:127.0.0.1:9000", "udp:localhost:53", "signal:1", "pipe:3,4", "sysv:?key=0x12"})
    EXPECT_EQ(parsed(nameless).with_name("x").error(), std::errc::invalid_argument) << nameless;
  EXPECT_EQ(parsed("unix:work").with_name("").error(), std::errc::invalid_argument);
}

TEST(Endpoint, complaints_about_options_point_at_the_character) {
  const wrong all[]{
      {"ring:t?capacty=1M", 8, "unknown option \"capacty\"", "capacity, full, departure"},
      {"ring:t?", 8, "an option is missing", "ring takes create"},
      {"ring:t?mode=0600&", 18, "an option is missing", "ring takes"},
      {"ring:t?policy=fail", 8, "unknown option", "full"},
      {"ring:t?capacity", 16, "a value is missing", "a size"},
      {"ring:t?capacity=", 17, "a value is missing", "a size"},
      {"ring:t?capacity=1X", 18, "\"X\" is no unit here", "64K, 1M or 2G"},
      {"ring:t?capacity=K", 17, "is no number", "a size"},
      {"ring:t?capacity=-1", 17, "is no number", "a size"},
      {"ring:t?capacity=0", 17, "too small", "above 0"},
      {"ring:t?capacity=99999999999999999999", 17, "too large", "a size"},
      {"ring:t?capacity=1M&full=drop&capacity=2M", 30, "second time", "at column 8"},
      {"ring:t?full=maybe", 13, "unknown value \"maybe\"", "block, fail, drop"},
      {"ring:t?spin=20", 15, "a unit is missing", "20us"},
      {"ring:t?spin=20m", 15, "\"m\" is no unit here", "100ms"},
      {"ring:t?mode=0680", 15, "\"80\" is no unit here", "octal"},
      {"ring:t?mode=1777", 13, "too large", "octal"},
      {"ring:t?persist=yes", 16, "neither on nor off", "on or off"},
      {"queue:t?senders=257", 17, "too large", "1 to 256"},
      {"mq:t?priority=40000", 15, "too large", "0 to 32767"},
      {"ring:t?directory=a b", 19, "must be escaped", "%3F"},
      {"sysv:t?type=3&up_to=4", 15, "a second selection", "or except"},
      {"sysv:t?type=0", 13, "too small", "from 1"},  // H16
      {"sysv:t?key=1", 8, "a second way", "a name, or key, or id"},
      {"sysv:?key=1&id=2", 13, "a second way", "or id"},
      {"sysv:?key=1&project=2", 13, "project without a file", "ftok"},
      {"sysv:?type=1", 6, "no queue is named", "key=0x5a11"},
      {"sysv:t?project=256", 16, "too large", "1 to 255"},
  };
  expect_complaints(all);
}

TEST(Endpoint, complaints_about_targets_point_at_the_character) {
  const std::string long_text = "ring:" + std::string(endpoint::max_text_bytes, 'a');
  const wrong all[]{
      {"", 1, "unknown kind of channel", "ring, queue, topic"},
      {"rnig:t", 1, "unknown kind of channel \"rnig\"", "ring, queue, topic"},
      {"ring", 5, "a colon is missing", "behind ring"},
      {"ring:", 6, "no name of a ring", "a plain name, or a path"},
      {"ring:.hidden", 6, "no name of a ring", ""},
      {"ring:a%2", 7, "without two hexadecimal digits", "%25"},
      {"ring:a%00", 7, "a zero byte", ""},
      {"ring:a\nb", 7, "must be escaped", "control characters"},
      {"mq:/a/b", 4, "no name of a queue", "without a slash"},
      {"signal:0", 8, "no process", "number"},
      {"pipe:3", 7, "a comma is missing", "3,4"},
      {"pipe:3,x", 8, "no descriptor", "3,4"},
      {"pipe:-,-", 6, "neither", "3,4"},
      {"unix:@", 6, "no name of a socket", "1 to 107"},
      {"tcp:localhost", 14, "a colon is missing", "9000"},
      {"tcp:localhost:", 15, "no port", "65535"},
      {"tcp:localhost:65536", 15, "no port", "65535"},
      {"tcp::80", 5, "a host is missing", "127.0.0.1"},
      {"tcp:256.0.0.1:80", 5, "no address of a host", "127.0.0.1"},
      {"tcp:a_b!c:80", 8, "no name of a host has", "brackets"},
      {"tcp:[::1:80", 12, "a bracket is missing", "[::1]"},
      {"tcp:[::1]80", 10, "a colon is missing", "[::1]"},
      {"tcp:[1::2::3]:80", 6, "no address of a host", "[::1]"},
      {"tcp:[12345::]:80", 6, "no address of a host", "[::1]"},
      // The first mistake is told, not the last.
      {"mq:/a/b?nonsense", 4, "no name of a queue", ""},
      {long_text, endpoint::max_text_bytes + 1, "too long", "8192"},
  };
  expect_complaints(all);
}

TEST(Endpoint, a_complaint_can_be_shown_with_a_mark_below_the_character) {
  endpoint_complaint complaint;
  const std::string_view text = "queue:q?tale=1";
  ASSERT_FALSE(endpoint::parse(text, complaint));
  const std::string shown = complaint.explain(text);
  EXPECT_THAT(shown, HasSubstr("unknown option \"tale\" at column 9: queue takes create"));
  EXPECT_THAT(shown, HasSubstr("\n  queue:q?tale=1\n          ^"));
}

}  // namespace
}  // namespace sluice::test
