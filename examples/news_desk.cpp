// Fan-out to consumers who come and go. A desk publishes news into a topic and knows none of its
// readers; each of them comes when it likes, hears the latest news first, leaves or is killed when
// it likes, and holds nobody up. The desk itself is one loop: the news, and the ends of the readers
// that it started, for its report.

#include <chrono>
#include <csignal>
#include <cstdint>
#include <iostream>
#include <optional>
#include <sluice/sluice.hpp>
#include <vector>

namespace {

using namespace std::chrono_literals;

struct item {
  std::uint64_t number = 0;
};

constexpr std::uint64_t items = 200;
constexpr const char* topic_name = "news";

// Reads so many items and leaves; none means until the desk closes. 0 if nothing was out of order.
int read_news(std::uint64_t wanted) {
  auto news = sluice::ring_subscriber::open(topic_name, {.join = sluice::ring::joining::last_value})
                  .value();
  std::uint64_t next = 0;
  for (std::uint64_t read = 0; wanted == 0 || read < wanted; ++read) {
    item one;
    auto got = news.receive(sluice::writable_bytes_of(one), 30s);
    if (!got) return got.error() == sluice::errc::closed ? 0 : 2;
    // The first one it hears may be any; from then on, one after the other.
    if (read != 0 && one.number != next + news.lost()) return 3;
    next = one.number + 1 - news.lost();
  }
  return 0;
}

class newsroom {
 public:
  void start_reader(std::uint64_t wanted) {
    const std::uint64_t tag = readers_.size();
    readers_.push_back(sluice::process::fork([wanted] { return read_news(wanted); }).value());
    keys_.push_back(all_.add_readable(readers_.back(), tag).value());
    ++running_;
  }
  void kill_reader(std::size_t which) { readers_.at(which).send_signal(SIGKILL).value(); }

  int run() {
    auto desk = std::optional{sluice::ring_publisher::attach(topic_).value()};
    const auto next_item = all_.add_timer(sluice::deadline::now(), 1ms).value();
    std::uint64_t published = 0;
    while (running_ != 0) {
      for (const sluice::ready& one : all_.wait(30s).value()) {
        if (one.key != next_item) {
          note_end(one.tag);
          continue;
        }
        const item made{.number = published};
        desk->try_send(sluice::bytes_of(made)).value();
        if (++published == items) {
          all_.remove(next_item);
          desk.reset();  // who still reads hears the end
          --running_;
          break;
        }
        follow_the_day(published);
      }
    }
    std::cout << published << " items: " << left_ << " readers left when they liked or at the end, "
              << killed_ << " was killed, " << failed_ << " missed what they should have heard\n";
    return left_ == 4 && killed_ == 1 && failed_ == 0 ? 0 : 1;
  }

 private:
  // Who comes and goes, and when.
  void follow_the_day(std::uint64_t published) {
    if (published == 10) start_reader(0);
    if (published == 20) start_reader(5);
    if (published == 40) start_reader(0);
    if (published == 60) start_reader(20);
    if (published == 80) start_reader(0);
    if (published == 120) kill_reader(0);
  }
  void note_end(std::uint64_t tag) {
    const auto end = readers_[tag].wait().value();
    all_.remove(keys_[tag]);
    --running_;
    ++(end.signal != 0 ? killed_ : end.success() ? left_ : failed_);
    if (!end.success() && end.signal == 0) std::cerr << "a reader returned " << end.code << '\n';
  }

  sluice::ring_topic topic_ =
      sluice::ring_topic::create(topic_name,
                                 {.capacity_bytes = 65'536,
                                  .when_full = sluice::ring_topic_policy::overwrite_oldest,
                                  .departure = sluice::ring_departure::report})
          .value();
  sluice::selector all_ = sluice::selector::create().value();
  std::vector<sluice::process> readers_;
  std::vector<sluice::selector_key> keys_;
  int running_ = 1;  // the desk, until its first reader came
  int left_ = 0;
  int killed_ = 0;
  int failed_ = 0;
};

}  // namespace

int main() { return newsroom{}.run(); }
