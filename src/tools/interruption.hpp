#pragma once
// An orderly end on SIGINT, SIGTERM and SIGHUP: whoever waits looks here from time to time, stops
// its children, and lets destructors remove names.

namespace sluice::tools {

/// From now on these signals are noted instead of killing. Once is enough.
void note_interruptions();

/// Whether one of them came.
[[nodiscard]] bool is_interrupted() noexcept;

}  // namespace sluice::tools
