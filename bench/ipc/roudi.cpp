#include "roudi.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iceoryx_hoofs/log/logmanager.hpp>
#include <iceoryx_hoofs/posix_wrapper/posix_access_rights.hpp>
#include <iceoryx_posh/iceoryx_posh_types.hpp>
#include <iceoryx_posh/runtime/posh_runtime.hpp>
#include <regex>
#include <system_error>
#include <vector>

namespace bench {

namespace {

namespace files = std::filesystem;

constexpr const char* program = "iox-roudi";
constexpr std::chrono::seconds time_to_start{10};
constexpr int cannot_run = 127;

/// The configuration guide's form: one segment with one pool, of chunks of exactly the size of the
/// messages (a multiple of 8), enough of them for two links.
void write_configuration(const std::string& path, const link_options& options) {
  const std::size_t size = (options.message_bytes + 7) / 8 * 8;
  const std::size_t count = 2 * (iceoryx_queue_capacity(options) + chunks_besides);
  std::ofstream file{path};
  file << fmt::format(
      "[general]\nversion = 1\n\n[[segment]]\n\n[[segment.mempool]]\nsize = {}\ncount = {}\n", size,
      count);
  if (!file.flush()) throw std::runtime_error{path + ": cannot be written"};
}

// Runs in the child.
int become_daemon(int output, const std::string& configuration) {
  ::setpgid(0, 0);  // Ctrl-C is for the supervisor alone, which then ends us
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  const rlimit no_core{};  // it aborts when there is another one
  ::setrlimit(RLIMIT_CORE, &no_core);
  ::dup2(output, STDOUT_FILENO);
  ::dup2(output, STDERR_FILENO);
  ::execlp(program, program, "--config-file", configuration.c_str(), "--log-level", "fatal",
           static_cast<char*>(nullptr));
  return errno == ENOENT ? cannot_run : 1;
}

// What it said last, without the colours.
std::string last_line(const std::string& said) {
  const std::string plain = std::regex_replace(said, std::regex{"\x1b?\\[[0-9;]*m"}, "");
  const std::size_t end = plain.find_last_not_of('\n');
  if (end == std::string::npos) return "nothing";
  const std::size_t before = plain.rfind('\n', end);
  return plain.substr(before + 1, end - before);
}

// Why it ended before it was ready.
[[noreturn]] void explain_end(sluice::exit_status ended, const std::string& said) {
  const auto spoke_of = [&said](const char* what) { return said.find(what) != std::string::npos; };
  if (ended.code == cannot_run)
    throw unavailable{fmt::format("its daemon, {}, was not found: package iceoryx", program)};
  // The lock of another user's is not to be opened.
  if (spoke_of("is RouDi still running?") || spoke_of("while acquiring file lock"))
    throw unavailable{
        "a RouDi runs on this machine that is not of this cell, and there can be one"};
  // Its management takes 63 MiB as Debian builds it.
  if (spoke_of("SIGBUS"))
    throw std::runtime_error{
        fmt::format("{} has no room for its memory: No space left on device: /dev/shm", program)};
  throw std::runtime_error{
      fmt::format("{} ended before it was ready; it said last: {}", program, last_line(said))};
}

// The names of a RouDi that was killed, unless another one lives: that holds the lock.
void remove_what_a_dead_one_left() {
  const std::string folder = iox::platform::IOX_LOCK_FILE_PATH_PREFIX;
  const std::string lock_path = folder + iox::roudi::ROUDI_LOCK_NAME + ".lock";
  const sluice::unique_fd lock{::open(lock_path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW)};
  if (!lock || ::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) return;
  const std::string channel = folder + iox::roudi::IPC_CHANNEL_ROUDI_NAME;
  const std::string group{iox::posix::PosixGroup::getGroupOfCurrentProcess().getName().c_str()};
  std::error_code ignored;
  for (const std::string& path : {std::string{"/dev/shm/"} + iox::roudi::SHM_NAME,
                                  "/dev/shm/" + group, channel, channel + ".lock", lock_path})
    files::remove(path, ignored);
}

// Sockets and locks of those who were registered. Their runtime removes them when a process ends by
// exit(3), and these end by _exit(2), or are killed.
void remove_names(const std::string& prefix) {
  std::error_code ignored;
  std::vector<files::path> found;
  for (const auto& one :
       files::directory_iterator{iox::platform::IOX_UDS_SOCKET_PATH_PREFIX, ignored})
    if (one.path().filename().string().starts_with(prefix)) found.push_back(one.path());
  for (const files::path& one : found) files::remove(one, ignored);
}

}  // namespace

std::size_t iceoryx_queue_capacity(const link_options& options) noexcept {
  return std::clamp<std::size_t>(options.memory_bytes / options.message_bytes, 1,
                                 iox::MAX_SUBSCRIBER_QUEUE_CAPACITY);
}

std::shared_ptr<roudi> roudi::beside(const link_options& options) {
  static std::weak_ptr<roudi> current;
  if (auto running = current.lock()) return running;
  std::shared_ptr<roudi> started{new roudi{options}};
  current = started;
  return started;
}

roudi::roudi(const link_options& options)
    : owner_(::getpid()), name_prefix_(fmt::format("sluice-bench-{}-", owner_)) {
  const std::string configuration = options.address + "-roudi.toml";
  write_configuration(configuration, options);
  start(configuration);
  try {
    wait_until_ready();
  } catch (...) {
    end();
    files::remove(configuration);
    throw;
  }
  files::remove(configuration);
}

void roudi::start(const std::string& configuration) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    throw std::system_error{errno, std::generic_category(), "pipe2"};
  output_ = sluice::unique_fd{ends[0]};
  const sluice::unique_fd input{ends[1]};
  daemon_ = std::make_unique<sluice::process>(
      sluice::process::fork([&] { return become_daemon(input.get(), configuration); }).value());
}

void roudi::wait_until_ready() {
  const auto until = std::chrono::steady_clock::now() + time_to_start;
  std::string said;
  while (said.find("RouDi is ready for clients") == std::string::npos) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    pollfd output{.fd = output_.get(), .events = POLLIN, .revents = 0};
    const int ready = ::poll(&output, 1, static_cast<int>(std::max<long>(0, left.count())));
    if (ready < 0 && errno == EINTR) continue;
    if (ready == 0)
      throw std::runtime_error{fmt::format("{} was not ready after {} s; it said last: {}", program,
                                           time_to_start.count(), last_line(said))};
    char part[512];
    const ssize_t size = ::read(output_.get(), part, sizeof part);
    if (size > 0) {
      said.append(part, static_cast<std::size_t>(size));
      continue;
    }
    explain_end(daemon_->wait().value(), said);
  }
}

// Not by SIGTERM, as its documentation asks for: it would send that on to the numbers of all who
// registered, and abort because those have ended, with everything left behind.
void roudi::end() {
  static_cast<void>(daemon_->send_signal(SIGKILL));
  static_cast<void>(daemon_->wait());
  remove_what_a_dead_one_left();
  remove_names(name_prefix_);
}

roudi::~roudi() {
  if (::getpid() == owner_) end();
}

void roudi::register_this_process() const {
  static const bool once = [this] {
    iox::log::LogManager::GetLogManager().SetDefaultLogLevel(
        iox::log::LogLevel::kOff, iox::log::LogLevelOutput::kHideLogLevel);
    const std::string name = name_prefix_ + std::to_string(::getpid());
    iox::runtime::PoshRuntime::initRuntime({iox::cxx::TruncateToCapacity, name});
    return true;
  }();
  static_cast<void>(once);
}

}  // namespace bench
