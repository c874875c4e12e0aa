#include "support/child.hpp"

#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <stdexcept>

namespace {

using namespace sluice::test;

TEST(Child, success_is_success) {
  child quiet{[] { EXPECT_EQ(1 + 1, 2); }};
  quiet.wait_success();
}

TEST(Child, a_failed_assertion_fails_the_parent_with_its_text) {
  // Forked outside of the interception, which would catch the failure in the child already.
  child failing{[] { ADD_FAILURE() << "the words of the child"; }};
  ::testing::TestPartResultArray failures;
  {
    const ::testing::ScopedFakeTestPartResultReporter intercept{
        ::testing::ScopedFakeTestPartResultReporter::INTERCEPT_ALL_THREADS, &failures};
    failing.wait_success();
  }
  bool told = false;
  for (int at = 0; at < failures.size(); ++at)
    told |= std::string{failures.GetTestPartResult(at).message()}.find("the words of the child") !=
            std::string::npos;
  EXPECT_TRUE(told);
}

TEST(Child, an_exception_a_signal_and_an_exit_code_are_failures) {
  const auto run = [](void (*body)()) {
    ::testing::TestPartResultArray failures;
    {
      const ::testing::ScopedFakeTestPartResultReporter intercept{
          ::testing::ScopedFakeTestPartResultReporter::INTERCEPT_ALL_THREADS, &failures};
      child one{body};
      one.wait_success();
    }
    return failures.size();
  };
  EXPECT_GT(run([] { throw std::runtime_error{"thrown"}; }), 0);
  EXPECT_GT(run([] { ::raise(SIGKILL); }), 0);
  EXPECT_GT(run([] { ::_exit(3); }), 0);
}

TEST(Child, dies_with_its_object) {
  pid_t id = 0;
  {
    child endless{[] {
      for (;;) ::pause();
    }};
    id = endless.id();
  }
  EXPECT_NE(::kill(id, 0), 0);
}

TEST(Child, dies_with_its_parent) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  child parent{[&] {
    child endless{[] {
      for (;;) ::pause();
    }};
    ::_exit(0);  // without a destructor: only the kernel can end the grandchild now
  }};
  parent.wait_success();
  ::close(ends[1]);
  char letter = 0;
  EXPECT_EQ(::read(ends[0], &letter, 1), 0);  // its end tells that nobody is left
  ::close(ends[0]);
}

TEST(Rendezvous, tells_how_often_the_other_side_arrived) {
  const rendezvous ready;
  child other{[&] { ready.arrive(2); }};
  ready.wait();
  ready.wait();
  other.wait_success();
  EXPECT_NONFATAL_FAILURE(ready.wait(sluice::deadline::now()), "did not arrive");
}

}  // namespace
