// boost::lockfree::spsc_queue as its documentation has it for shared memory: a capacity that is
// known when compiling, and elements of a fixed size that are copied in and out.

#include <array>
#include <boost/lockfree/spsc_queue.hpp>
#include <memory>
#include <stdexcept>

#include "make_transport.hpp"
#include "polling_ends.hpp"
#include "shared_bytes.hpp"
#include "transports.hpp"

namespace bench {

namespace {

template <std::size_t Bytes>
struct element {
  std::array<std::uint64_t, Bytes / word_bytes> words;
};

template <std::size_t Bytes, std::size_t Memory>
class spsc_link {
 public:
  using queue =
      boost::lockfree::spsc_queue<element<Bytes>, boost::lockfree::capacity<Memory / Bytes>>;

  explicit spsc_link(const link_options& options) : memory_(0), wait_(options.wait) {}

  // Where the message lies is made for one: it starts on a cache line and has the element's size.
  struct producer {
    queue& shared;
    [[nodiscard]] bool try_push(sluice::const_bytes message) {
      return shared.push(*reinterpret_cast<const element<Bytes>*>(message.data()));
    }
  };
  struct consumer {
    queue& shared;
    [[nodiscard]] std::size_t try_pop(sluice::mutable_bytes into) {
      return shared.pop(*reinterpret_cast<element<Bytes>*>(into.data())) ? Bytes : 0;
    }
  };

  polling_sender<producer> become_sender() {
    memory_.touch();
    return {producer{memory_.control()}, wait_};
  }
  polling_receiver<consumer> become_receiver() {
    memory_.touch();
    return {consumer{memory_.control()}, wait_};
  }

 private:
  shared_bytes<queue> memory_;
  wait_loop wait_;
};

/// What runs with this many bytes per message: the code for each size is made here.
struct sized {
  std::size_t message_bytes;
  std::size_t memory_bytes;
  bodies (*latency)(const link_options&);
  bodies (*throughput)(const link_options&);
  bodies (*at)(const link_options&, double);
  bodies (*produced)(const link_options&);
};

template <std::size_t Bytes, std::size_t Memory = cell_memory(Bytes, default_ring_bytes)>
constexpr sized for_size() {
  constexpr std::size_t fixed = Bytes <= short_message_bytes ? Bytes : 0;
  return {.message_bytes = Bytes,
          .memory_bytes = Memory,
          .latency =
              [](const link_options& o) { return ping_pong<spsc_link<Bytes, Memory>, fixed>(o); },
          .throughput = stream<spsc_link<Bytes, Memory>, fixed>,
          .at = paced<spsc_link<Bytes, Memory>>,
          .produced = produced<spsc_link<Bytes, Memory>>};
}

constexpr std::array all_sizes{
    for_size<8>(),         for_size<48>(),        for_size<64>(),
    for_size<256>(),       for_size<1024>(),      for_size<4 * 1024>(),
    for_size<16 * 1024>(), for_size<64 * 1024>(), for_size<1024 * 1024>(),
};

const sized& find(const link_options& options) {
  for (const sized& one : all_sizes) {
    if (one.message_bytes == options.message_bytes && one.memory_bytes == options.memory_bytes)
      return one;
  }
  throw unavailable{
      "it is compiled for the sizes and the ring memory that are measured by default"};
}

}  // namespace

void add_boost_lockfree(std::vector<transport>& to) {
  to.push_back({.name = "boost_spsc_queue",
                .what = role::rival,
                .how = waiting::polling,
                .latency_sizes = {},
                .throughput_sizes = {},
                .latency = [](const link_options& o) { return find(o).latency(o); },
                .throughput = [](const link_options& o) { return find(o).throughput(o); },
                .wake = {},
                .paced = [](const link_options& o, double rate) { return find(o).at(o, rate); },
                .produced = [](const link_options& o) { return find(o).produced(o); }});
}

}  // namespace bench
