#include <gtest/gtest.h>

#include <cerrno>
#include <set>
#include <sluice/base/error.hpp>
#include <string>
#include <system_error>
#include <type_traits>

namespace sluice {
namespace {

// An error travels in every result: it is small and never allocates.
static_assert(sizeof(error) <= 32);
static_assert(std::is_trivially_copyable_v<error> && std::is_trivially_destructible_v<error>);
static_assert(std::is_nothrow_constructible_v<error, std::errc, const char*>);
static_assert(std::is_nothrow_constructible_v<error, errc, const char*, const char*>);
// A bare number is no error: somebody must have said which call failed.
static_assert(!std::is_constructible_v<error, int>);
static_assert(!std::is_constructible_v<error, std::errc>);

TEST(Error, keeps_the_errno_untouched_and_names_the_call) {
  const error failed = error::from_errno(EMFILE, "pipe2");
  EXPECT_EQ(failed.code().value(), EMFILE);
  EXPECT_EQ(failed.code().category(), std::system_category());
  EXPECT_STREQ(failed.operation(), "pipe2");
  EXPECT_STREQ(failed.hint(), "");
}

TEST(Error, of_the_system_compares_with_its_portable_name) {
  EXPECT_TRUE(error::from_errno(EMFILE, "pipe2") == std::errc::too_many_files_open);
  EXPECT_TRUE(error::from_errno(EPIPE, "write") == std::errc::broken_pipe);
  EXPECT_FALSE(error::from_errno(EMFILE, "pipe2") == std::errc::broken_pipe);
  EXPECT_FALSE(error::from_errno(EMFILE, "pipe2") == errc::closed);
}

TEST(Error, of_ours_compares_with_itself_alone) {
  const error ended{errc::closed, "read"};
  EXPECT_TRUE(ended == errc::closed);
  EXPECT_FALSE(ended == errc::corrupt);
  // closed is 1, as EPERM is: the category tells them apart.
  EXPECT_FALSE(ended == std::errc::operation_not_permitted);
}

TEST(Error, converts_our_codes_to_error_codes) {
  const std::error_code code = errc::stalled;
  EXPECT_EQ(code.category(), sluice_category());
  EXPECT_STREQ(code.category().name(), "sluice");
  EXPECT_NE(code.value(), 0);
}

TEST(Error, has_a_sentence_of_its_own_for_each_of_our_codes) {
  std::set<std::string> sentences;
  for (const errc code :
       {errc::closed, errc::corrupt, errc::incompatible, errc::removed, errc::stalled})
    sentences.insert(make_error_code(code).message());
  EXPECT_EQ(sentences.size(), 5u);
  EXPECT_EQ(sentences.count(""), 0u);
  EXPECT_EQ(sluice_category().message(99), "unknown sluice error 99");
}

TEST(Error, reads_as_one_sentence_with_the_hint_in_brackets) {
  const error bare = error::from_errno(ENOENT, "openat");
  EXPECT_EQ(bare.message(), "openat: No such file or directory");
  const error advised{std::errc::timed_out, "poll", "nobody reads"};
  EXPECT_EQ(advised.message(), "poll: Connection timed out (nobody reads)");
}

TEST(Error, takes_a_hint_only_where_there_is_none) {
  const error bare{std::errc::timed_out, "poll"};
  EXPECT_STREQ(bare.with_hint("wait longer").hint(), "wait longer");
  EXPECT_STREQ(bare.with_hint("wait longer").operation(), "poll");
  EXPECT_STREQ(bare.with_hint("first").with_hint("second").hint(), "first");
}

TEST(Error, would_block_is_eagain_and_nothing_else) {
  EXPECT_TRUE(would_block(error::from_errno(EAGAIN, "read")));
  EXPECT_TRUE(would_block({std::errc::resource_unavailable_try_again, "read"}));
  EXPECT_FALSE(would_block(error::from_errno(EINTR, "read")));
  EXPECT_FALSE(would_block({errc::closed, "read"}));
}

}  // namespace
}  // namespace sluice
