#include <sluice/os/system_v_name.hpp>

#include "os/file_key.hpp"

namespace sluice {

result<system_v_name> system_v_name::of_file(std::string_view path, int project) {
  auto made = make_file_key(std::string{path}, project);
  if (!made) return failure{made.error()};
  return key(*made);
}

}  // namespace sluice
