// A chat room of several processes. The room is a listener under a name; each guest is a process
// that connects, says who it is, and talks. What one says the room passes on to all others, with
// the name in front, so everybody reads everything exactly once. The room knows each guest's user
// and process from the kernel, not from what the guest says, and lets in its own user alone. One
// guest is killed in the middle of its talk: the others are told, and the talk goes on.

#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <iostream>
#include <map>
#include <set>
#include <sluice/channel/unix_listener.hpp>
#include <sluice/compose/selector.hpp>
#include <sluice/os/process.hpp>
#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;

constexpr const char* room_name = "chat-room";
constexpr const char* killed_guest = "grace";
constexpr int lines_per_guest = 20;

constexpr const char* all_here = "everybody is here";
constexpr const char* goodbye = "bye";

struct guest {
  sluice::unix_seqpacket connection;
  sluice::selector_key key = {};
  std::string name = {};
  bool said_goodbye = false;
};

class chat_room {
 public:
  chat_room(sluice::unix_seqpacket_listener door, std::size_t expected)
      : door_(std::move(door)), expected_(expected) {}

  // Runs until all who were expected have come and left.
  int keep() {
    auto all = sluice::selector::create().value();
    const sluice::selector_key door = all.add_readable(door_).value();
    while (came_ < expected_ || !guests_.empty()) {
      auto found = all.wait(10s);
      if (!found) return 1;
      for (const sluice::ready& one : *found) {
        if (one.key == door) {
          let_in(all);
        } else {
          listen_to(all, one.tag);
        }
      }
    }
    return 0;
  }

 private:
  void let_in(sluice::selector& all) {
    auto next = door_.try_accept();
    if (!next) return;
    const std::uint64_t number = ++last_number_;
    guest& one = guests_.emplace(number, guest{std::move(*next)}).first->second;
    one.key = all.add_readable(one.connection, number).value();
  }

  void listen_to(sluice::selector& all, std::uint64_t number) {
    guest& speaker = guests_.at(number);
    auto line = sluice::receive_message(speaker.connection, sluice::deadline::now());
    if (line) {
      const std::string text{sluice::text_of(*line)};
      if (speaker.name.empty()) return welcome(speaker, text);
      speaker.said_goodbye = text == goodbye;
      tell_others(number,
                  speaker.said_goodbye ? speaker.name + " has left" : speaker.name + ": " + text);
    } else if (!(line.error() == std::errc::timed_out)) {
      // Gone: what it had said has all been passed on.
      const guest gone = std::move(speaker);
      all.remove(gone.key);
      guests_.erase(number);
      if (!gone.said_goodbye) tell_others(nobody, gone.name + " has left");
    }
  }

  // The first line is the name; when all have said theirs, the talk begins.
  void welcome(guest& one, const std::string& name) {
    one.name = name;
    if (++came_ == expected_) tell_others(nobody, all_here);
  }

  // Who is gone meanwhile is noticed at the next look.
  void tell_others(std::uint64_t speaker, const std::string& line) {
    for (auto& [number, one] : guests_)
      if (number != speaker) static_cast<void>(one.connection.send(sluice::bytes_of(line), 5s));
  }

  sluice::unix_seqpacket_listener door_;
  std::size_t expected_;
  std::size_t came_ = 0;
  static constexpr std::uint64_t nobody = 0;
  std::uint64_t last_number_ = nobody;
  std::map<std::uint64_t, guest> guests_;
};

// Talks and listens until all others have left. True if every line of everybody who said goodbye
// was heard, in its order.
bool visit(const std::string& name, std::size_t others, bool dies) {
  auto room = sluice::unix_seqpacket::connect(room_name, 10s, {.wait_for_peer = true}).value();
  const auto say = [&](const std::string& line) { room.send(sluice::bytes_of(line), 10s).value(); };
  const auto hear = [&] {
    return std::string{sluice::text_of(sluice::receive_message(room, 10s).value())};
  };
  say(name);
  std::map<std::string, int> lines_of;
  std::set<std::string> left;
  bool in_order = hear() == all_here;
  for (int said = 0; said < lines_per_guest; ++said) {
    say(std::to_string(said));
    if (dies && said == lines_per_guest / 2) raise(SIGKILL);
  }
  say(goodbye);
  while (left.size() < others) {
    const std::string line = hear();
    const auto colon = line.find(": ");
    if (colon == line.npos) {
      left.insert(line.substr(0, line.find(' ')));
    } else {
      const int expected = lines_of[line.substr(0, colon)]++;
      in_order = in_order && line.substr(colon + 2) == std::to_string(expected);
    }
  }
  for (const auto& [speaker, lines] : lines_of)
    in_order = in_order && (lines == lines_per_guest || speaker == killed_guest);
  return in_order && lines_of.size() == others;
}

}  // namespace

int main() {
  const std::vector<std::string> names{"ada", "brian", "grace", "linus"};
  auto room = sluice::unix_seqpacket_listener::create(room_name, {.filter = {.users = {geteuid()}}})
                  .value();
  chat_room kept{std::move(room), names.size()};
  auto keeper = sluice::process::fork([&] { return kept.keep(); });
  std::vector<sluice::process> guests;
  guests.reserve(names.size());
  for (const std::string& name : names)
    guests.push_back(sluice::process::fork([&] {
                       return visit(name, names.size() - 1, name == killed_guest) ? 0 : 1;
                     }).value());

  bool all_well = keeper.has_value();
  for (std::size_t at = 0; at < names.size(); ++at) {
    const auto end = guests[at].wait().value();
    const bool expected = names[at] == killed_guest ? end.signal == SIGKILL : end.success();
    all_well = all_well && expected;
    std::cout << names[at] << (end.success() ? " has heard everything\n" : " was killed\n");
  }
  all_well = all_well && keeper->wait().value().success();
  std::cout << (all_well ? "the room is empty\n" : "something went wrong\n");
  return all_well ? 0 : 1;
}
