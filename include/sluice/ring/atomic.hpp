#pragma once
// The atomics of the ring, by the names that the standard library gave them. All of ring/ takes
// them from here, so that one header decides what they are: tests/weak_memory puts another one of
// this name in front of it, in which each operation is a step of a scheduler that tries every order
// which the language allows. Fences are named with their namespace: an argument of std finds std's
// too.

#include <atomic>

namespace sluice::ring {

using std::atomic;
using std::atomic_ref;
using std::atomic_signal_fence;
using std::atomic_thread_fence;

}  // namespace sluice::ring
