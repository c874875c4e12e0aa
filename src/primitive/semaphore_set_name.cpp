#include <sluice/primitive/semaphore_set_name.hpp>

#include "os/file_key.hpp"

namespace sluice {

result<semaphore_set_name> semaphore_set_name::file_key(std::string_view path, int project) {
  auto key = make_file_key(std::string{path}, project);
  if (!key) return failure{key.error()};
  return semaphore_set_name::key(*key);
}

}  // namespace sluice
