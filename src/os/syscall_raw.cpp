#include "os/syscall_raw.hpp"

#if !defined(__x86_64__) && !defined(__aarch64__)
#include <unistd.h>

#include <cerrno>
#endif

namespace sluice::syscall {

// The instruction itself where we know it, and not syscall(2): that is one more function for the
// kernel to return through, and it turns the kernel's answer into errno, only for us to turn it
// back. Source: syscall(2), "Architecture calling conventions".
long raw(long number, long a, long b, long c, long d, long e, long f) noexcept {
#if defined(__x86_64__)
  long outcome = number;
  register long fourth asm("r10") = d;
  register long fifth asm("r8") = e;
  register long sixth asm("r9") = f;
  asm volatile("syscall"
               : "+a"(outcome)
               : "D"(a), "S"(b), "d"(c), "r"(fourth), "r"(fifth), "r"(sixth)
               : "rcx", "r11", "memory");
  return outcome;
#elif defined(__aarch64__)
  register long which asm("x8") = number;
  register long outcome asm("x0") = a;
  register long second asm("x1") = b;
  register long third asm("x2") = c;
  register long fourth asm("x3") = d;
  register long fifth asm("x4") = e;
  register long sixth asm("x5") = f;
  asm volatile("svc 0"
               : "+r"(outcome)
               : "r"(which), "r"(second), "r"(third), "r"(fourth), "r"(fifth), "r"(sixth)
               : "memory");
  return outcome;
#else
  const long outcome = ::syscall(number, a, b, c, d, e, f);
  return outcome < 0 ? -errno : outcome;
#endif
}

}  // namespace sluice::syscall
