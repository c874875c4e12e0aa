#include <sluice/primitive/memory_name.hpp>

#include "os/file_key.hpp"

namespace sluice {

result<memory_name> memory_name::file_key(std::string_view path, int project) {
  auto key = make_file_key(std::string{path}, project);
  if (!key) return failure{key.error()};
  return system_v(*key);
}

}  // namespace sluice
