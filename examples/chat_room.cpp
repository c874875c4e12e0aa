// A chat room of several processes. The room is a listener under a name; each guest is a process
// that connects, says who it is, and talks. What one says the room passes on to all others, with
// the name in front, so everybody reads everything exactly once. The room knows each guest's user
// and process from the kernel, not from what the guest says, and lets in its own user alone. One
// guest is killed in the middle of its talk: the others are told, and the talk goes on.

#include <poll.h>
#include <unistd.h>

#include <csignal>
#include <iostream>
#include <map>
#include <set>
#include <sluice/channel/unix_listener.hpp>
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
  std::string name = {};
  bool said_goodbye = false;
};

class chat_room {
 public:
  chat_room(sluice::unix_seqpacket_listener door, std::size_t expected)
      : door_(std::move(door)), expected_(expected) {}

  // Runs until all who were expected have come and left.
  int keep() {
    while (came_ < expected_ || !guests_.empty()) {
      std::vector<pollfd> watched{{.fd = door_.native_handle(), .events = POLLIN, .revents = 0}};
      for (const auto& [fd, one] : guests_) watched.push_back({fd, POLLIN, 0});
      if (poll(watched.data(), watched.size(), 10'000) <= 0) return 1;
      if (watched.front().revents != 0) {
        if (auto next = door_.try_accept()) {
          const int fd = next->native_handle();
          guests_.emplace(fd, guest{std::move(*next)});
        }
      }
      for (const pollfd& one : watched)
        if (one.revents != 0 && guests_.contains(one.fd)) listen_to(one.fd);
    }
    return 0;
  }

 private:
  void listen_to(int fd) {
    guest& speaker = guests_.at(fd);
    auto line = sluice::receive_message(speaker.connection, sluice::deadline::now());
    if (line) {
      const std::string text{sluice::text_of(*line)};
      if (speaker.name.empty()) return welcome(speaker, text);
      speaker.said_goodbye = text == goodbye;
      tell_others(fd,
                  speaker.said_goodbye ? speaker.name + " has left" : speaker.name + ": " + text);
    } else if (!(line.error() == std::errc::timed_out)) {
      // Gone: what it had said has all been passed on.
      const guest gone = std::move(speaker);
      guests_.erase(fd);
      if (!gone.said_goodbye) tell_others(-1, gone.name + " has left");
    }
  }

  // The first line is the name; when all have said theirs, the talk begins.
  void welcome(guest& one, const std::string& name) {
    one.name = name;
    if (++came_ == expected_) tell_others(-1, all_here);
  }

  // Who is gone meanwhile is noticed at the next look.
  void tell_others(int speaker, const std::string& line) {
    for (auto& [fd, one] : guests_)
      if (fd != speaker) static_cast<void>(one.connection.send(sluice::bytes_of(line), 5s));
  }

  sluice::unix_seqpacket_listener door_;
  std::size_t expected_;
  std::size_t came_ = 0;
  std::map<int, guest> guests_;
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
