// The main function of every test binary: each test gets a deadline, a runtime directory of its own
// and a comparison of before and after.

#include <gtest/gtest.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <sluice/base/error.hpp>
#include <string>
#include <system_error>

#include "support/isolation.hpp"
#include "support/leftovers.hpp"
#include "support/runtime_directory.hpp"
#include "support/watchdog.hpp"

// The address sanitizer records where each piece of memory was allocated. GoogleTest allocates for
// every test of the binary at each start, which is once for each test: short records take a fifth
// of a start less. ASAN_OPTIONS=malloc_context_size=30 in the environment brings whole ones back.
extern "C" const char* __asan_default_options();  // NOLINT(*-reserved-identifier)
const char* __asan_default_options() {            // NOLINT(*-reserved-identifier)
  return "malloc_context_size=3";
}

namespace {

using namespace sluice::test;

// $SLUICE_TEST_PATIENCE, in seconds, is for the long forms of tests.
std::chrono::seconds patience() {
  const char* text = std::getenv("SLUICE_TEST_PATIENCE");  // NOLINT(concurrency-mt-unsafe)
  return text == nullptr ? test_patience : std::chrono::seconds{std::atoi(text)};
}

// The undefined behaviour sanitizer looks at an object's type through a pipe the first time that it
// meets one. A test that leaves no descriptor must not be where it meets these.
void show_errors_to_the_sanitizer() {
  for (const std::error_code& code :
       {std::make_error_code(std::errc::io_error), std::error_code{EIO, std::system_category()},
        make_error_code(sluice::errc::closed)})
    if (!(code == code.default_error_condition())) std::abort();
}

// Around each test, outside of its fixture.
class test_surroundings : public ::testing::EmptyTestEventListener {
  void OnTestStart(const ::testing::TestInfo& test) override {
    const std::string name = std::string{test.test_suite_name()} + "." + test.name();
    watchdog_.emplace(name, patience());
    directory_.emplace();
    before_.emplace(process_state::now());
  }

  void OnTestEnd(const ::testing::TestInfo&) override {
    for (const std::string& difference : leftovers(*before_, process_state::now()))
      ADD_FAILURE() << "The test left something behind: " << difference << '.';
    before_.reset();
    directory_.reset();
    watchdog_.reset();
  }

  std::optional<watchdog> watchdog_;
  std::optional<private_runtime_directory> directory_;
  std::optional<process_state> before_;
};

}  // namespace

int main(int argument_count, char** arguments) {
  ::testing::InitGoogleTest(&argument_count, arguments);
  if (::testing::GTEST_FLAG(list_tests)) return RUN_ALL_TESTS();
  isolate_this_process();
  show_errors_to_the_sanitizer();
  // Its end event comes before that of the printer, so that what it finds counts as the test's.
  ::testing::UnitTest::GetInstance()->listeners().Append(new test_surroundings);
  return RUN_ALL_TESTS();
}
