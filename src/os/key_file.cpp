#include "os/key_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <charconv>
#include <cstdint>
#include <optional>
#include <sluice/base/bytes.hpp>
#include <sluice/base/name.hpp>
#include <string>
#include <utility>

#include "os/syscall.hpp"

namespace sluice::key_file {

namespace {

constexpr std::string_view magic = "sluice-key";
constexpr std::string_view version = "1";
constexpr std::size_t most_bytes = 256;
constexpr int most_draws = 100;

// What stands in a file. Without an id the object was never completed.
struct content {
  key_t key = 0;
  std::string space;
  std::optional<int> id;
};

struct read_file {
  content said;
  file_identity identity;
};

named_file::kind file_kind(const objects& kind) {
  return {.type = S_IFREG,
          .operation = kind.operation,
          .other_type = "the name leads to something else than a key file",
          .other_owner =
              "the key file belongs to another user: name the owner in the options to "
              "accept it",
          .open_to_all = "everybody may write to the key file: chmod o-w it"};
}

constexpr std::string_view unknown_space = "-";

// Numbers of System V objects mean something in one IPC namespace alone; containers that share a
// runtime directory may each have their own. Without /proc ours is unknown, and taken for any.
result<std::string> own_namespace() {
  auto link = syscall::read_link("/proc/self/ns/ipc");
  if (!link && link.error() == std::errc::no_such_file_or_directory)
    return std::string{unknown_space};
  return link;
}

result<bool> lies_here(const content& said) {
  auto here = own_namespace();
  if (!here) return failure{here.error()};
  return *here == said.space || *here == unknown_space || said.space == unknown_space;
}

std::string first_line(const objects& kind, key_t key, std::string_view space) {
  std::array<char, 8> digits{};
  const auto end = std::to_chars(digits.begin(), digits.end(), static_cast<std::uint32_t>(key), 16);
  std::string line{magic};
  line.append(" ").append(version).append(" ").append(kind.kind).append(" 0x");
  line.append(digits.begin(), end.ptr).append(" ").append(space).append("\n");
  return line;
}

result<void> write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    auto written = syscall::write(fd, bytes_of(text));
    if (!written) return failure{written.error()};
    text.remove_prefix(*written);
  }
  return {};
}

result<std::string> read_all(int fd) {
  std::array<std::byte, most_bytes + 1> room{};
  std::size_t have = 0;
  while (have < room.size()) {
    auto got = syscall::read(fd, mutable_bytes{room}.subspan(have));
    if (!got) return failure{got.error()};
    if (*got == 0) break;
    have += *got;
  }
  return std::string{text_of(const_bytes{room}.first(have))};
}

// Cuts off what stands before `mark`, and the mark; nothing if there is no mark.
std::optional<std::string_view> cut(std::string_view& text, char mark) {
  const std::size_t at = text.find(mark);
  if (at == text.npos) return std::nullopt;
  const std::string_view before = text.substr(0, at);
  text.remove_prefix(at + 1);
  return before;
}

template <class Number>
std::optional<Number> number(std::string_view text, int base) {
  Number value{};
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (parsed.ec != std::errc{} || parsed.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

result<content> parse(std::string_view text, const objects& kind) {
  const failure broken{errc::corrupt, kind.operation, "the file under the name is no key file"};
  const auto first = cut(text, ' ');
  const auto format = cut(text, ' ');
  if (text.size() > most_bytes || first != magic || !format) return broken;
  if (format != version)
    return failure{errc::incompatible, kind.operation,
                   "the key file was written by another version of Sluice"};
  const auto word = cut(text, ' ');
  auto digits = cut(text, ' ');
  auto space = cut(text, '\n');
  if (!word || !digits || !digits->starts_with("0x") || !space || space->empty()) return broken;
  if (word != kind.kind)
    return failure{errc::incompatible, kind.operation,
                   "the key file is that of another kind of System V object"};
  const auto key = number<std::uint32_t>(digits->substr(2), 16);
  if (!key || *key == 0) return broken;
  content said{.key = static_cast<key_t>(*key), .space = std::string{*space}, .id = {}};
  if (text.empty()) return said;
  if (!text.starts_with("id ") || !text.ends_with('\n')) return broken;
  said.id = number<int>(text.substr(3, text.size() - 4), 10);
  if (!said.id || *said.id < 0) return broken;
  return said;
}

result<read_file> read(int directory, const char* leaf, const objects& kind,
                       const named_file::trust& trusted) {
  const named_file::kind wanted = file_kind(kind);
  // Looked at first, since opening a device would already do something to it.
  auto before = syscall::status_at(directory, leaf);
  if (!before) return failure{before.error()};
  if (auto good = named_file::check(*before, wanted, trusted); !good) return failure{good.error()};
  auto fd = syscall::open_at(directory, leaf, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if (!fd) return failure{fd.error()};
  auto found = syscall::status(fd->get());
  if (!found) return failure{found.error()};
  if (auto good = named_file::check(*found, wanted, trusted); !good) return failure{good.error()};
  auto text = read_all(fd->get());
  if (!text) return failure{text.error()};
  auto said = parse(*text, kind);
  if (!said) return failure{said.error()};
  return read_file{std::move(*said), named_file::identity_of(*found)};
}

// The entry of a file whose object is there; `errc::removed` if it is not.
result<entry> confirm(const read_file& file, const objects& kind) {
  auto here = lies_here(file.said);
  if (!here) return failure{here.error()};
  if (!*here)
    return failure{errc::incompatible, kind.operation,
                   "the object lives in another IPC namespace: another container shares this "
                   "runtime directory"};
  auto id = kind.find(file.said.key);
  const bool none = !id && id.error() == std::errc::no_such_file_or_directory;
  if (!id && !none) return failure{id.error()};
  if (none || !file.said.id || *id != *file.said.id)
    return failure{errc::removed, kind.operation,
                   "the object of this name was removed (ipcrm); open_or_create makes a new one"};
  return entry{.key = file.said.key, .id = *id, .identity = file.identity};
}

// Removes what a creator left that was killed. Under the lock of the directory there is one creator
// at a time, so an unfinished file is nobody's.
result<void> clear_unfinished(int directory, const std::string& leaf, const objects& kind) {
  const named_file::trust own{.owner = syscall::effective_user()};
  auto left = read(directory, leaf.c_str(), kind, own);
  if (!left && left.error() == std::errc::no_such_file_or_directory) return {};
  if (left) {
    auto here = lies_here(left->said);
    if (!here) return failure{here.error()};
    auto id = kind.find(left->said.key);
    // Whoever refuses the removal is another user, who drew the same key meanwhile.
    if (id && *here) static_cast<void>(kind.remove(*id));
  }
  // A file without a first line: killed before there was an object.
  if (!left && !(left.error() == errc::corrupt))
    return failure{left.error().with_hint(
        "something that is not ours bears the name of an unfinished key file: a dot and the "
        "name")};
  return syscall::unlink_at(directory, leaf.c_str());
}

// A name in our way whose object is gone goes too; `file_exists` for any other.
result<void> clear_stale(const name_place& place, const objects& kind) {
  const char* leaf = place.leaf().c_str();
  const named_file::trust own{.owner = syscall::effective_user()};
  auto file = read(place.directory(), leaf, kind, own);
  if (!file && file.error() == std::errc::no_such_file_or_directory) return {};
  if (!file) return failure{file.error()};
  auto there = confirm(*file, kind);
  if (there)
    return failure{std::errc::file_exists, kind.operation,
                   "the name is taken; open_or_create takes over what was left behind"};
  if (!(there.error() == errc::removed)) return failure{there.error()};
  return syscall::unlink_at(place.directory(), leaf);
}

result<key_t> draw_key() {
  for (;;) {
    auto drawn = syscall::random_number();
    if (!drawn) return failure{drawn.error()};
    const auto key = static_cast<key_t>(*drawn & 0x7fffffff);
    if (key != 0) return key;  // 0 is IPC_PRIVATE
  }
}

struct made_object {
  key_t key = 0;
  int id = 0;
  file_identity identity;
};

// Under the unfinished name: the first line, the object, the second line.
result<made_object> attempt(int directory, const char* leaf, const objects& kind, mode_t mode) {
  auto fd = syscall::open_at(directory, leaf, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
  if (!fd) return failure{fd.error()};
  auto found = syscall::status(fd->get());
  if (!found) return failure{found.error()};
  auto key = draw_key();
  if (!key) return failure{key.error()};
  auto space = own_namespace();
  if (!space) return failure{space.error()};
  if (auto done = write_all(fd->get(), first_line(kind, *key, *space)); !done)
    return failure{done.error()};
  const mode_t readers = ((mode & 0060) != 0 ? 0040U : 0U) | ((mode & 0006) != 0 ? 0004U : 0U);
  if (auto exact = syscall::set_mode(fd->get(), 0600 | readers); !exact)
    return failure{exact.error()};
  auto id = kind.make(*key);
  if (!id) return failure{id.error()};
  if (auto done = write_all(fd->get(), "id " + std::to_string(*id) + "\n"); !done) {
    static_cast<void>(kind.remove(*id));
    return failure{done.error()};
  }
  return made_object{*key, *id, named_file::identity_of(*found)};
}

}  // namespace

result<name_place> locate(std::string_view name, const objects& kind,
                          const runtime_directory_options& directory) {
  auto parsed = channel_name::parse(name);
  if (!parsed) return failure{parsed.error()};
  if (parsed->is_path())
    return failure{std::errc::invalid_argument, kind.operation,
                   "a key file has a plain name, without a slash; for the key of an existing file "
                   "use its path and a project number"};
  return name_place::resolve(*parsed, kind.suffix, directory);
}

result<entry> create(const name_place& place, const objects& kind, mode_t mode) {
  auto lock = place.lock();
  if (!lock) return failure{lock.error()};
  const std::string unfinished = "." + place.leaf();
  if (auto cleared = clear_unfinished(place.directory(), unfinished, kind); !cleared)
    return failure{cleared.error()};
  if (auto cleared = clear_stale(place, kind); !cleared) return failure{cleared.error()};
  for (int draws = 1;; ++draws) {
    auto made = attempt(place.directory(), unfinished.c_str(), kind, mode);
    if (made) {
      auto published =
          syscall::rename_exclusive(place.directory(), unfinished.c_str(), place.leaf().c_str());
      if (published) return entry{.key = made->key, .id = made->id, .identity = made->identity};
      static_cast<void>(kind.remove(made->id));
      made = failure{published.error()};
    }
    static_cast<void>(syscall::unlink_at(place.directory(), unfinished.c_str()));
    if (!(made.error() == std::errc::file_exists) || draws == most_draws)
      return failure{made.error()};
  }
}

result<entry> open(const name_place& place, const objects& kind, const named_file::trust& trusted) {
  auto file = read(place.directory(), place.leaf().c_str(), kind, trusted);
  if (!file) return failure{file.error()};
  return confirm(*file, kind);
}

result<bool> is_intact(const name_place& place, const objects& kind, const entry& known) {
  auto leads = named_file::leads_to(place, known.identity);
  if (!leads || !*leads) return leads;
  auto id = kind.find(known.key);
  if (!id && id.error() == std::errc::no_such_file_or_directory) return false;
  if (!id) return failure{id.error()};
  return *id == known.id;
}

result<void> unlink(const name_place& place, const objects& kind,
                    const named_file::trust& trusted) {
  auto lock = place.lock();
  if (!lock) return failure{lock.error()};
  auto found = open(place, kind, trusted);
  if (!found && !(found.error() == errc::removed)) return failure{found.error()};
  if (found) {
    auto removed = kind.remove(found->id);
    if (!removed && !(removed.error() == errc::removed)) return removed;
  }
  return syscall::unlink_at(place.directory(), place.leaf().c_str());
}

}  // namespace sluice::key_file
