#include <optional>
#include <sluice/ring/publisher.hpp>
#include <sluice/ring/subscriber.hpp>

#include "programs.hpp"
#include "small_log.hpp"

namespace sluice::weak {

namespace {

constexpr std::size_t extra_offset = small_log::free_offset;
constexpr std::uint32_t subscribers = 1;

using message = numbered<2>;

std::optional<ring::publisher> sender;
std::optional<ring::subscriber> receiver;
std::uint64_t sent;

mutable_bytes extra() { return {memory() + extra_offset, 3072}; }
ring::subscriber_places places() { return ring::topic_layout{1, subscribers}.places(extra(), 0); }

void publish_next(ring::retention kept) {
  const message next{sent};
  std::byte* const room = sender->try_claim(sizeof next);
  if (room == nullptr) return;
  // What may be read meanwhile is written in atomic words, and the rest is not read meanwhile.
  if (kept == ring::retention::until_read) plain_write(room, sizeof next);
  sender->fill(room, {reinterpret_cast<const std::byte*>(next.all), sizeof next});
  sender->commit(sizeof next);
  ++sent;
}

void prepare_with(std::uint64_t messages, ring::retention kept) {
  small_log::prepare();
  new (extra().data()) ring::log_marks{};
  name(&places().of(0), "place");
  ring::log_marks& marks = ring::topic_layout::marks(extra(), 0);
  for (ring::log_checkpoint& one : marks.all) {
    name(&one.at, "mark.at");
    name(&one.messages, "mark.messages");
    name(&one.check, "mark.check");
  }
  for (std::uint64_t at = 0; at < small_log::least_bytes; at += 8)
    if (at % record != 0) name(memory() + small_log::data_offset + at, "payload");
  sender.emplace(small_log::log(), ring::log_place{}, marks, places(), kept);
  receiver.emplace(small_log::log(), marks, places().of(0), kept);
  sent = 0;
  for (std::uint64_t one = 0; one < messages; ++one) publish_next(kept);
}

bool find(std::size_t& length) {
  const ring::found seen = receiver->look(length);
  expect(seen != ring::found::damage, "what was published is no damage");
  return seen == ring::found::message;
}
// What was found, if it was not overwritten while it was copied.
void copy_found(std::size_t length, ring::retention kept) {
  expect(length == sizeof(message), "a message is as long as it was");
  if (kept == ring::retention::until_read) plain_read(receiver->message(length).data(), length);
  message copied;
  if (!receiver->copy({reinterpret_cast<std::byte*>(copied.all), length})) return;
  expect(copied.is(receiver->place().messages), "what was overwritten is not handed out");
  receiver->release();
}
void read(ring::retention kept) {
  std::size_t length = 0;
  if (find(length)) copy_found(length, kept);
}

void prepare_to_overwrite() {
  prepare_with(3, ring::retention::overwritten);
  expect(receiver->join(ring::joining::oldest), "there is a beginning");
}

program overwriting() {
  static std::size_t length;
  return {.called = "a_reader_that_is_overtaken_as_it_copies_hands_nothing_of_it_out",
          .prepare =
              [] {
                prepare_to_overwrite();
                expect(find(length), "there is a message");
              },
          .threads = {[] {
                        publish_next(ring::retention::overwritten);
                        publish_next(ring::retention::overwritten);
                      },
                      [] { copy_found(length, ring::retention::overwritten); }}};
}

program overtaking() {
  return {.called = "a_reader_that_is_overtaken_as_it_looks_goes_on_where_it_can",
          .prepare = prepare_to_overwrite,
          .threads = {[] {
                        publish_next(ring::retention::overwritten);
                        publish_next(ring::retention::overwritten);
                      },
                      [] { read(ring::retention::overwritten); }},
          .looks = 2};
}

program following() {
  constexpr auto kept = ring::retention::until_read;
  return {.called = "a_subscriber_sees_whole_messages_alone",
          .prepare =
              [] {
                prepare_with(0, kept);
                expect(receiver->join(ring::joining::oldest), "there is a beginning");
              },
          .threads = {[] { publish_next(kept); }, [] { read(kept); }}};
}

// The subscriber is in the way of the next message.
void prepare_to_gate() {
  prepare_with(0, ring::retention::until_read);
  expect(receiver->join(ring::joining::oldest), "there is a beginning");
  for (int one = 0; one < 3; ++one) publish_next(ring::retention::until_read);
  expect(!sender->has_room(sizeof(message)), "the log is full");
}

program gating() {
  constexpr auto kept = ring::retention::until_read;
  return {.called = "a_publisher_overwrites_what_its_subscribers_have_read",
          .prepare = prepare_to_gate,
          .threads = {[] {
                        publish_next(kept);
                        publish_next(kept);
                      },
                      [] {
                        read(kept);
                        read(kept);
                      }},
          .looks = 3};
}

program joining() {
  constexpr auto kept = ring::retention::until_read;
  return {.called = "a_joiner_loses_nothing_from_where_it_joined",
          .prepare =
              [] {
                prepare_to_gate();
                receiver->leave();
              },
          .threads = {[] { publish_next(kept); },
                      [] {
                        if (!receiver->join(ring::joining::oldest)) return;
                        std::size_t length = 0;
                        const bool has_found = find(length);
                        expect(has_found || receiver->place().messages >= 3,
                               "what was sent before and follows the place is there");
                        if (has_found) copy_found(length, kept);
                      }},
          .finish =
              [] {
                const ring::log_control& control = small_log::control();
                expect(control.released.load(std::memory_order_relaxed) ==
                           control.intent.load(std::memory_order_relaxed) - small_log::least_bytes,
                       "joiners are refused where something may be overwritten, and nowhere else");
              },
          .looks = 1};
}

}  // namespace

std::vector<program> topic_programs() {
  return {overwriting(), overtaking(), following(), gating(), joining()};
}

}  // namespace sluice::weak
