#include <optional>
#include <sluice/ring/lane.hpp>
#include <sluice/ring/range.hpp>

#include "programs.hpp"
#include "small_log.hpp"

namespace sluice::weak {

namespace {

constexpr std::uint32_t receivers = 2;
constexpr std::size_t slots_offset = small_log::free_offset;
constexpr std::size_t words_offset = 2048;
constexpr std::uint32_t lanes = 2;
constexpr std::size_t extra_bytes = ring::queue_view::bytes_for(lanes);

std::optional<ring::producer> sender;
std::uint64_t sent;
std::uint64_t handed_out[8];  // how often each message was

ring::queue_view queue() {
  return ring::queue_view::of({memory() + words_offset, extra_bytes}, lanes,
                              {&placed<ring::participant_slot>(slots_offset), receivers});
}

template <class Message = small_message>
void put_next() {
  // As ring_queue_sender::find_room.
  if (!sender->fits(sizeof(Message))) {
    auto& released = small_log::control().released;
    released.store(ring::free_position(queue(), 0, released.load(std::memory_order_relaxed),
                                       small_log::least_bytes),
                   std::memory_order_relaxed);
  }
  sent += put<Message>(*sender, sent) ? 1U : 0U;
}

void prepare_with(std::uint64_t messages) {
  small_log::prepare(small_log::least_bytes, lanes);
  new (memory() + slots_offset) ring::participant_slot[receivers]{};
  new (memory() + words_offset) ring::queue_words{};
  new (memory() + words_offset + sizeof(ring::queue_words)) ring::lane_words[lanes]{};
  const ring::queue_view shared = queue();
  for (ring::lane_words& lane : shared.lanes) {
    name(&lane.lease, "lease");
    name(&lane.taken, "taken");
    name(&lane.taken_messages, "taken_messages");
  }
  name(&shared.words->receivers, "receivers");
  for (ring::participant_slot& slot : shared.receivers) {
    name(&slot.held, "held");
    name(&slot.at, "at");
    name(&slot.range_lane, "range_lane");
    name(&slot.range_from, "range_from");
    name(&slot.range_to, "range_to");
    name(&slot.range_base, "range_base");
    name(&slot.finished, "finished");
    name(&slot.counters[0], "counters[0]");
    name(&slot.counters[1], "counters[1]");
  }
  sender.emplace(small_log::log(), ring::log_place{}, ring::released_by::writer);
  for (std::uint64_t& times : handed_out) times = 0;
  for (sent = 0; sent < messages;) put_next();
}

// Full, and the first message has two units: the second that is sent is written over its bytes, and
// nothing but its reader is in the way of both.
void prepare_full() {
  prepare_with(0);
  put_next<large_message>();
  put_next();
}

void announce_all() {
  for (std::uint32_t one = 0; one < receivers; ++one) queue().announce(one);
}

// What `me` has in its slot.
void work(ring::range_reader range) {
  while (!range.is_empty()) {
    const_bytes seen;
    expect(range.try_peek(seen) == ring::found::message, "what was taken is there");
    large_message message;
    ring::copy_message(reinterpret_cast<std::byte*>(message.all), seen.data(), seen.size());
    const std::uint64_t sequence = message.all[0] - 100;
    expect(sequence < 8, "a message is what was sent");
    expect(++handed_out[sequence] == 1, "no message is given away twice");
    range.release();
  }
}

ring::take_outcome take(std::uint32_t me, std::uint32_t lane = 0) {
  return ring::take(queue(), lane, small_log::log(lane), me,
                    {.messages = 1, .bytes = small_log::least_bytes, .others = 0});
}

void take_and_work(std::uint32_t me, std::uint32_t times) {
  for (std::uint32_t one = 0; one < times; ++one) {
    if (take(me) == ring::take_outcome::taken) work({queue().receivers[me], small_log::log()});
  }
}

program two_takers() {
  return {.called = "two_takers_never_have_one_message",
          .prepare =
              [] {
                prepare_with(2);
                announce_all();
              },
          .threads = {[] { take_and_work(0, 1); }, [] { take_and_work(1, 1); }}};
}

program taker_and_sender() {
  return {.called = "a_taker_sees_what_a_sender_has_published",
          .prepare =
              [] {
                prepare_with(0);
                announce_all();
              },
          .threads = {[] { put_next(); }, [] { take_and_work(0, 1); }}};
}

program room() {
  return {.called = "a_sender_overwrites_what_all_receivers_have_dealt_with",
          .prepare =
              [] {
                prepare_full();
                announce_all();
              },
          .threads = {[] {
                        put_next();
                        put_next();
                      },
                      [] { take_and_work(0, 2); }}};
}

program newcomer() {
  return {.called = "a_newcomer_is_seen_before_what_it_takes",
          .prepare = [] { prepare_full(); },
          .threads = {[] {
                        put_next();
                        put_next();
                      },
                      [] {
                        queue().announce(1);
                        take_and_work(1, 1);
                      }}};
}

program another_lane() {
  return {
      .called = "a_sender_is_not_misled_by_who_goes_on_to_another_lane",
      .prepare =
          [] {
            prepare_full();
            announce_all();
            ring::producer other{small_log::log(1), ring::log_place{}, ring::released_by::writer};
            put(other, 7);
          },
      .threads = {[] {
                    put_next();
                    put_next();
                  },
                  [] {
                    take_and_work(0, 1);
                    static_cast<void>(take(0, 1));
                  }}};
}

// Of the slot that the first thread had; once it is gone, and its lock is ours.
void recover() {
  join(0);
  if (!ring::holds_anything(queue(), 0)) return;
  ring::roll_forward(queue(), 0);
  ring::participant_slot& slot = queue().receivers[0];
  if (ring::holds_range(slot)) work(ring::range_reader::go_on(slot, small_log::log()));
}

program recovery() {
  return {.called = "what_a_killed_taker_had_is_handed_out_once",
          .prepare =
              [] {
                prepare_with(2);
                announce_all();
              },
          .threads = {[] { static_cast<void>(take(0)); }, recover, [] { take_and_work(1, 1); }},
          .mortal = 0};
}

program recovery_and_room() {
  return {.called = "a_sender_overwrites_nothing_that_a_killed_taker_had",
          .prepare =
              [] {
                prepare_full();
                announce_all();
              },
          .threads = {[] { static_cast<void>(take(0)); }, recover,
                      [] {
                        put_next();
                        put_next();
                      }},
          .mortal = 0};
}

}  // namespace

std::vector<program> lane_programs() {
  return {two_takers(), taker_and_sender(), room(), newcomer(), another_lane(),
          recovery(),   recovery_and_room()};
}

}  // namespace sluice::weak
