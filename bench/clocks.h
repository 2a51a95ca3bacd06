// clocks.h: clocks that start when they are made.
#pragma once

#include <cstdint>
#include <ctime>

namespace bench {

template <clockid_t Clock>
class clock_since {
  public:
    [[nodiscard]] std::int64_t ns() const { return now() - start_; }
    [[nodiscard]] double ms() const { return static_cast<double>(ns()) / 1e6; }

  private:
    static std::int64_t now() {
        timespec time{};
        clock_gettime(Clock, &time);
        return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
    }

    std::int64_t start_ = now();
};

using elapsed = clock_since<CLOCK_MONOTONIC>;
using thread_cpu = clock_since<CLOCK_THREAD_CPUTIME_ID>;
using process_cpu = clock_since<CLOCK_PROCESS_CPUTIME_ID>;

}  // namespace bench
