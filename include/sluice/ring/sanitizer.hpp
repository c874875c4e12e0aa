#pragma once
// What the code of rings must know about thread sanitizers: they see no fences, so in such builds
// read-modify-writes take their place.

namespace sluice::ring {

#if defined(__SANITIZE_THREAD__)
inline constexpr bool sees_fences = false;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
inline constexpr bool sees_fences = false;
#else
inline constexpr bool sees_fences = true;
#endif
#else
inline constexpr bool sees_fences = true;
#endif

}  // namespace sluice::ring
