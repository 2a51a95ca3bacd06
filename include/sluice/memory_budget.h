// memory_budget.h: how much memory may be taken, at most.
//
//     buffer_pool ──reserve──▶ budget "process" 64 MiB ──no──▶ error ENOMEM "allocate process"
//
// A pool asks its budget before it maps memory and returns what it unmaps, so a budget bounds what
// the process has mapped and not only what is in use. A refusal is an error of the one allocation
// that met it; the pool gives back what it has cached and asks once more before that.
//
// Threads: any, at any time. The count never exceeds the limit, not even for a moment.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>

#pragma GCC visibility push(default)

namespace sluice::inline v0 {

class memory_budget {
  public:
    static constexpr std::size_t unlimited = std::numeric_limits<std::size_t>::max();

    // `name` is what errors call it. The budget must outlive every pool that uses it and the last
    // block of that pool.
    explicit memory_budget(std::string name, std::size_t limit = unlimited)
        : name_(std::move(name)), limit_(limit) {}
    memory_budget(const memory_budget&) = delete;
    memory_budget& operator=(const memory_budget&) = delete;

    // The budget of all pools that were given none: unlimited until it is told a limit. Lives as
    // long as the process.
    [[nodiscard]] static memory_budget& process() noexcept;

    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    // In bytes. A limit below what is used already refuses what is asked for from now on.
    void set_limit(std::size_t bytes) noexcept { limit_.store(bytes, std::memory_order_relaxed); }
    [[nodiscard]] std::size_t limit() const noexcept {
        return limit_.load(std::memory_order_relaxed);
    }

    // Takes `bytes`, all or none. False, and one more refusal counted, when they exceed the limit.
    [[nodiscard]] bool reserve(std::size_t bytes) noexcept;
    // Returns what reserve() took.
    void give_back(std::size_t bytes) noexcept;

    // Bytes taken now, the most that ever were at a time, and how often reserve() said no.
    [[nodiscard]] std::size_t used() const noexcept {
        return used_.load(std::memory_order_relaxed);
    }
    [[nodiscard]] std::size_t peak() const noexcept {
        return peak_.load(std::memory_order_relaxed);
    }
    [[nodiscard]] std::uint64_t refusals() const noexcept {
        return refusals_.load(std::memory_order_relaxed);
    }

  private:
    std::string name_;
    std::atomic<std::size_t> limit_;
    std::atomic<std::size_t> used_{0};
    std::atomic<std::size_t> peak_{0};
    std::atomic<std::uint64_t> refusals_{0};
};

}  // namespace sluice::inline v0

#pragma GCC visibility pop
