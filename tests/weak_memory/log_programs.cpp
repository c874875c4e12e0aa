#include <optional>

#include "programs.hpp"
#include "small_log.hpp"

namespace sluice::weak {

namespace {

// The ends of the threads; made anew for each run.
std::optional<ring::producer> sender;
std::optional<ring::consumer> receiver;
std::uint64_t sent;
std::uint64_t received;

void prepare_with(std::uint64_t messages, std::uint64_t capacity_bytes = small_log::least_bytes) {
  small_log::prepare(capacity_bytes);
  sender.emplace(small_log::log(), ring::log_place{});
  receiver.emplace(small_log::log());
  received = 0;
  for (sent = 0; sent < messages; ++sent) put(*sender, sent);
}

void send(int times) {
  for (int one = 0; one < times; ++one) sent += put(*sender, sent) ? 1U : 0U;
}
void receive(int times) {
  for (int one = 0; one < times; ++one) received += get(*receiver, received) ? 1U : 0U;
}

program one_after_the_other() {
  return {.called = "a_reader_sees_whole_messages_alone",
          .prepare = [] { prepare_with(0); },
          .threads = {[] { send(2); }, [] { receive(3); }}};
}

// The second message is written over one that is read meanwhile. So many more records than are read
// that the reader does not tell how far it is: it is asked.
program full() {
  constexpr std::uint64_t records = 32;
  return {.called = "a_writer_overwrites_what_was_released_alone",
          .prepare = [] { prepare_with(records - 1, records * record); },
          .threads = {[] { send(2); }, [] { receive(2); }}};
}

// The message that is read has two units, and is as long as the one before, so that it is taken at
// once; the second that is sent is written over the second of them.
program full_and_taken_at_once() {
  return {.called = "a_reader_has_copied_what_it_releases",
          .prepare =
              [] {
                prepare_with(0, 2048);
                for (sent = 0; sent < 2; ++sent) put<large_message>(*sender, sent);
                get<large_message>(*receiver, received++);
                while (put(*sender, sent)) ++sent;
              },
          .threads = {[] { send(2); },
                      [] { received += get<large_message>(*receiver, received) ? 1U : 0U; }}};
}

// Here it tells each time. A writer that sees it getting on asks again and again: twice is enough.
program full_and_told() {
  return {.called = "a_writer_overwrites_what_it_was_told_of",
          .prepare = [] { prepare_with(3); },
          .threads = {[] { send(2); }, [] { receive(2); }},
          .looks = 2};
}

program batch() {
  return {.called = "a_batch_is_seen_whole",
          .prepare = [] { prepare_with(0); },
          .threads = {[] {
                        for (std::uint64_t one = 0; one < 2; ++one) {
                          const small_message message{one};
                          std::byte* const room = sender->try_claim(sizeof message);
                          ring::copy_message(room, reinterpret_cast<const std::byte*>(message.all),
                                             sizeof message);
                          sender->stage(sizeof message);
                        }
                        sender->publish();
                      },
                      [] {
                        if (!get(*receiver, 0)) return;
                        expect(get(*receiver, 1), "after the first of a batch comes the second");
                      }}};
}

program successor() {
  return {.called = "a_successor_goes_on_where_the_dead_one_was",
          .prepare = [] { prepare_with(1); },
          .threads = {[] { send(2); },
                      [] {
                        join(0);
                        const auto end = ring::end_of(small_log::log());
                        expect(end.has_value(), "there is an end");
                        expect(end->messages * record == end->at, "it is counted right");
                        expect(end->messages >= sent, "what was sent is before it");
                        ring::producer next{small_log::log(), *end};
                        if (end->messages < 3) put(next, end->messages);
                      },
                      [] { receive(3); }},
          .mortal = 0};
}

program checkpoints() {
  return {.called = "half_a_checkpoint_is_never_taken_for_a_whole_one",
          .prepare = [] { prepare_with(0); },
          .threads = {[] { send(3); },
                      [] {
                        const auto newest = ring::newest_checkpoint(small_log::log());
                        if (!newest) return;
                        expect(newest->place.messages * record == newest->place.at,
                               "a place and the messages before it belong together");
                      }}};
}

program counting() {
  return {.called = "a_reader_counts_while_checkpoints_are_written",
          .prepare =
              [] {
                prepare_with(2);
                receive(2);
                small_log::control().received.store(7, std::memory_order_relaxed);
              },
          .threads = {[] { send(1); },
                      [] {
                        const auto next = ring::consumer::after_a_death(small_log::log());
                        expect(next.place().messages == 2, "what was read is counted once");
                      }},
          .looks = 3};
}

}  // namespace

std::vector<program> log_programs() {
  return {one_after_the_other(), full(),    full_and_taken_at_once(),
          full_and_told(),       batch(),   successor(),
          checkpoints(),         counting()};
}

}  // namespace sluice::weak
