// The rivals that are rings of our own making: bench/rivals.

#include "../rivals/cached_index_ring.hpp"
#include "../rivals/slot_ring.hpp"
#include "make_transport.hpp"
#include "polling_ends.hpp"
#include "shared_bytes.hpp"
#include "transports.hpp"

namespace bench {

namespace {

template <class Ring>
class ring_link {
 public:
  explicit ring_link(const link_options& options)
      : memory_(options.memory_bytes), wait_(options.wait) {}

  polling_sender<typename Ring::producer> become_sender() {
    memory_.touch();
    return {typename Ring::producer{ring()}, wait_};
  }
  polling_receiver<typename Ring::consumer> become_receiver() {
    memory_.touch();
    return {typename Ring::consumer{ring()}, wait_};
  }

 private:
  [[nodiscard]] typename Ring::memory ring() const noexcept {
    return {memory_.control(), memory_.data(), memory_.size()};
  }
  shared_bytes<typename Ring::control> memory_;
  wait_loop wait_;
};

}  // namespace

void add_rings(std::vector<transport>& to) {
  to.push_back(
      make_polling_transport<ring_link<cached_index_ring>>("cached_index_ring", role::rival));
  to.push_back(make_polling_transport<ring_link<slot_ring>>("slot_ring", role::rival));
}

}  // namespace bench
