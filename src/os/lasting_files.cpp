#include <fcntl.h>

#include <algorithm>
#include <optional>
#include <sluice/os/lasting_object.hpp>
#include <sstream>
#include <tuple>
#include <utility>

#include "os/lasting_sources.hpp"
#include "os/named_directory.hpp"
#include "os/process_table.hpp"
#include "os/syscall.hpp"
#include "os/syscall_lasting.hpp"

namespace sluice {

namespace {

using std::chrono::system_clock;

constexpr const char* posix_memory_folder = "/dev/shm";
constexpr const char* posix_queue_folder = "/dev/mqueue";
constexpr std::string_view semaphore_prefix = "sem.";  // sem_overview(7)

system_clock::time_point time_of(const timespec& moment) {
  return system_clock::time_point{std::chrono::duration_cast<system_clock::duration>(
      std::chrono::seconds{moment.tv_sec} + std::chrono::nanoseconds{moment.tv_nsec})};
}

lasting_object described(lasting_kind kind, std::string name, const struct stat& status) {
  lasting_object object;
  object.kind = kind;
  object.name = std::move(name);
  object.owner = status.st_uid;
  object.mode = status.st_mode & 07777;
  object.size = static_cast<std::uint64_t>(status.st_size);
  object.used_at = std::max(time_of(status.st_mtim), time_of(status.st_ctim));
  object.identity = {.device = status.st_dev, .inode = status.st_ino};
  return object;
}

void add_users(lasting_object& object, const open_files& open) {
  for (const pid_t id : open.users_of(object.identity))
    object.users.push_back({.id = id, .lives = true});
  if (!object.users.empty())
    object.used = in_use::yes;
  else
    object.used = open.is_complete() ? in_use::no : in_use::unknown;
}

// The kernel's list of bound Unix sockets. It says by which path each was bound, not which file
// that is, so a relative path that ends alike is a perhaps.
class bound_sockets {
 public:
  bound_sockets() {
    auto text = syscall::file_text("/proc/net/unix");
    if (!text) return;
    readable_ = true;
    std::istringstream lines{*text};
    for (std::string line; std::getline(lines, line);) {
      // "Num RefCount Protocol Flags Type St Inode Path"; only the last contains a slash or
      // nothing.
      std::istringstream words{line};
      std::string word;
      for (int skipped = 0; skipped < 7; ++skipped) words >> word;
      words >> std::ws;
      if (std::string path; std::getline(words, path)) paths_.push_back(std::move(path));
    }
  }

  [[nodiscard]] in_use uses(const std::string& path) const {
    if (std::find(paths_.begin(), paths_.end(), path) != paths_.end()) return in_use::yes;
    const std::string leaf = path.substr(path.rfind('/') + 1);
    const bool perhaps = std::any_of(paths_.begin(), paths_.end(), [&](const std::string& bound) {
      return bound.substr(bound.rfind('/') + 1) == leaf;
    });
    return perhaps || !readable_ ? in_use::unknown : in_use::no;
  }

 private:
  std::vector<std::string> paths_;
  bool readable_ = false;
};

std::optional<lasting_kind> kind_of(const struct stat& status) {
  if (S_ISFIFO(status.st_mode)) return lasting_kind::fifo;
  if (S_ISSOCK(status.st_mode)) return lasting_kind::socket;
  if (S_ISREG(status.st_mode)) return lasting_kind::file;
  return std::nullopt;
}

void sort(std::vector<lasting_object>& objects) {
  std::sort(objects.begin(), objects.end(), [](const auto& left, const auto& right) {
    return std::tie(left.kind, left.name) < std::tie(right.kind, right.name);
  });
}

// Goes through a directory; what disappears meanwhile is not there. `visit` gets leaf and status.
template <class Visit>
result<void> each_entry(int directory, Visit visit) {
  auto leaves = syscall::directory_entries(directory);
  if (!leaves) return failure{leaves.error()};
  for (const std::string& leaf : *leaves) {
    auto status = syscall::status_at(directory, leaf.c_str());
    if (status)
      visit(leaf, *status);
    else if (!(status.error() == std::errc::no_such_file_or_directory))
      return failure{status.error()};
  }
  return {};
}

// "QSIZE:129 NOTIFY:2 ...", mq_overview(7): the bytes of the messages in the queue.
std::uint64_t bytes_in_queue(const std::string& leaf) {
  auto text = syscall::file_text((posix_queue_folder + ("/" + leaf)).c_str());
  if (!text || !text->starts_with("QSIZE:")) return 0;
  std::istringstream number{text->substr(6)};
  std::uint64_t bytes = 0;
  number >> bytes;
  return bytes;
}

result<void> unlink_identical(int directory, const std::string& leaf, const file_identity& whose) {
  auto status = syscall::status_at(directory, leaf.c_str());
  const bool gone = !status && status.error() == std::errc::no_such_file_or_directory;
  if (!status && !gone) return failure{status.error()};
  if (gone || file_identity{.device = status->st_dev, .inode = status->st_ino} != whose)
    return failure{errc::removed, "unlink",
                   "the name has gone, or names another object than the one that was listed"};
  return syscall::unlink_at(directory, leaf.c_str());
}

}  // namespace

namespace lasting {

listing list_runtime_directory(const runtime_directory_options& options) {
  std::vector<lasting_object> found;
  auto directory = open_runtime_directory(options, missing_directory::is_an_error);
  if (!directory && directory.error() == std::errc::no_such_file_or_directory) return found;
  if (!directory) return failure{directory.error()};
  const open_files open;
  const bound_sockets sockets;
  auto listed =
      each_entry(directory->fd.get(), [&](const std::string& leaf, const struct stat& status) {
        const auto kind = kind_of(status);
        if (!kind) return;
        lasting_object& object =
            found.emplace_back(described(*kind, directory->path + "/" + leaf, status));
        if (*kind == lasting_kind::socket)
          object.used = sockets.uses(object.name);
        else
          add_users(object, open);
      });
  if (!listed) return failure{listed.error()};
  sort(found);
  return found;
}

listing list_posix_memory() {
  auto directory = syscall::open_at(AT_FDCWD, posix_memory_folder, O_RDONLY | O_DIRECTORY);
  if (!directory) return failure{directory.error()};
  const open_files open;
  std::vector<lasting_object> found;
  auto listed =
      each_entry(directory->get(), [&](const std::string& leaf, const struct stat& status) {
        if (!S_ISREG(status.st_mode)) return;
        const bool semaphore = leaf.starts_with(semaphore_prefix);
        const std::string name = semaphore ? leaf.substr(semaphore_prefix.size()) : leaf;
        const auto kind = semaphore ? lasting_kind::posix_semaphore : lasting_kind::posix_memory;
        lasting_object& object = found.emplace_back(described(kind, "/" + name, status));
        if (semaphore) object.size = 1;
        add_users(object, open);
      });
  if (!listed) return failure{listed.error()};
  sort(found);
  return found;
}

listing list_posix_queues() {
  auto mounted = syscall::file_system(posix_queue_folder);
  if (!mounted || *mounted != syscall::queue_file_system)
    return failure{std::errc::not_supported, "list_posix_queues",
                   "POSIX queues can be listed where their file system is mounted: "
                   "mkdir /dev/mqueue; mount -t mqueue none /dev/mqueue"};
  auto directory = syscall::open_at(AT_FDCWD, posix_queue_folder, O_RDONLY | O_DIRECTORY);
  if (!directory) return failure{directory.error()};
  const open_files open;
  std::vector<lasting_object> found;
  auto listed =
      each_entry(directory->get(), [&](const std::string& leaf, const struct stat& status) {
        lasting_object& object =
            found.emplace_back(described(lasting_kind::posix_queue, "/" + leaf, status));
        object.size = bytes_in_queue(leaf);
        add_users(object, open);
      });
  if (!listed) return failure{listed.error()};
  sort(found);
  return found;
}

result<void> unlink_in_runtime_directory(const lasting_object& object) {
  const auto slash = object.name.rfind('/');
  if (slash == std::string::npos)
    return failure{std::errc::invalid_argument, "unlink", "this object has no path"};
  const std::string folder = slash == 0 ? "/" : object.name.substr(0, slash);
  // Opened for reading, so that it can be locked itself where no descriptor is left for that.
  auto directory = syscall::open_at(AT_FDCWD, folder.c_str(), O_RDONLY | O_DIRECTORY);
  if (!directory) return failure{directory.error()};
  auto lock = lock_directory(directory->get());
  if (!lock) return failure{lock.error()};
  return unlink_identical(directory->get(), object.name.substr(slash + 1), object.identity);
}

result<void> unlink_posix(const lasting_object& object) {
  if (object.name.size() < 2 || object.name[0] != '/' || object.name.rfind('/') != 0)
    return failure{std::errc::invalid_argument, "unlink", "a POSIX name is /name"};
  const bool queue = object.kind == lasting_kind::posix_queue;
  auto directory = syscall::open_at(AT_FDCWD, queue ? posix_queue_folder : posix_memory_folder,
                                    O_PATH | O_DIRECTORY);
  if (!directory) return failure{directory.error()};
  std::string leaf = object.name.substr(1);
  if (object.kind == lasting_kind::posix_semaphore) leaf.insert(0, semaphore_prefix);
  return unlink_identical(directory->get(), leaf, object.identity);
}

}  // namespace lasting

}  // namespace sluice
