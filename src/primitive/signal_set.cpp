#include <algorithm>
#include <array>
#include <charconv>
#include <sluice/primitive/signal_set.hpp>

namespace sluice {

namespace {

struct named {
  int number;
  std::string_view name;
};

// Without "SIG", in order of the numbers on x86-64 and AArch64. Their types are written out: with
// deduced ones g++ 12 leaves constants in writable memory.
constexpr std::array<named, 31> standard_signals{
    named{SIGHUP, "HUP"},       named{SIGINT, "INT"},       named{SIGQUIT, "QUIT"},
    named{SIGILL, "ILL"},       named{SIGTRAP, "TRAP"},     named{SIGABRT, "ABRT"},
    named{SIGBUS, "BUS"},       named{SIGFPE, "FPE"},       named{SIGKILL, "KILL"},
    named{SIGUSR1, "USR1"},     named{SIGSEGV, "SEGV"},     named{SIGUSR2, "USR2"},
    named{SIGPIPE, "PIPE"},     named{SIGALRM, "ALRM"},     named{SIGTERM, "TERM"},
    named{SIGSTKFLT, "STKFLT"}, named{SIGCHLD, "CHLD"},     named{SIGCONT, "CONT"},
    named{SIGSTOP, "STOP"},     named{SIGTSTP, "TSTP"},     named{SIGTTIN, "TTIN"},
    named{SIGTTOU, "TTOU"},     named{SIGURG, "URG"},       named{SIGXCPU, "XCPU"},
    named{SIGXFSZ, "XFSZ"},     named{SIGVTALRM, "VTALRM"}, named{SIGPROF, "PROF"},
    named{SIGWINCH, "WINCH"},   named{SIGIO, "IO"},         named{SIGPWR, "PWR"},
    named{SIGSYS, "SYS"},
};

// Names that other systems and older programs use.
constexpr std::array<named, 4> old_names{
    named{SIGABRT, "IOT"},
    named{SIGCHLD, "CLD"},
    named{SIGIO, "POLL"},
    named{SIGSYS, "UNUSED"},
};

failure no_signal(const char* why) noexcept {
  return {std::errc::invalid_argument, "signal_number", why};
}

// All of `text` as a number without a sign; -1 if it is none, or too long to be one of a signal.
int whole_number(std::string_view text) noexcept {
  int number = -1;
  const bool short_digits =
      !text.empty() && text.size() <= 4 && text.find_first_not_of("0123456789") == text.npos;
  if (short_digits) std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

// "RTMIN", "RTMIN+3", "RTMAX", "RTMAX-2".
result<int> real_time_number(std::string_view name) {
  const bool from_top = name.starts_with("RTMAX");
  const std::string_view rest = name.substr(5);
  if (rest.empty()) return from_top ? SIGRTMAX : SIGRTMIN;
  if (rest.front() != (from_top ? '-' : '+'))
    return no_signal("real-time signals are SIGRTMIN+n and SIGRTMAX-n");
  const int offset = whole_number(rest.substr(1));
  if (offset < 0 || offset > SIGRTMAX - SIGRTMIN)
    return no_signal("there are not that many real-time signals: see `kill -l`");
  return from_top ? SIGRTMAX - offset : SIGRTMIN + offset;
}

}  // namespace

std::string signal_name(int number) {
  for (const named& one : standard_signals)
    if (one.number == number) return "SIG" + std::string{one.name};
  if (!is_real_time(number)) return "signal " + std::to_string(number);
  // As shells do it: counted from the nearer end, from below in the middle.
  const int above = number - SIGRTMIN;
  const int below = SIGRTMAX - number;
  if (above == 0) return "SIGRTMIN";
  if (below == 0) return "SIGRTMAX";
  if (above <= below) return "SIGRTMIN+" + std::to_string(above);
  return "SIGRTMAX-" + std::to_string(below);
}

result<int> signal_number(std::string_view name) {
  if (name.empty()) return no_signal("the name is empty");
  if (name.find_first_not_of("0123456789") == name.npos) {
    const int number = whole_number(name);
    if (!is_signal(number)) return no_signal("no signal that programs can use has this number");
    return number;
  }
  std::string upper{name};
  std::ranges::transform(upper, upper.begin(), [](char letter) {
    return letter >= 'a' && letter <= 'z' ? static_cast<char>(letter - 'a' + 'A') : letter;
  });
  const std::string_view plain =
      upper.starts_with("SIG") ? std::string_view{upper}.substr(3) : std::string_view{upper};
  if (plain.starts_with("RTMIN") || plain.starts_with("RTMAX")) return real_time_number(plain);
  for (const named& one : standard_signals)
    if (one.name == plain) return one.number;
  for (const named& one : old_names)
    if (one.name == plain) return one.number;
  return no_signal("no signal has this name: see `kill -l`");
}

std::vector<int> all_signals() {
  std::vector<int> numbers;
  for (int number = 1; number <= SIGRTMAX; ++number)
    if (is_signal(number)) numbers.push_back(number);
  return numbers;
}

bool is_signal(int number) noexcept {
  // The table has a name for each number that is not a real-time signal's or the C library's.
  static_assert(standard_signals.size() == 31);
  return (number >= 1 && number <= 31) || is_real_time(number);
}

bool is_real_time(int number) noexcept { return number >= SIGRTMIN && number <= SIGRTMAX; }

bool is_synchronous(int number) noexcept {
  constexpr signal_set synchronous{SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS};
  return synchronous.contains(number);
}

std::vector<int> signal_set::numbers() const {
  std::vector<int> members;
  for (int number = 1; number <= 64; ++number)
    if (contains(number)) members.push_back(number);
  return members;
}

}  // namespace sluice
