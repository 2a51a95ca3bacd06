// metrics.h: what a server counts, and its text for Prometheus.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <span>
#include <string>

#include "http/request.h"

namespace sluice::http {

// A number that one loop changes and anybody reads. Not fetch_add: there is one writer.
class loop_counter {
  public:
    void add(std::uint64_t count = 1) noexcept { set(get() + count); }
    void subtract(std::uint64_t count = 1) noexcept { set(get() - count); }
    void set(std::uint64_t value) noexcept { value_.store(value, std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t get() const noexcept {
        return value_.load(std::memory_order_relaxed);
    }

  private:
    std::atomic<std::uint64_t> value_{0};
};

// What a connection is waiting for, each with a time limit of its own.
enum class phase : std::uint8_t {
    busy,       // nothing of the peer's: no limit
    idle,       // the next request
    reading,    // the rest of a request
    sending,    // the peer to take more of the response
    lingering,  // the peer to close, so that it reads our last answer before a reset
};
inline constexpr std::array<const char*, 5> phase_names{"busy", "idle", "reading", "sending",
                                                        "lingering"};
inline constexpr std::size_t phase_count = phase_names.size();

inline constexpr std::array counted_statuses{200, 204, 206, 301, 304, 400, 403, 404, 405, 408,
                                             412, 413, 414, 416, 417, 431, 500, 501, 503, 505};
inline constexpr std::array<std::int64_t, 16> duration_bounds_us{
    50,     100,    250,     500,     1'000,   2'500,     5'000,     10'000,
    25'000, 50'000, 100'000, 250'000, 500'000, 1'000'000, 2'500'000, 10'000'000};

// What one loop counts. Written by the loop's thread only.
struct loop_metrics {
    std::array<std::array<loop_counter, counted_statuses.size()>, request_method_count> requests;
    std::array<loop_counter, duration_bounds_us.size() + 1> durations;
    loop_counter duration_sum_ns;
    std::array<loop_counter, phase_count> connections;  // open now, by phase
    loop_counter accepted, evicted, refused;
    loop_counter cache_bytes, cache_files;

    void count_request(request_method method, int status, std::int64_t duration_ns) noexcept;
};

// A limit and how much of it is used now.
struct limit_use {
    std::string name;
    double limit = 0;
    double used = 0;
};

// All metrics of docs/serve.md as text (Prometheus exposition format 0.0.4). Any thread.
[[nodiscard]] std::string metrics_text(std::span<const loop_metrics* const> loops,
                                       std::span<const limit_use> limits,
                                       std::uint64_t log_lines_dropped);

}  // namespace sluice::http
