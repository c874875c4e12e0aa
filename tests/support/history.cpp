#include "support/history.hpp"

#include <algorithm>
#include <cstring>
#include <sstream>

namespace sluice::test {

namespace {

constexpr std::uint64_t mark_of_messages = 0x6567'6173'7365'6d53;
constexpr std::size_t examples_per_kind = 5;
// A number this far ahead of its predecessor was never reached by counting.
constexpr std::uint64_t largest_gap = 10'000'000;

std::uint64_t mix(std::uint64_t value) noexcept {  // the finaliser of splitmix64
  value = (value ^ (value >> 30)) * 0xbf58'476d'1ce4'e5b9;
  value = (value ^ (value >> 27)) * 0x94d0'49bb'1331'11eb;
  return value ^ (value >> 31);
}

std::uint64_t seed_of(const message_label& label) noexcept {
  return mix(label.sequence * 0x1'0000'01b3 + label.sender + mix(label.size));
}

// Eight bytes of the pattern at a time; each differs from those of all other places and messages.
void fill_pattern(const message_label& label, mutable_bytes payload) noexcept {
  std::uint64_t word = seed_of(label);
  for (std::size_t at = 0; at < payload.size(); at += sizeof word) {
    word += 0x9e37'79b9'7f4a'7c15;
    const std::uint64_t mixed = mix(word);
    copy_bytes(bytes_of(mixed), payload.subspan(at));
  }
}

std::uint64_t checksum_of(message_label label, const_bytes payload) noexcept {
  label.checksum = 0;
  std::uint64_t sum = seed_of(label) ^ label.mark;
  for (std::size_t at = 0; at < payload.size(); at += sizeof sum) {
    std::uint64_t word = 0;
    copy_bytes(payload.subspan(at), writable_bytes_of(word));
    sum = mix(sum ^ word) + 0x9e37'79b9'7f4a'7c15;
  }
  return sum;
}

std::string describe(std::uint32_t sender, std::uint64_t sequence) {
  return "message " + std::to_string(sequence) + " of sender " + std::to_string(sender);
}

// Sender, sequence and check in sixteen, thirty-two and sixteen bits.
std::uint64_t short_message(std::uint64_t sender, std::uint64_t sequence) noexcept {
  const std::uint64_t word = (sender & 0xffff) << 48 | (sequence & 0xffff'ffff) << 16;
  return word | (mix(word) & 0xffff);
}

}  // namespace

std::vector<std::byte> make_message(std::uint32_t sender, std::uint64_t sequence,
                                    std::size_t size) {
  if (size == short_message_bytes) {
    const std::uint64_t word = short_message(sender, sequence);
    const const_bytes bytes = bytes_of(word);
    return {bytes.begin(), bytes.end()};
  }
  std::vector<std::byte> message(std::max(size, min_message_bytes));
  message_label label{.mark = mark_of_messages,
                      .sequence = sequence,
                      .sender = sender,
                      .size = static_cast<std::uint32_t>(message.size())};
  const auto payload = mutable_bytes{message}.subspan(sizeof label);
  fill_pattern(label, payload);
  label.checksum = checksum_of(label, payload);
  copy_bytes(bytes_of(label), message);
  return message;
}

std::size_t size_of_message(std::uint32_t sender, std::uint64_t sequence, std::size_t smallest,
                            std::size_t largest) {
  const std::uint64_t random = mix(mix(sender + 1) + sequence * 0x9e37'79b9'7f4a'7c15);
  return smallest + random % (largest - smallest + 1);
}

std::string_view name_of(damage kind) noexcept {
  switch (kind) {
    case damage::none:
      return "none";
    case damage::torn:
      return "torn";
    case damage::reordered:
      return "reordered";
    case damage::twice:
      return "twice";
    case damage::invented:
      return "invented";
    case damage::lost:
      return "lost";
  }
  return "?";
}

damage history_checker::note(damage kind, const std::string& what) {
  if (++counts_[kind] <= examples_per_kind)
    examples_.push_back(std::string{name_of(kind)} + ": " + what);
  return kind;
}

damage history_checker::check(const_bytes message) {
  ++received_;
  if (message.size() == short_message_bytes) {
    std::uint64_t word = 0;
    copy_bytes(message, writable_bytes_of(word));
    if (short_message(word >> 48, word >> 16) != word)
      return note(damage::torn, "a short message that is none of ours");
    return place(static_cast<std::uint32_t>(word >> 48), word >> 16 & 0xffff'ffff);
  }
  message_label label;
  if (message.size() < sizeof label)
    return note(damage::torn, "a message of " + std::to_string(message.size()) + " bytes");
  copy_bytes(message, writable_bytes_of(label));
  if (label.mark != mark_of_messages)
    return note(damage::torn, "a message that does not begin as one");
  if (label.size != message.size())
    return note(damage::torn, describe(label.sender, label.sequence) + " has " +
                                  std::to_string(message.size()) + " bytes of " +
                                  std::to_string(label.size));
  if (checksum_of(label, message.subspan(sizeof label)) != label.checksum)
    return note(damage::torn, describe(label.sender, label.sequence) + " has foreign bytes in it");
  return place(label.sender, label.sequence);
}

// A whole message: is it where it belongs?
damage history_checker::place(std::uint32_t id, std::uint64_t sequence) {
  from_one_sender& sender = senders_[id];
  if (sequence >= sender.next) {
    if (sequence - sender.next > largest_gap) return note(damage::invented, describe(id, sequence));
    for (; sender.next < sequence; ++sender.next) sender.missing.insert(sender.next);
    ++sender.next;
    return damage::none;
  }
  const bool was_missing = sender.missing.erase(sequence) != 0;
  return note(was_missing ? damage::reordered : damage::twice,
              describe(id, sequence) + " after " + std::to_string(sender.next - 1));
}

void history_checker::merge(const history_checker& other) {
  received_ += other.received_;
  examples_.insert(examples_.end(), other.examples_.begin(), other.examples_.end());
  for (const auto& [kind, times] : other.counts_) counts_[kind] += times;
  for (const auto& [id, theirs] : other.senders_) {
    from_one_sender& ours = senders_[id];
    from_one_sender both{.next = std::max(ours.next, theirs.next), .missing = {}};
    const auto has = [](const from_one_sender& one, std::uint64_t number) {
      return number < one.next && !one.missing.contains(number);
    };
    for (std::uint64_t number = 0; number < both.next; ++number) {
      const bool here = has(ours, number);
      const bool there = has(theirs, number);
      if (here && there) note(damage::twice, describe(id, number) + ", by two receivers");
      if (!here && !there) both.missing.insert(number);
    }
    ours = both;
  }
}

::testing::AssertionResult history_checker::verdict(
    const std::map<std::uint32_t, sent_messages>& sent) const {
  history_checker judged = *this;
  for (const auto& [id, sender] : senders_) {
    const auto known = sent.find(id);
    const std::uint64_t at_most = known == sent.end() ? 0 : known->second.at_most;
    for (std::uint64_t number = at_most; number < sender.next; ++number)
      if (!sender.missing.contains(number)) judged.note(damage::invented, describe(id, number));
  }
  for (const auto& [id, counts] : sent) {
    const from_one_sender& sender = judged.senders_[id];
    for (std::uint64_t number = 0; number < counts.at_least; ++number)
      if (number >= sender.next || sender.missing.contains(number))
        judged.note(damage::lost, describe(id, number));
  }
  if (judged.counts_.empty()) return ::testing::AssertionSuccess();
  std::ostringstream text;
  text << received_ << " messages were received:";
  for (const auto& [kind, times] : judged.counts_) text << ' ' << times << ' ' << name_of(kind);
  for (const std::string& example : judged.examples_) text << "\n  " << example;
  return ::testing::AssertionFailure() << text.str();
}

::testing::AssertionResult history_checker::verdict(std::uint32_t senders,
                                                    std::uint64_t count) const {
  std::map<std::uint32_t, sent_messages> sent;
  for (std::uint32_t id = 0; id < senders; ++id) sent[id] = {.at_least = count, .at_most = count};
  return verdict(sent);
}

std::size_t history_checker::count(damage kind) const {
  const auto found = counts_.find(kind);
  return found == counts_.end() ? 0 : found->second;
}

}  // namespace sluice::test
