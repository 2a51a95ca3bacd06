// clock.h: the clocks, read through the vDSO (no mode switch).
#pragma once

#include <cstdint>

namespace sluice::sys {

// CLOCK_MONOTONIC in nanoseconds: for durations and deadlines; never jumps.
[[nodiscard]] std::int64_t monotonic_ns() noexcept;
// CLOCK_REALTIME_COARSE in whole seconds since 1970.
[[nodiscard]] std::int64_t coarse_realtime_s() noexcept;
// CLOCK_REALTIME in nanoseconds since 1970: for dates; may jump.
[[nodiscard]] std::int64_t realtime_ns() noexcept;

}  // namespace sluice::sys
