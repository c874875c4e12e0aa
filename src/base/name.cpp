#include <algorithm>
#include <sluice/base/name.hpp>

namespace sluice {

namespace {

constexpr const char* operation = "channel_name::parse";

failure refused(const char* why) { return {std::errc::invalid_argument, operation, why}; }

bool is_control(char letter) noexcept {
  const auto byte = static_cast<unsigned char>(letter);
  return byte < 0x20 || byte == 0x7f;
}

}  // namespace

result<channel_name> channel_name::parse(std::string_view text) {
  if (text.empty()) return refused("the name is empty");
  if (std::ranges::any_of(text, is_control))
    return refused("the name contains a control character");
  const bool is_path = text.find('/') != text.npos;
  const std::string_view leaf = is_path ? text.substr(text.rfind('/') + 1) : text;
  if (leaf.empty()) return refused("the path ends in a slash: it must name a file");
  if (leaf == "." || leaf == "..") return refused("\".\" and \"..\" name directories");
  if (!is_path && leaf.front() == '.')
    return refused("names with a leading dot are reserved for files in the making");
  const std::size_t limit = is_path ? max_path_bytes : max_name_bytes;
  if (text.size() > limit)
    return failure{std::errc::filename_too_long, operation,
                   is_path ? "a path has at most 4095 bytes" : "a name has at most 200 bytes"};
  return channel_name{std::string{text}, is_path};
}

std::string channel_name::directory() const {
  const auto slash = text_.rfind('/');
  if (slash == std::string::npos) return {};
  return slash == 0 ? "/" : text_.substr(0, slash);
}

std::string_view channel_name::leaf() const noexcept {
  const std::string_view text = text_;
  return is_path_ ? text.substr(text.rfind('/') + 1) : text;
}

}  // namespace sluice
