// Key files and what stands in their way: any text under the name of a key file, or under that of
// an unfinished one, is an entry that the kernel confirms, or an error.

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <set>
#include <string>

#include "fuzz/fed_files.hpp"
#include "fuzz/script.hpp"
#include "fuzz/target.hpp"
#include "fuzz/targets.hpp"
#include "os/key_file.hpp"

namespace sluice::test {
namespace {

constexpr const char* space = "ipc:[4026531839]";

// Objects that exist by their keys, as numbers do: nothing of the system's is touched.
struct imagined_objects {
  std::set<key_t> made;

  static int id_of(key_t key) noexcept { return key & 0xffff; }
  [[nodiscard]] bool is_there(key_t key) const { return key % 2 == 1 || made.contains(key); }
  key_file::objects calls() {
    return {.kind = "segment",
            .suffix = ".fuzz",
            .operation = "fuzz",
            .make = [this](key_t key) -> result<int> {
              if (is_there(key)) return failure{std::errc::file_exists, "make"};
              made.insert(key);
              return id_of(key);
            },
            .find = [this](key_t key) -> result<int> {
              if (is_there(key)) return id_of(key);
              return failure{std::errc::no_such_file_or_directory, "find"};
            },
            .remove = [this](int id) -> result<void> {
              std::erase_if(made, [&](key_t key) { return id_of(key) == id; });
              return {};
            }};
  }
};

void write_file(const std::string& path, std::string_view text) {
  const unique_fd fd{::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
  require(::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()),
          "a file can be written");
}

// Lines as they are written, with what the script changes; or any text.
std::string next_text(script& input) {
  if (input.below(4) == 0) return input.text(300);
  const auto key = input.number<std::uint32_t>() >> input.below(32);
  char line[128];
  std::snprintf(line, sizeof line, "sluice-key 1 segment 0x%x %s\nid %d\n", key,
                input.below(8) == 0 ? "ipc:[1]" : space,
                imagined_objects::id_of(static_cast<key_t>(key)) + (input.below(8) == 0 ? 1 : 0));
  std::string text{line};
  for (std::size_t changes = input.below(3); changes != 0 && !text.empty(); --changes) {
    const std::size_t at = input.below(text.size());
    if (input.coin())
      text[at] = static_cast<char>(input.below(256));
    else
      text.erase(at, 1 + input.below(40));
  }
  return text;
}

void check_entry(const result<key_file::entry>& found, const std::string& text,
                 const imagined_objects& objects) {
  if (!found)
    return require(*found.error().hint() != '\0' || !found.error().message().empty(),
                   "an error says something");
  require(found->key != 0 && objects.is_there(found->key), "an entry is of what is there");
  require(found->id == imagined_objects::id_of(found->key), "its number is the kernel's");
  require(text.size() <= 256 && text.starts_with("sluice-key 1 segment 0x"), "it has its form");
  const std::size_t line = text.find('\n');
  require(line != text.npos && text.substr(line + 1).starts_with("id ") && text.ends_with('\n'),
          "it was completed");
  require(std::strtol(text.c_str() + line + 4, nullptr, 10) == found->id, "and says which it is");
}

}  // namespace
}  // namespace sluice::test

int sluice_fuzz_key_files(const std::uint8_t* data, std::size_t size) {
  using namespace sluice;
  using namespace sluice::test;
  const nothing_left_behind checked;
  script input{data, size};
  const scratch_directory folder;
  const fed_files fed{[](std::string_view) { return std::nullopt; }};
  imagined_objects objects;
  const key_file::objects calls = objects.calls();
  const auto place = key_file::locate("x", calls, {.path = folder.path()});
  require(place.has_value(), "a name has a place");
  const std::string path = place->path();
  const std::string unfinished = folder.path() + "/." + place->leaf();
  const named_file::trust ours{.owner = ::geteuid()};
  for (int turns = 0; turns < 8 && !input.is_over(); ++turns) {
    const std::string text = next_text(input);
    switch (input.below(4)) {
      case 0:
        write_file(path, text);
        check_entry(key_file::open(*place, calls, ours), text, objects);
        break;
      case 1:
        if (input.coin()) write_file(path, text);
        if (input.coin()) write_file(unfinished, text);
        if (auto made = key_file::create(*place, calls, 0600)) {
          auto found = key_file::open(*place, calls, ours);
          require(found && found->key == made->key && found->id == made->id, "what was made opens");
          require(key_file::is_intact(*place, calls, *made).value(), "it is intact");
        }
        break;
      case 2:
        write_file(path, text);
        if (key_file::unlink(*place, calls, ours))
          require(::access(path.c_str(), F_OK) != 0, "what was unlinked is gone");
        break;
      default:
        ::unlink(path.c_str());
        ::unlink(unfinished.c_str());
    }
  }
  ::unlink(path.c_str());
  ::unlink(unfinished.c_str());
  return 0;
}
