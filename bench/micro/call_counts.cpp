#include "call_counts.hpp"

#include <filesystem>
#include <sluice/channel/pipe.hpp>
#include <sluice/os/process.hpp>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "machine.hpp"

namespace bench {

std::optional<call_counts> counts_of(const std::string& cell_name) {
  const auto twin = std::filesystem::read_symlink("/proc/self/exe").string() + "_counted";
  if (!std::filesystem::exists(twin)) return std::nullopt;
  auto output = sluice::pipe::create().value();
  sluice::spawn_options program{
      .arguments = {twin, cell_name},
      .descriptors = {{.target = 1, .source = output.writer.native_handle()}},
      .environment = {}};
  unpin();  // the twin inherits our cores and places itself
  auto child = sluice::process::spawn(program).value();
  { const auto childs = std::move(output.writer); }

  std::string text(256, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    auto got = output.reader.read_some(std::as_writable_bytes(std::span{text}).subspan(size));
    if (!got) break;
    size += *got;
  }
  if (!child.wait().value().success())
    throw std::runtime_error{"the program that counts system calls failed"};
  call_counts counts;
  std::istringstream words{text.substr(0, size)};
  words >> counts.sluice_sender >> counts.sluice_receiver >> counts.raw_sender >>
      counts.raw_receiver;
  if (!words) throw std::runtime_error{"the program that counts system calls printed no counts"};
  return counts;
}

}  // namespace bench
