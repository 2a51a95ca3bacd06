// ledger.h: what moving bytes has cost.
//
// Each transfer keeps a ledger, and the process keeps the sum of all of them. The numbers are
// counted where the calls are made and are not estimates; what the kernel copies inside itself is
// not visible here.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include <sluice/mechanism.h>

#pragma GCC visibility push(default)

namespace sluice::inline v0 {

// What one mechanism has moved and what for.
struct mechanism_cost {
    std::uint64_t bytes = 0;               // moved into the sink
    std::uint64_t copied_user_kernel = 0;  // copied between user space and the kernel, either way
    std::uint64_t copied_user = 0;         // copied within user space
    std::uint64_t calls = 0;               // system calls
    std::uint64_t would_blocks = 0;        // calls that the sink was not ready for

    mechanism_cost& operator+=(const mechanism_cost& other) noexcept;
};

// A mechanism that turned out not to work here, and what took its place.
struct fallback {
    mechanism from;
    mechanism to;
    int reason = 0;  // errno value
};

struct ledger {
    std::array<mechanism_cost, mechanism_count> by_mechanism{};
    std::uint64_t cold_chunks = 0;  // chunks that were not in the page cache when looked at
    std::uint64_t stalls = 0;       // calls on a file that took longer than 1 ms
    std::uint64_t stalled_ns = 0;   // the time of those calls
    std::uint64_t fallback_count = 0;

    [[nodiscard]] mechanism_cost& of(mechanism which) noexcept {
        return by_mechanism[static_cast<std::size_t>(which)];
    }
    [[nodiscard]] const mechanism_cost& of(mechanism which) const noexcept {
        return by_mechanism[static_cast<std::size_t>(which)];
    }
    // The sum over all mechanisms.
    [[nodiscard]] mechanism_cost total() const noexcept;
    // The mechanism that moved most of the bytes.
    [[nodiscard]] mechanism foremost() const noexcept;

    // The fallbacks, oldest first. At most one for each mechanism, since a mechanism is given up
    // only once.
    [[nodiscard]] std::span<const fallback> fallbacks() const noexcept {
        return std::span(fallback_list_).first(fallback_count);
    }
    void record(const fallback& taken) noexcept;

  private:
    std::array<fallback, mechanism_count> fallback_list_{};
};

// The sum of what all transfers of the process have cost, the running ones included. Any thread may
// ask.
struct process_costs {
    std::array<mechanism_cost, mechanism_count> by_mechanism{};
    std::uint64_t cold_chunks = 0;
    std::uint64_t stalls = 0;
    std::uint64_t stalled_ns = 0;
    // fallbacks[from][to]
    std::array<std::array<std::uint64_t, mechanism_count>, mechanism_count> fallbacks{};
    // the errno value of the last fallback from that mechanism
    std::array<int, mechanism_count> last_reason{};
};
[[nodiscard]] process_costs costs_of_process();

}  // namespace sluice::inline v0

#pragma GCC visibility pop
