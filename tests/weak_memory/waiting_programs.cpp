#include <bit>
#include <optional>
#include <sluice/ring/wake_up.hpp>

#include "programs.hpp"
#include "small_log.hpp"

// Who sleeps and who wakes, in the steps of src/channel/ring_attachment.cpp and ring_wait.hpp,
// which call the kernel and so cannot be run here themselves; what they consist of is ring/.

namespace sluice::weak {

namespace {

constexpr std::uint64_t bit = 1;  // of the sleeper, in both words that have one for each slot
constexpr auto parked = static_cast<std::uint32_t>(ring::rest::parked);

std::optional<ring::producer> sender;
std::optional<ring::consumer> receiver;
std::optional<ring::lookout> lookout;
std::optional<ring::fence_request> request;
std::uint64_t sent;
std::uint64_t received;

ring::participant_slot& sleeper() { return placed<ring::participant_slot>(small_log::free_offset); }
ring::atomic<std::uint64_t>& fences() {
  return placed<ring::atomic<std::uint64_t>>(small_log::free_offset + 512);
}
ring::atomic<std::uint64_t>& sleepers() {
  return placed<ring::atomic<std::uint64_t>>(small_log::free_offset + 520);
}

// What the programs that must be rejected do otherwise.
enum class mistakes {
  none,
  no_barrier,
  no_second_look,
  barrier_before_the_question,
  need_not_said,
  sleep_left_standing,
};
mistakes mistake = mistakes::none;

enum class asking { never, for_good, when_worth_it };

void prepare_with(std::uint64_t messages, std::uint64_t records, asking how) {
  mistake = mistakes::none;
  small_log::prepare(records * record);
  name(&sleeper().resting, "resting");
  name(&sleeper().needed, "needed");
  name(&fences(), "fences");
  name(&sleepers(), "sleepers");
  if (how == asking::for_good)
    fences().store(ring::segment_header::always_fence, std::memory_order_relaxed);
  sender.emplace(small_log::log(), ring::log_place{});
  receiver.emplace(small_log::log());
  lookout.emplace(fences());
  request.emplace(fences(), how == asking::when_worth_it ? bit : 0);
  received = 0;
  for (sent = 0; sent < messages; ++sent) put(*sender, sent);
}

// ring_attachment::prepare_sleep
void prepare_sleep(bool has_summary) {
  if (sleeper().resting.load(std::memory_order_acquire) == parked &&
      (!has_summary || (sleepers().load(std::memory_order_relaxed) & bit) != 0))
    return;
  const bool is_early = mistake == mistakes::barrier_before_the_question;
  if (is_early && (fences().load(std::memory_order_relaxed) & bit) == 0) barrier_for_all();
  const ring::resting_place here{.slot = sleeper(),
                                 .request = *request,
                                 .summary = has_summary ? &sleepers() : nullptr,
                                 .bit = bit};
  static_cast<void>(ring::lie_down(here, ring::rest::parked, [is_early] {
    if (mistake != mistakes::no_barrier && !is_early) barrier_for_all();
    return true;
  }));
}
// ring_attachment::get_up
void get_up(bool has_summary) {
  if (!has_summary) return sleeper().resting.store(0, std::memory_order_relaxed);
  static_cast<void>(ring::rouse(sleeper()));
  sleepers().fetch_and(~bit, std::memory_order_seq_cst);
}
// ring_attachment::sleep_on, without a cap
template <class WorthIt>
void wait(WorthIt worth_it, bool has_summary = false) {
  if (worth_it()) return;
  do {
    prepare_sleep(has_summary);
    if (mistake != mistakes::no_second_look && worth_it()) break;
    sleep_while({&sleeper().resting, 4}, parked);
  } while (!worth_it());
  get_up(has_summary);
}
// ring_attachment::wake
void wake() {
  if (!lookout->tells_of_sleep(sleeper().resting)) return;
  if (mistake == mistakes::sleep_left_standing) {
    wake_one({&sleeper().resting, 4});
  } else if (ring::rouse(sleeper()) == ring::rest::parked) {
    wake_one({&sleeper().resting, 4});
  }
}
// ring_attachment::wake_one_of, of one
void wake_one_of_all() {
  if (!lookout->tells_of_sleep(sleepers())) return;
  if ((sleepers().load(std::memory_order_relaxed) & bit) == 0) return;
  if ((sleepers().fetch_and(~bit, std::memory_order_seq_cst) & bit) == 0) return;
  if (ring::rouse(sleeper()) == ring::rest::parked) wake_one({&sleeper().resting, 4});
}

void send_and_wake(int times) {
  for (int one = 0; one < times; ++one) {
    sent += put(*sender, sent) ? 1U : 0U;
    wake();
  }
}
bool is_there() {
  const_bytes seen;
  return receiver->try_peek(seen) != ring::found::nothing;
}
void receive_all(std::uint64_t count, bool has_summary = false) {
  while (received < count) {
    wait(is_there, has_summary);
    expect(get(*receiver, received), "what was waited for is there");
    ++received;
  }
}

// One message was sent and received: the sender has room for some more, and does not look for it.
void prepare_to_send(asking how) {
  prepare_with(1, 32, how);
  receive_all(1);
}

program for_messages(const char* called, asking how, int messages = 2) {
  return {.called = called,
          .prepare = [how] { prepare_to_send(how); },
          .threads = {[messages] { send_and_wake(messages); },
                      [messages] { receive_all(1 + static_cast<std::uint64_t>(messages)); }}};
}
program large(program what) {
  what.is_large = true;
  return what;
}
program with(mistakes which, program what) {
  what.prepare = [which, before = what.prepare] {
    before();
    mistake = which;
  };
  return what;
}

// The sender is about to have fenced so often in vain that it takes the question back.
program taken_back() {
  return {.called = "a_sleeper_is_woken_when_its_question_for_fences_is_just_taken_back",
          .prepare =
              [] {
                prepare_to_send(asking::when_worth_it);
                static_cast<void>(request->is_granted());
                for (std::uint32_t one = 1; one < ring::lookout::most_in_vain; ++one)
                  static_cast<void>(lookout->tells_of_sleep(sleeper().resting));
              },
          .threads = {[] { send_and_wake(2); }, [] { receive_all(3); }}};
}

program one_of_many(const char* called, asking how) {
  return {.called = called,
          .prepare = [how] { prepare_to_send(how); },
          .threads = {[] {
                        sent += put(*sender, sent) ? 1U : 0U;
                        wake_one_of_all();
                      },
                      [] { receive_all(2, true); }}};
}

// Messages that are shared out, as numbers: of two, one may be taken by somebody who is awake.
program shared_out(const char* called, asking how) {
  using number = ring::atomic<std::uint64_t>;
  static constexpr auto published = [] { return &placed<number>(small_log::free_offset + 640); };
  static constexpr auto taken = [] { return &placed<number>(small_log::free_offset + 704); };
  static constexpr auto is_any = [] {
    return taken()->load(std::memory_order_acquire) < published()->load(std::memory_order_acquire);
  };
  static constexpr auto take = [] {
    std::uint64_t before = taken()->load(std::memory_order_relaxed);
    return before < published()->load(std::memory_order_acquire) &&
           taken()->compare_exchange_strong(before, before + 1, std::memory_order_acq_rel);
  };
  return {.called = called,
          .prepare = [how] { prepare_with(0, 4, how); },
          .threads = {[] {
                        for (std::uint64_t one = 1; one <= 2; ++one) {
                          published()->store(one, std::memory_order_release);
                          wake_one_of_all();
                        }
                      },
                      [] {
                        do {
                          wait(is_any, true);
                        } while (!take());
                      },
                      [] { static_cast<void>(take()); }},
          .looks = 2};
}

program for_room(const char* called, asking how) {
  constexpr std::uint64_t records = 32;
  return {.called = called,
          .prepare =
              [how] {
                prepare_with(records - 1, records, how);
                // Of an earlier wait: with that the sender would not be woken yet.
                sleeper().needed.store(records * record, std::memory_order_relaxed);
              },
          .threads = {[] {
                        if (mistake != mistakes::need_not_said)
                          sleeper().needed.store(sender->needed(sizeof(small_message)),
                                                 std::memory_order_relaxed);
                        wait([] { return sender->has_room(sizeof(small_message)); });
                        expect(put(*sender, sent), "what was waited for is there");
                      },
                      [] {
                        expect(get(*receiver, 0), "the first message is there");
                        // ring_receiver::wake_sender
                        if (!lookout->tells_of_sleep(sleeper().resting)) return;
                        if (sleeper().resting.load(std::memory_order_acquire) == 0) return;
                        const ring::position needed =
                            sleeper().needed.load(std::memory_order_relaxed);
                        if (receiver->place().at - needed < std::uint64_t{1} << 63) wake();
                      }}};
}

}  // namespace

std::vector<program> waiting_programs() {
  return {for_messages("a_sleeper_that_makes_the_barrier_is_woken", asking::never, 1),
          for_messages("a_sleeper_for_whom_all_fence_is_woken", asking::for_good),
          large(for_messages("a_sleeper_that_asks_for_fences_is_woken", asking::when_worth_it)),
          taken_back(),
          one_of_many("one_whose_sleep_shows_in_a_summary_is_woken", asking::never),
          one_of_many("one_for_whom_all_fence_at_the_summary_is_woken", asking::for_good),
          large(shared_out("one_of_many_is_woken_for_what_the_others_leave", asking::for_good)),
          for_room("a_sender_is_woken_for_the_room_that_it_needs", asking::never),
          for_room("a_sender_for_whom_all_fence_is_woken_for_room", asking::for_good)};
}

std::vector<program> mistaken_programs() {
  return {
      with(mistakes::no_barrier, for_messages("a_sleeper_makes_no_barrier", asking::never)),
      with(mistakes::no_second_look, for_messages("a_sleeper_does_not_look_again", asking::never)),
      with(mistakes::barrier_before_the_question,
           for_messages("a_sleeper_makes_the_barrier_before_it_asks", asking::when_worth_it)),
      with(mistakes::sleep_left_standing,
           for_messages("a_waker_leaves_the_sleep_standing", asking::never)),
      with(mistakes::no_barrier, one_of_many("a_sleeper_of_many_makes_no_barrier", asking::never)),
      with(mistakes::need_not_said, for_room("a_sender_does_not_say_what_it_needs", asking::never)),
      with(mistakes::no_barrier,
           for_room("a_sender_without_room_makes_no_barrier", asking::never))};
}

}  // namespace sluice::weak
