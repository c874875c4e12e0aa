// What nothing that moves messages between two cores can beat: the bare hand-over of a flag, bare
// streams of words and of lines, and the bare copy in and out.

#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>

#include "make_transport.hpp"
#include "polling_ends.hpp"
#include "shared_bytes.hpp"
#include "transports.hpp"

namespace bench {

namespace {

/// One word that is written by one side and polled by the other. The reply is what says that it may
/// be written again, so it can play ping-pong and nothing else.
template <bool Pauses>
class flag_link {
 public:
  explicit flag_link(const link_options& /*unused*/) : memory_(0) {}

  struct sender {
    std::atomic<std::uint64_t>& flag;
    void send(sluice::const_bytes message) noexcept {
      std::uint64_t value = 0;
      std::memcpy(&value, message.data(), sizeof value);
      flag.store(value, std::memory_order_release);  // with the receiver's load
    }
  };
  struct receiver {
    const std::atomic<std::uint64_t>& flag;
    std::uint64_t last = 0;
    std::size_t receive(sluice::mutable_bytes into) noexcept {
      std::uint64_t value = 0;
      while ((value = flag.load(std::memory_order_acquire)) == last) wait_loop{Pauses ? 1 : 0}();
      last = value;
      std::memcpy(into.data(), &value, sizeof value);
      return sizeof value;
    }
  };
  sender become_sender() noexcept { return {memory_.control().value}; }
  receiver become_receiver() noexcept { return {memory_.control().value}; }

 private:
  shared_bytes<apart_word> memory_;
};

/// How far the reader of a stream is, told once in an eighth of the ring.
struct stream_control {
  alignas(apart_bytes) std::atomic<std::uint64_t> read{0};
};

/// Items of a few words in a ring. The first word of an item is never what it was a lap ago, and
/// that it changed is the notice: no header, no position, nothing to clear.
template <std::size_t Words>
class item_link {
 public:
  using item = std::array<std::uint64_t, Words>;
  static constexpr std::size_t item_bytes = sizeof(item);

  explicit item_link(const link_options& options)
      : memory_(options.memory_bytes), wait_(options.wait) {}

  class place {
   public:
    explicit place(const shared_bytes<stream_control>& memory) noexcept
        : control_(memory.control()), data_(memory.data()), count_(memory.size() / item_bytes) {}

   protected:
    [[nodiscard]] std::byte* at(std::uint64_t number) const noexcept {
      return data_ + (number & (count_ - 1)) * item_bytes;  // the count is a power of two
    }
    [[nodiscard]] std::atomic_ref<std::uint64_t> first_word(std::uint64_t number) const noexcept {
      return std::atomic_ref{*reinterpret_cast<std::uint64_t*>(at(number))};
    }
    stream_control& control_;
    std::byte* data_;
    std::uint64_t count_;
    std::uint64_t next_ = 0;
  };

  class producer : place {
   public:
    using place::place;
    [[nodiscard]] bool try_push(sluice::const_bytes message) noexcept {
      if (this->next_ - read_ == this->count_) {
        read_ = this->control_.read.load(std::memory_order_acquire);  // with the consumer's store
        if (this->next_ - read_ == this->count_) return false;
      }
      item value{};
      std::memcpy(value.data(), message.data(), item_bytes);
      std::memcpy(this->at(this->next_) + word_bytes, value.data() + 1, item_bytes - word_bytes);
      this->first_word(this->next_).store(value[0], std::memory_order_release);  // its load
      ++this->next_;
      return true;
    }

   private:
    std::uint64_t read_ = 0;
  };

  class consumer : place {
   public:
    using place::place;
    [[nodiscard]] std::size_t try_pop(sluice::mutable_bytes into) noexcept {
      // With the producer's store. The sequence starts at 1, in memory of zeros.
      const std::uint64_t word = this->first_word(this->next_).load(std::memory_order_acquire);
      const std::uint64_t lap_ago = this->next_ < this->count_ ? 0 : this->next_ + 1 - this->count_;
      if (word == lap_ago) return 0;
      item value{word};
      std::memcpy(value.data() + 1, this->at(this->next_) + word_bytes, item_bytes - word_bytes);
      std::memcpy(into.data(), value.data(), item_bytes);
      ++this->next_;
      if (this->next_ % (this->count_ / 8) == 0)
        this->control_.read.store(this->next_, std::memory_order_release);  // with its load
      return item_bytes;
    }
  };

  polling_sender<producer> become_sender() {
    memory_.touch();
    return {producer{memory_}, wait_};
  }
  polling_receiver<consumer> become_receiver() {
    memory_.touch();
    return {consumer{memory_}, wait_};
  }

 private:
  shared_bytes<stream_control> memory_;
  wait_loop wait_;
};

/// Copying in and copying out through a ring of places of exactly the size of the messages: two
/// counters, each with a copy on the other side, and no header.
class copy_link {
 public:
  struct control {
    alignas(apart_bytes) std::atomic<std::uint64_t> written{0};
    alignas(apart_bytes) std::atomic<std::uint64_t> read{0};
  };
  explicit copy_link(const link_options& options)
      : memory_(options.memory_bytes), wait_(options.wait), size_(options.message_bytes) {}

  struct place {
    control& words;
    std::byte* data;
    std::uint64_t count;
    std::uint64_t done = 0;
    std::uint64_t other = 0;  // how far the other side is, as far as we know
    std::uint64_t at = 0;     // done modulo count
    void advance() noexcept {
      ++done;
      if (++at == count) at = 0;
    }
    [[nodiscard]] sluice::mutable_bytes here(std::size_t size) const noexcept {
      return {data + at * size, size};
    }
  };
  struct producer : place {
    [[nodiscard]] bool try_push(sluice::const_bytes message) noexcept {
      return try_fill(message.size(), [&](sluice::mutable_bytes room) {
        std::memcpy(room.data(), message.data(), message.size());
      });
    }
    [[nodiscard]] bool try_fill(std::size_t size, auto&& fill) noexcept {
      if (done - other == count) {
        other = words.read.load(std::memory_order_acquire);  // with the consumer's store
        if (done - other == count) return false;
      }
      fill(here(size));
      advance();
      words.written.store(done, std::memory_order_release);  // with the consumer's load
      return true;
    }
  };
  struct consumer : place {
    [[nodiscard]] std::size_t try_pop(sluice::mutable_bytes into) noexcept {
      const bool popped = try_look(into.size(), [&](sluice::const_bytes message) {
        std::memcpy(into.data(), message.data(), message.size());
      });
      return popped ? into.size() : 0;
    }
    [[nodiscard]] bool try_look(std::size_t size, auto&& look) {
      if (done == other) {
        other = words.written.load(std::memory_order_acquire);  // with the producer's store
        if (done == other) return false;
      }
      look(here(size));
      advance();
      words.read.store(done, std::memory_order_release);  // with the producer's load
      return true;
    }
  };

  /// With `fill` writing, and `look` reading, where the message lies.
  struct sender : polling_sender<producer> {
    using polling_sender<producer>::polling_sender;
    void produce(std::size_t size, auto&& fill) {
      while (!this->producer_.try_fill(size, fill)) this->wait_();
    }
  };
  struct receiver : polling_receiver<consumer> {
    receiver(consumer from, wait_loop wait, std::size_t size)
        : polling_receiver<consumer>(from, wait), size_(size) {}
    void consume(auto&& look) {
      while (!this->consumer_.try_look(size_, look)) this->wait_();
    }

   private:
    std::size_t size_;
  };
  sender become_sender() {
    memory_.touch();
    return {producer{ring()}, wait_};
  }
  receiver become_receiver() {
    memory_.touch();
    return {consumer{ring()}, wait_, size_};
  }

 private:
  [[nodiscard]] place ring() const noexcept {
    return {memory_.control(), memory_.data(), memory_.size() / size_};
  }
  shared_bytes<control> memory_;
  wait_loop wait_;
  std::size_t size_;
};

// A floor of throughput is there twice: with the wait loop that all have, and backing off when it
// finds nothing. Which is better depends on the machine, and a floor is the better one.
template <class Link>
void add_stream_floor(std::vector<transport>& to, const std::string& name, size_range sizes) {
  transport made = make_polling_transport<Link>(name, role::floor);
  made.latency_sizes = no_size;
  made.throughput_sizes = sizes;
  made.paced = {};
  if (!produces_in_place<decltype(std::declval<Link&>().become_sender())>) made.produced = {};
  to.push_back(made);
  made.name += "_backing_off";
  made.throughput = [as_all = made.throughput](link_options options) {
    options.wait.pauses = wait_loop::many_pauses;
    return as_all(options);
  };
  made.produced = {};
  to.push_back(std::move(made));
}

// The floor of messages of any size, though it hands over a word.
template <bool Pauses>
transport hand_over(const std::string& name) {
  transport made = make_transport<flag_link<Pauses>>(name, role::floor, waiting::polling);
  made.throughput_sizes = no_size;
  made.latency = [](link_options options) {
    options.message_bytes = word_bytes;
    return ping_pong<flag_link<Pauses>, word_bytes>(options);
  };
  made.paced = {};
  made.produced = {};
  return made;
}

}  // namespace

void add_polling_floors(std::vector<transport>& to) {
  to.push_back(hand_over<true>("hand_over_with_pause"));
  to.push_back(hand_over<false>("hand_over_without_pause"));
  add_stream_floor<item_link<1>>(to, "stream_of_words", {.from = 8, .to = 8});
  add_stream_floor<item_link<8>>(to, "stream_of_lines", {.from = 64, .to = 64});
  add_stream_floor<copy_link>(to, "bulk_copy", {.from = short_message_bytes});
}

}  // namespace bench
