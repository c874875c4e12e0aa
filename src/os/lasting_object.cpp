#include <iterator>
#include <sluice/os/lasting_object.hpp>
#include <utility>

#include "os/lasting_sources.hpp"

namespace sluice {

std::string_view name_of(lasting_kind kind) noexcept {
  switch (kind) {
    case lasting_kind::fifo:
      return "FIFO";
    case lasting_kind::socket:
      return "socket";
    case lasting_kind::file:
      return "file";
    case lasting_kind::posix_memory:
      return "POSIX memory";
    case lasting_kind::posix_semaphore:
      return "POSIX semaphore";
    case lasting_kind::posix_queue:
      return "POSIX queue";
    case lasting_kind::system_v_queue:
      return "System V queue";
    case lasting_kind::system_v_memory:
      return "System V memory";
    case lasting_kind::system_v_semaphores:
      return "System V semaphores";
  }
  return "unknown kind";
}

result<std::vector<lasting_object>> list_runtime_directory(
    const runtime_directory_options& options) {
  return lasting::list_runtime_directory(options);
}

result<std::vector<lasting_object>> list_posix_memory() { return lasting::list_posix_memory(); }

result<std::vector<lasting_object>> list_posix_queues() { return lasting::list_posix_queues(); }

result<std::vector<lasting_object>> list_system_v() { return lasting::list_system_v(); }

lasting_objects list_lasting_objects(const runtime_directory_options& options) {
  lasting_objects all;
  const auto append = [&all](result<std::vector<lasting_object>> part) {
    if (part)
      std::move(part->begin(), part->end(), std::back_inserter(all.found));
    else
      all.not_listed.push_back(part.error());
  };
  append(list_runtime_directory(options));
  append(list_posix_memory());
  append(list_posix_queues());
  append(list_system_v());
  return all;
}

result<void> unlink(const lasting_object& object) {
  switch (object.kind) {
    case lasting_kind::fifo:
    case lasting_kind::socket:
    case lasting_kind::file:
      return lasting::unlink_in_runtime_directory(object);
    case lasting_kind::posix_memory:
    case lasting_kind::posix_semaphore:
    case lasting_kind::posix_queue:
      return lasting::unlink_posix(object);
    case lasting_kind::system_v_queue:
    case lasting_kind::system_v_memory:
    case lasting_kind::system_v_semaphores:
      return lasting::unlink_system_v(object);
  }
  return failure{std::errc::invalid_argument, "unlink", "no such kind of object"};
}

}  // namespace sluice
