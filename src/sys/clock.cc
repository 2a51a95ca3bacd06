#include "sys/clock.h"

#include <ctime>

namespace sluice::sys {

namespace {
std::int64_t nanoseconds(clockid_t clock) noexcept {
    timespec now{};
    ::clock_gettime(clock, &now);
    return static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}
}  // namespace

std::int64_t monotonic_ns() noexcept {
    return nanoseconds(CLOCK_MONOTONIC);
}
std::int64_t coarse_realtime_s() noexcept {
    return nanoseconds(CLOCK_REALTIME_COARSE) / 1'000'000'000;
}
std::int64_t realtime_ns() noexcept {
    return nanoseconds(CLOCK_REALTIME);
}

}  // namespace sluice::sys
