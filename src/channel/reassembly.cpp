#include "channel/reassembly.hpp"

#include <algorithm>
#include <utility>

namespace sluice {

void reassembly::begin(const fragment_header& header) {
  if (header.total > max_message_bytes_) {
    ++spoilt_;  // its other fragments find no beginning and are skipped
    return;
  }
  if (messages_.size() == max_unfinished_) {
    messages_.erase(messages_.begin());
    ++spoilt_;
  }
  messages_.push_back({.sender = header.sender,
                       .sequence = header.sequence,
                       .total = header.total,
                       .bytes = std::exchange(spare_, {})});
  messages_.back().bytes.clear();
  messages_.back().bytes.reserve(std::min<std::size_t>(header.total, usual_room));
}

bool reassembly::add(const fragment_header& header, const_bytes payload) {
  const auto of_sender = [&header](const unfinished& one) { return one.sender == header.sender; };
  auto message = std::ranges::find_if(messages_, of_sender);
  if (message != messages_.end()) {
    const bool continues = message->sequence == header.sequence && message->total == header.total &&
                           message->bytes.size() == header.offset && header.offset != 0;
    if (!continues) {
      messages_.erase(message);  // its sender has gone on without finishing it
      ++spoilt_;
      message = messages_.end();
    }
  }
  if (message == messages_.end()) {
    if (header.offset != 0) return false;
    begin(header);
    message = std::ranges::find_if(messages_, of_sender);
    if (message == messages_.end()) return false;
  }
  message->bytes.insert(message->bytes.end(), payload.begin(), payload.end());
  if (message->bytes.size() != message->total) return false;
  std::swap(whole_, message->bytes);
  if (message->bytes.capacity() <= usual_room) spare_ = std::move(message->bytes);
  messages_.erase(message);
  return true;
}

void reassembly::give_up_of(std::uint64_t sender) noexcept {
  spoilt_ += std::erase_if(messages_, [=](const unfinished& one) { return one.sender == sender; });
}

bool reassembly::give_up_all() noexcept {
  spoilt_ += messages_.size();
  return !std::exchange(messages_, {}).empty();
}

}  // namespace sluice
