#include "fibers.hpp"

#include <cstdlib>
#include <utility>

namespace sluice::weak {

fibers* fibers::starting_ = nullptr;

void fibers::run(const bodies& threads, std::function<void(std::size_t)> ended,
                 std::function<std::optional<std::size_t>()> next) {
  threads_ = &threads;
  ended_ = std::move(ended);
  next_ = std::move(next);
  starting_ = this;
  for (current_ = 0; current_ < threads.size(); ++current_) {
    if (!stacks_[current_]) stacks_[current_] = std::make_unique<std::byte[]>(stack_bytes);
    ucontext_t& made = contexts_[current_];
    ::getcontext(&made);
    made.uc_stack.ss_sp = stacks_[current_].get();
    made.uc_stack.ss_size = stack_bytes;
    made.uc_link = nullptr;
    ::makecontext(&made, &fibers::begin, 0);
    ::swapcontext(&outside_, &made);
  }
  starting_ = nullptr;
  current_ = 0;
  if (const auto first = next_()) {
    current_ = *first;
    ::swapcontext(&outside_, &contexts_[current_]);
  }
}

void fibers::begin() { starting_->live(); }

void fibers::live() {
  (*threads_)[current_]();
  ended_(current_);
  switch_to_next();
  std::abort();  // who has ended is never named again
}

void fibers::switch_to_next() {
  const std::size_t from = current_;
  if (starting_ != nullptr) {
    ::swapcontext(&contexts_[from], &outside_);
    return;
  }
  const auto to = next_();
  if (!to) leave();
  if (*to == from) return;
  current_ = *to;
  ::swapcontext(&contexts_[from], &contexts_[current_]);
}

void fibers::leave() {
  ::setcontext(&outside_);
  std::abort();
}

}  // namespace sluice::weak
