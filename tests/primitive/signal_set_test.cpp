#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <map>
#include <regex>
#include <sluice/primitive/scoped_signal_mask.hpp>
#include <sluice/primitive/signal_receiver.hpp>
#include <sluice/primitive/signal_set.hpp>
#include <sstream>
#include <string>

#include "support/program_output.hpp"

namespace sluice {
namespace {

using test::has_program;
using test::output_of;

static_assert(signal_set{SIGINT, SIGTERM}.contains(SIGTERM));
static_assert(!signal_set{0, -1, 65, 1000}.contains(0) && signal_set{0, -1, 65}.empty());
static_assert((signal_set{SIGINT} | signal_set{SIGHUP}) == signal_set{SIGHUP, SIGINT});
static_assert((~signal_set{SIGINT} & signal_set{SIGINT, SIGHUP}) == signal_set{SIGHUP});
static_assert(signal_set::all().contains(signal_set{1, 64}));
static_assert(signal_set::from_bits(signal_set{64}.bits()).contains(64));

TEST(SignalSet, members_come_in_order_of_their_numbers) {
  signal_set set{SIGTERM, SIGHUP, 64, SIGINT};
  set.erase(SIGINT);
  set.erase(SIGUSR1);
  EXPECT_EQ(set.numbers(), (std::vector{SIGHUP, SIGTERM, 64}));
  EXPECT_FALSE(set.contains(signal_set{SIGHUP, SIGINT}));
  EXPECT_TRUE(set.contains(signal_set{}));
  EXPECT_EQ(signal_set::all().numbers().size(), 64U);
}

TEST(SignalNames, are_those_of_the_shell) {
  if (!has_program("bash")) GTEST_SKIP() << "no bash to ask for `kill -l`";
  const std::string listed = output_of({"bash", "-c", "kill -l"});
  std::map<int, std::string> theirs;
  const std::regex entry{R"((\d+)\) (\S+))"};
  for (std::sregex_iterator at{listed.begin(), listed.end(), entry}, end; at != end; ++at)
    theirs[std::stoi((*at)[1])] = (*at)[2];
  std::map<int, std::string> ours;
  for (int number : all_signals()) ours[number] = signal_name(number);
  EXPECT_EQ(ours, theirs);
}

TEST(SignalNames, of_the_posix_shell_lead_to_the_same_numbers) {
  if (!has_program("dash")) GTEST_SKIP() << "no dash to ask for `kill -l`";
  std::istringstream listed{output_of({"dash", "-c", "kill -l"})};
  int number = 0;
  int compared = 0;
  for (std::string name; std::getline(listed, name); ++number) {
    // It writes the number where it knows no name.
    if (name == std::to_string(number)) continue;
    auto ours = signal_number(name);
    ASSERT_TRUE(ours) << name << ": " << ours.error().message();
    EXPECT_EQ(*ours, number) << name;
    ++compared;
  }
  EXPECT_GT(compared, 55);
}

TEST(SignalNames, of_bin_kill_lead_to_the_same_numbers) {
  if (!has_program("kill")) GTEST_SKIP() << "no kill program (Debian package procps)";
  const std::string table = output_of({"kill", "-L"});
  const std::regex entry{R"((\d+) ([A-Z]\S*))"};
  int compared = 0;
  for (std::sregex_iterator at{table.begin(), table.end(), entry}, end; at != end; ++at) {
    auto ours = signal_number((*at)[2].str());
    ASSERT_TRUE(ours) << (*at)[2] << ": " << ours.error().message();
    EXPECT_EQ(*ours, std::stoi((*at)[1])) << (*at)[2];
    ++compared;
  }
  EXPECT_GE(compared, 31) << table;
}

TEST(SignalNames, of_all_real_time_signals_are_understood_by_kill) {
  if (!has_program("kill")) GTEST_SKIP() << "no kill program (Debian package procps)";
  if (!has_program("bash")) GTEST_SKIP() << "no bash and its kill";
  signal_set real_time;
  for (int number : all_signals())
    if (is_real_time(number)) real_time.insert(number);
  real_time.erase(SIGRTMAX);  // the watchdog's
  auto mask = scoped_signal_mask::block(real_time).value();
  auto receiver = signal_receiver::create(real_time).value();
  const std::string us = std::to_string(::getpid());
  for (int number : real_time.numbers()) {
    // The shell's kill knows every name, the program only those that count from below.
    const std::string name = signal_name(number);
    const std::string from_below = "RTMIN+" + std::to_string(number - SIGRTMIN);
    EXPECT_EQ(signal_number(from_below).value(), number);
    static_cast<void>(output_of({"bash", "-c", "kill -s " + name + " " + us}));
    static_cast<void>(output_of({"kill", "-s", from_below, us}));
    for (int times = 0; times < 2; ++times) {
      auto got = receiver.try_take();
      ASSERT_TRUE(got) << name << ": " << got.error().message();
      EXPECT_EQ(got->number, number) << name;
    }
  }
}

TEST(SignalNames, lead_back_to_their_numbers_in_every_spelling) {
  for (int number : all_signals()) {
    const std::string name = signal_name(number);
    std::string lower = name;
    for (char& letter : lower) letter = static_cast<char>(std::tolower(letter));
    for (const std::string& text :
         {name, name.substr(3), lower, lower.substr(3), std::to_string(number)}) {
      auto back = signal_number(text);
      ASSERT_TRUE(back) << text << ": " << back.error().message();
      EXPECT_EQ(*back, number) << text;
    }
  }
}

TEST(SignalNames, of_real_time_signals_count_from_either_end) {
  EXPECT_EQ(signal_number("SIGRTMIN+0").value(), SIGRTMIN);
  EXPECT_EQ(signal_number("RTMIN+30").value(), SIGRTMIN + 30);
  EXPECT_EQ(signal_number("rtmax-30").value(), SIGRTMAX - 30);
  EXPECT_EQ(signal_number("SIGRTMAX-0").value(), SIGRTMAX);
}

TEST(SignalNames, of_other_times_are_known) {
  EXPECT_EQ(signal_number("SIGIOT").value(), SIGABRT);
  EXPECT_EQ(signal_number("CLD").value(), SIGCHLD);
  EXPECT_EQ(signal_number("poll").value(), SIGIO);
  EXPECT_EQ(signal_number("UNUSED").value(), SIGSYS);
}

TEST(SignalNames, that_are_none_are_refused_with_a_reason) {
  for (const char* text : {"",           "SIG",
                           "FOO",        "SIGSIGINT",
                           "INT ",       " INT",
                           "0",          "-1",
                           "+1",         "32",
                           "33",         "65",
                           "99",         "99999999999999999999",
                           "0x2",        "SIGRTMIN-1",
                           "SIGRTMAX+1", "SIGRTMIN+31",
                           "RTMAX-31",   "RTMIN+",
                           "RTMIN+x",    "RTMIN+1x",
                           "RTMIN+-1",   "RTMIN+99999999999",
                           "RTMINI",     "\xff"}) {
    auto number = signal_number(text);
    ASSERT_FALSE(number) << text << " became " << *number;
    EXPECT_EQ(number.error(), std::errc::invalid_argument) << text;
    EXPECT_STRNE(number.error().hint(), "") << text;
  }
}

TEST(SignalNames, say_what_is_no_signal) {
  EXPECT_EQ(signal_name(0), "signal 0");
  EXPECT_EQ(signal_name(-7), "signal -7");
  EXPECT_EQ(signal_name(32), "signal 32");
  EXPECT_EQ(signal_name(99), "signal 99");
}

TEST(Signals, are_real_time_synchronous_or_neither) {
  EXPECT_TRUE(is_real_time(SIGRTMIN) && is_real_time(SIGRTMAX));
  EXPECT_FALSE(is_real_time(SIGRTMIN - 1) || is_real_time(SIGRTMAX + 1) || is_real_time(SIGINT));
  EXPECT_TRUE(is_synchronous(SIGSEGV) && is_synchronous(SIGSYS) && is_synchronous(SIGTRAP));
  EXPECT_FALSE(is_synchronous(SIGINT) || is_synchronous(0) || is_synchronous(SIGRTMIN));
  EXPECT_FALSE(is_signal(0) || is_signal(-1) || is_signal(65) || is_signal(SIGRTMIN - 1));
}

}  // namespace
}  // namespace sluice
