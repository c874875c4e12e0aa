#pragma once
// Places of one size in shared memory, and two counters that say how many of them are filled and
// how many are free: what semaphores and events are used for when messages lie in shared memory.
// Raw counters and those of the library move their messages through this alike.
//
// A counter is made in the memory at `where`, before the processes are forked:
//   Counter(std::byte* where, std::uint32_t initial)
//   void give();   bool try_take();   void take()   which waits asleep
//   static constexpr std::uint32_t most   what it counts to

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>

#include "shared_bytes.hpp"
#include "transport.hpp"

namespace bench {

struct slots_control {
  alignas(apart_bytes) std::array<std::byte, apart_bytes> filled;
  alignas(apart_bytes) std::array<std::byte, apart_bytes> free;
};

template <class Counter, bool Polls>
class slots_link {
 public:
  explicit slots_link(const link_options& options)
      : wait_(options.wait),
        size_(options.message_bytes),
        // When each message is answered before the next one, there is always room.
        is_counted_(!options.is_answered),
        count_(std::clamp<std::size_t>(options.memory_bytes / size_, 1, Counter::most)),
        memory_(count_ * size_),
        filled_(std::make_shared<Counter>(memory_.control().filled.data(), 0)),
        free_(std::make_shared<Counter>(memory_.control().free.data(),
                                        static_cast<std::uint32_t>(count_))) {}

  class place {
   public:
    explicit place(slots_link& link) noexcept : link_(link) {}

   protected:
    void take(Counter& from) {
      if constexpr (Polls) {
        while (!from.try_take()) link_.wait_();
      } else {
        from.take();
      }
    }
    std::byte* next() noexcept {
      std::byte* here = link_.memory_.data() + at_ * link_.size_;
      if (++at_ == link_.count_) at_ = 0;
      return here;
    }
    slots_link& link_;

   private:
    std::size_t at_ = 0;
  };

  class sender : place {
   public:
    using place::place;
    void send(sluice::const_bytes message) {
      if (this->link_.is_counted_) this->take(*this->link_.free_);
      std::memcpy(this->next(), message.data(), message.size());
      this->link_.filled_->give();
    }
  };
  class receiver : place {
   public:
    using place::place;
    std::size_t receive(sluice::mutable_bytes into) {
      this->take(*this->link_.filled_);
      std::memcpy(into.data(), this->next(), into.size());
      if (this->link_.is_counted_) this->link_.free_->give();
      return into.size();
    }
  };

  sender become_sender() {
    memory_.touch();
    return sender{*this};
  }
  receiver become_receiver() {
    memory_.touch();
    return receiver{*this};
  }
  /// Of what has a name in the kernel until it is removed.
  [[nodiscard]] std::shared_ptr<void> lasting() const {
    return std::make_shared<std::array<std::shared_ptr<Counter>, 2>>(std::array{filled_, free_});
  }

 private:
  wait_loop wait_;
  std::size_t size_;
  bool is_counted_;
  std::size_t count_;
  shared_bytes<slots_control> memory_;
  std::shared_ptr<Counter> filled_;
  std::shared_ptr<Counter> free_;
};

}  // namespace bench
