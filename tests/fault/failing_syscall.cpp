#include "fault/failing_syscall.hpp"

#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>

#include "os/syscall_raw.hpp"

namespace sluice::test {

namespace {

// The plan that stands. Release when set, acquire where read: the plan is complete when seen.
std::atomic<fault_plan*> standing{nullptr};

long plain(long number, const long (&a)[6]) noexcept {
  const long outcome = ::syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
  return outcome < 0 ? -errno : outcome;
}

bool cannot_fail(long number) noexcept {
  return number == SYS_getpid || number == SYS_gettid || number == SYS_getuid ||
         number == SYS_geteuid || number == SYS_rt_sigprocmask || number == SYS_rt_sigpending;
}

bool has_flags(long number) noexcept { return number == SYS_preadv2 || number == SYS_pwritev2; }
bool has_parts(long number) noexcept { return has_flags(number) || number == SYS_writev; }

// A message of which at most `most` bytes go.
long send_less(const long (&arguments)[6], std::size_t most) noexcept {
  msghdr header = *reinterpret_cast<const msghdr*>(arguments[1]);
  std::array<iovec, 16> parts{};
  header.msg_iovlen = std::min(header.msg_iovlen, parts.size());
  for (std::size_t i = 0; i < header.msg_iovlen; ++i) {
    parts[i] = {.iov_base = header.msg_iov[i].iov_base,
                .iov_len = std::min(header.msg_iov[i].iov_len, most)};
    most -= parts[i].iov_len;
  }
  header.msg_iov = parts.data();
  return plain(SYS_sendmsg, {arguments[0], reinterpret_cast<long>(&header), arguments[2], 0, 0, 0});
}

// The call with at most `most` bytes: what the kernel may always do with a read or write.
long cut_short(long number, const long (&arguments)[6], std::size_t most) noexcept {
  long changed[6];
  std::copy(std::begin(arguments), std::end(arguments), changed);
  std::array<iovec, 16> parts{};
  if (has_parts(number)) {
    const auto* given = reinterpret_cast<const iovec*>(arguments[1]);
    const std::size_t count = std::min(static_cast<std::size_t>(arguments[2]), parts.size());
    for (std::size_t i = 0; i < count; ++i) {
      parts[i] = {.iov_base = given[i].iov_base, .iov_len = std::min(given[i].iov_len, most)};
      most -= parts[i].iov_len;
    }
    changed[1] = reinterpret_cast<long>(parts.data());
    changed[2] = static_cast<long>(count);
  } else if (number == SYS_sendmsg) {
    return send_less(arguments, most);
  } else if (number == SYS_read || number == SYS_write || number == SYS_recvfrom ||
             number == SYS_sendto) {
    changed[2] = static_cast<long>(std::min(static_cast<std::size_t>(arguments[2]), most));
  }
  return plain(number, changed);
}

}  // namespace

fault_plan::fault_plan(std::vector<fault> faults)
    : owner_(::getpid()), calls_by_number_(highest_number) {
  for (fault& one : faults) faults_.emplace_back().what = std::move(one);
  fault_plan* none = nullptr;
  if (!standing.compare_exchange_strong(none, this, std::memory_order_release)) std::abort();
}

fault_plan::~fault_plan() { standing.store(nullptr, std::memory_order_release); }

std::uint64_t fault_plan::calls_of(long number) const noexcept {
  return calls_by_number_[static_cast<std::size_t>(number)].load();
}

bool fault_plan::concerns_this_process() const noexcept { return owner_ == ::getpid(); }

const fault* fault_plan::striking(long number, const long (&arguments)[6]) noexcept {
  if (cannot_fail(number)) return nullptr;
  for (counted_fault& one : faults_) {
    const fault& what = one.what;
    if (!what.calls.empty() && std::ranges::find(what.calls, number) == what.calls.end()) continue;
    if (what.with_flags != 0 && (!has_flags(number) || (arguments[5] & what.with_flags) == 0))
      continue;
    const std::uint64_t seen = ++one.seen;
    if (seen < what.first || (seen - what.first) % what.every != 0) continue;
    if (one.done++ < what.times) return &what;
  }
  return nullptr;
}

long fault_plan::make(long number, const long (&arguments)[6]) noexcept {
  ++calls_;
  if (number >= 0 && number < static_cast<long>(highest_number))
    ++calls_by_number_[static_cast<std::size_t>(number)];
  const fault* strikes = striking(number, arguments);
  if (strikes == nullptr) return plain(number, arguments);
  ++struck_;
  long none = -1;
  first_struck_.compare_exchange_strong(none, number);
  if (strikes->error_number == 0) return cut_short(number, arguments, strikes->at_most_bytes);
  if (number == SYS_close) static_cast<void>(plain(number, arguments));
  return -strikes->error_number;
}

}  // namespace sluice::test

namespace sluice::syscall {

long raw(long number, long a, long b, long c, long d, long e, long f) noexcept {
  const long arguments[6] = {a, b, c, d, e, f};
  test::fault_plan* plan = test::standing.load(std::memory_order_acquire);
  if (plan == nullptr || !plan->concerns_this_process()) return test::plain(number, arguments);
  return plan->make(number, arguments);
}

}  // namespace sluice::syscall
