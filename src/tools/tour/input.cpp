#include "tools/tour/input.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <system_error>

#include "tools/tool_failure.hpp"

namespace sluice::tour {

namespace {

namespace fs = std::filesystem;
using tools::exit_code;
using tools::tool_failure;

constexpr std::size_t most_names = 3;

// Calls `each` with every line: what stands before a newline, and what is left after the last.
template <class Each>
void for_each_line(const std::vector<std::byte>& file, Each&& each) {
  auto begin = file.begin();
  while (begin != file.end()) {
    const auto end = std::find(begin, file.end(), std::byte{'\n'});
    each(const_bytes{begin, end});
    begin = end == file.end() ? end : end + 1;
  }
}

class input_reader {
 public:
  explicit input_reader(std::size_t limit_bytes) : limit_(limit_bytes) {}

  void add_named(const fs::path& path) {
    std::error_code failed;
    const fs::file_status found = fs::status(path, failed);  // a link that was named is followed
    if (failed) refuse(path, failed);
    if (fs::is_directory(found)) {
      failed = add_directory(path);
    } else if (fs::is_regular_file(found)) {
      failed = add_file(path);
    } else {
      throw tool_failure{
          exit_code::input,
          fmt::format("'{}' is neither a file nor a directory; name files or directories",
                      path.string())};
    }
    if (failed) refuse(path, failed);
  }

  [[nodiscard]] tour_input finish() && {
    if (input_.total_bytes == 0) throw tool_failure{exit_code::input, why_nothing()};
    for (const auto& file : input_.files) for_each_line(file, [&](const_bytes) { ++input_.lines; });
    return std::move(input_);
  }

 private:
  [[noreturn]] static void refuse(const fs::path& path, std::error_code why) {
    throw tool_failure{exit_code::input, fmt::format("cannot read '{}': {}; name files or "
                                                     "directories that you may read",
                                                     path.string(), why.message())};
  }

  void pass_over(const fs::path& path, std::error_code why) {
    ++input_.unreadable;
    if (input_.unreadable_names.size() < most_names)
      input_.unreadable_names.push_back(fmt::format("'{}' ({})", path.string(), why.message()));
  }

  std::error_code add_directory(const fs::path& directory) {
    std::vector<fs::directory_entry> entries;
    std::error_code failed;
    for (fs::directory_iterator entry{directory, failed}, end; !failed && entry != end;
         entry.increment(failed))
      entries.push_back(*entry);
    if (failed) return failed;
    std::ranges::sort(entries, {}, [](const fs::directory_entry& one) { return one.path(); });
    for (const fs::directory_entry& entry : entries) {
      if (input_.stopped_at_limit) break;
      add_entry(entry);
    }
    return {};
  }

  void add_entry(const fs::directory_entry& entry) {
    std::error_code failed;
    switch (entry.symlink_status(failed).type()) {
      case fs::file_type::regular:
        failed = add_file(entry.path());
        break;
      case fs::file_type::directory:
        failed = add_directory(entry.path());
        break;
      case fs::file_type::symlink:
        ++input_.symbolic_links;
        break;
      case fs::file_type::none:
      case fs::file_type::not_found:
        break;
      default:
        ++input_.special_files;
    }
    if (failed) pass_over(entry.path(), failed);
  }

  std::error_code add_file(const fs::path& path) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file{std::fopen(path.c_str(), "rbe"),
                                                               &std::fclose};
    if (!file) return {errno, std::generic_category()};
    std::vector<std::byte> bytes;
    // Sizes are not believed: files of /proc have none, and others grow while they are read.
    std::array<std::byte, std::size_t{64} << 10> buffer;
    while (bytes.size() <= limit_) {
      const std::size_t got = std::fread(buffer.data(), 1, buffer.size(), file.get());
      if (got == 0 && std::ferror(file.get()) != 0) return {errno, std::generic_category()};
      if (got == 0) break;
      bytes.insert(bytes.end(), buffer.begin(), buffer.begin() + got);
    }
    if (bytes.size() > limit_) {
      ++input_.larger_than_limit;
    } else if (bytes.size() > limit_ - input_.total_bytes) {
      input_.stopped_at_limit = true;
    } else {
      input_.total_bytes += bytes.size();
      input_.files.push_back(std::move(bytes));
    }
    return {};
  }

  [[nodiscard]] std::string why_nothing() const {
    if (input_.larger_than_limit != 0)
      return fmt::format(
          "nothing to send: every file with something in it is larger than the "
          "limit of {} bytes; raise it with --limit",
          limit_);
    if (input_.unreadable != 0)
      return fmt::format("nothing to send: nothing of the input can be read, for instance {}",
                         input_.unreadable_names.front());
    if (!input_.files.empty())
      return "nothing to send: the input is empty files; name one with something in it";
    return "nothing to send: there is no regular file in the input; name files or directories "
           "with files";
  }

  std::size_t limit_;
  tour_input input_;
};

}  // namespace

tour_input read_input(const input_options& options) {
  input_reader reader{options.limit_bytes};
  try {
    for (const std::string& path : options.paths) reader.add_named(path);
    return std::move(reader).finish();
  } catch (const std::bad_alloc&) {
    throw tool_failure{exit_code::input,
                       "the input does not fit into memory; lower the limit with --limit"};
  }
}

message_set lines_of(const tour_input& input, std::size_t most) {
  message_set lines{.kind = "lines"};
  for (const auto& file : input.files) {
    for_each_line(file, [&](const_bytes line) {
      if (lines.size() < most) lines.add(line);
    });
  }
  return lines;
}

message_set files_of(const tour_input& input) {
  message_set files{.kind = "files"};
  for (const auto& file : input.files) files.add(file);
  return files;
}

}  // namespace sluice::tour
