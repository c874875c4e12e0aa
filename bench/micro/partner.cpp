#include "partner.hpp"

#include <cstdio>
#include <exception>
#include <sluice/base/bytes.hpp>
#include <utility>

#include "machine.hpp"

namespace bench {

namespace {

struct order {
  side which = side::raw;
  std::uint64_t messages = 0;
};

int obey(sluice::duplex_pipe_end line, int core, const std::function<partner::role()>& prepare) {
  pin_to(core);
  const partner::role send = prepare();
  line.writer.write_all(sluice::bytes_of(partner::report{})).value();  // ready
  order next{};
  while (line.reader.read_exactly(sluice::writable_bytes_of(next))) {
    const double before = cpu_seconds();
    partner::report done{};
    done.calls = send(next.which, next.messages);
    done.cpu_seconds = cpu_seconds() - before;
    line.writer.write_all(sluice::bytes_of(done)).value();
  }
  return 0;
}

}  // namespace

partner::partner(int core, const std::function<role()>& prepare) {
  auto lines = sluice::duplex_pipe::create().value();
  auto body = [&] {
    { const auto parents = std::move(lines.first); }  // else we would never see our parent leave
    try {
      return obey(std::move(lines.second), core, prepare);
    } catch (const std::exception& failed) {
      std::fprintf(stderr, "the sending process failed: %s\n", failed.what());
      return 1;
    }
  };
  child_.emplace(sluice::process::fork(body).value());
  line_.emplace(std::move(lines.first));
  { const auto childs = std::move(lines.second); }
  static_cast<void>(finish());  // the child has its end of the stream by now
}

partner::~partner() {
  line_.reset();
  // Should it still be sending, its reader is the caller's and may be open; it must not outlive us.
  static_cast<void>(child_->send_signal(9));
  static_cast<void>(child_->wait());
}

void partner::begin(side which, std::uint64_t messages) {
  const order next{.which = which, .messages = messages};
  line_->writer.write_all(sluice::bytes_of(next)).value();
}

partner::report partner::finish() {
  report done{};
  line_->reader.read_exactly(sluice::writable_bytes_of(done)).value();
  return done;
}

}  // namespace bench
