#include "support/child.hpp"

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <exception>
#include <utility>

namespace sluice::test {

namespace {

void write_report(int report, const std::string& text) {
  // Nothing can be done here when the memory file is full.
  static_cast<void>(!::write(report, text.data(), text.size()));
}

// Takes the place of the printer in the child, and writes at once: the child may be killed soon.
class failure_writer : public ::testing::EmptyTestEventListener {
 public:
  explicit failure_writer(int report) : report_(report) {}
  [[nodiscard]] bool failed() const noexcept { return failed_; }

 private:
  void OnTestPartResult(const ::testing::TestPartResult& part) override {
    if (!part.failed()) return;
    failed_ = true;
    std::string text = part.file_name() == nullptr ? "somewhere" : part.file_name();
    text += ":" + std::to_string(part.line_number()) + ": " + part.message() + "\n";
    write_report(report_, text);
  }
  int report_;
  bool failed_ = false;
};

int run_in_child(pid_t parent, int report, const std::function<void()>& body) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) return child::failed_assertion;  // it died before we asked
  auto& listeners = ::testing::UnitTest::GetInstance()->listeners();
  delete listeners.Release(listeners.default_result_printer());
  auto* writer = new failure_writer{report};
  listeners.Append(writer);
  try {
    body();
  } catch (const std::exception& thrown) {
    write_report(report, std::string{"uncaught exception: "} + thrown.what() + "\n");
    return child::uncaught_exception;
  }
  return writer->failed() ? child::failed_assertion : 0;
}

unique_fd make_report() {
  unique_fd report{::memfd_create("report of a child", MFD_CLOEXEC)};
  if (!report) throw std::system_error{errno, std::generic_category(), "memfd_create"};
  return report;
}

}  // namespace

child::child(const std::function<void()>& body) : child(make_report(), body) {}

child::child(unique_fd report, const std::function<void()>& body)
    : report_(std::move(report)),
      process_(process::fork([parent = ::getpid(), fd = report_.get(), &body] {
                 return run_in_child(parent, fd, body);
               }).value()) {}

child::~child() {
  if (!report_ || ended_) return;  // moved from, or done
  static_cast<void>(process_.send_signal(SIGKILL));
  static_cast<void>(process_.wait());
}

exit_status child::wait(deadline until) {
  auto status = process_.wait(until);
  if (!status) {
    ADD_FAILURE() << "child " << id() << ": " << status.error().message();
    show_report();
    return {.code = failed_assertion, .signal = 0};
  }
  ended_ = true;
  show_report();
  return *status;
}

void child::wait_success(deadline until) {
  const exit_status status = wait(until);
  EXPECT_EQ(status.signal, 0) << "the child was killed by a signal";
  if (status.signal == 0) {
    EXPECT_EQ(status.code, 0) << "the child failed";
  }
}

void child::show_report() {
  std::array<char, 4096> text{};
  std::string all;
  ssize_t got = 0;
  for (off_t at = 0; (got = ::pread(report_.get(), text.data(), text.size(), at)) > 0; at += got)
    all.append(text.data(), static_cast<std::size_t>(got));
  if (!all.empty()) ADD_FAILURE() << "In a child process:\n" << all;
}

void child::send_signal(int number) const {
  auto sent = process_.send_signal(number);
  if (!sent) ADD_FAILURE() << sent.error().message();
}

void child::kill() {
  send_signal(SIGKILL);
  static_cast<void>(wait());
}

void child::wait_stopped(bool stopped) const {
  siginfo_t info{};
  const int what = stopped ? WSTOPPED : WCONTINUED;
  while (::waitid(P_PID, static_cast<id_t>(id()), &info, what) != 0) ASSERT_EQ(errno, EINTR);
}

rendezvous::rendezvous() : counter_(::eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE | EFD_NONBLOCK)) {
  if (!counter_) throw std::system_error{errno, std::generic_category(), "eventfd"};
}

void rendezvous::arrive(int times) const {
  const auto count = static_cast<eventfd_t>(times);
  if (::eventfd_write(counter_.get(), count) != 0) ADD_FAILURE() << "rendezvous::arrive";
}

void rendezvous::wait(deadline until) const {
  for (;;) {
    pollfd watched{.fd = counter_.get(), .events = POLLIN, .revents = 0};
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until.remaining());
    const int ready = ::poll(&watched, 1, static_cast<int>(std::min<long>(left.count(), 60'000)));
    eventfd_t one = 0;
    if (ready > 0 && ::eventfd_read(counter_.get(), &one) == 0) return;
    if (until.has_passed()) break;
  }
  ADD_FAILURE() << "the other side did not arrive";
}

}  // namespace sluice::test
