#include "transfer/process_costs.h"

#include <atomic>
#include <mutex>
#include <type_traits>
#include <utility>

namespace sluice::inline v0 {

namespace {

// A counter that one thread writes and others read.
class counter {
  public:
    void add(std::uint64_t count) noexcept {
        // Not fetch_add: there is one writer, so no locked instruction is needed.
        value_.store(value_.load(std::memory_order_relaxed) + count, std::memory_order_relaxed);
    }
    [[nodiscard]] std::uint64_t get() const noexcept {
        return value_.load(std::memory_order_relaxed);
    }

  private:
    std::atomic<std::uint64_t> value_{0};
};

struct mechanism_counters {
    counter bytes, copied_user_kernel, copied_user, calls, would_blocks;

    [[nodiscard]] mechanism_cost get() const noexcept {
        return {bytes.get(), copied_user_kernel.get(), copied_user.get(), calls.get(),
                would_blocks.get()};
    }
};

struct alignas(64) thread_counters {
    std::array<mechanism_counters, mechanism_count> by_mechanism;
    counter cold_chunks, stalls, stalled_ns;
    std::array<std::array<counter, mechanism_count>, mechanism_count> fallbacks;
};

// One for all threads: fallbacks are rare, and only so is the last one the last in time.
std::array<std::atomic<int>, mechanism_count> last_reasons{};

void add(process_costs& sum, const thread_counters& one) {
    for (std::size_t from = 0; from < mechanism_count; ++from) {
        sum.by_mechanism[from] += one.by_mechanism[from].get();
        for (std::size_t to = 0; to < mechanism_count; ++to)
            sum.fallbacks[from][to] += one.fallbacks[from][to].get();
    }
    sum.cold_chunks += one.cold_chunks.get();
    sum.stalls += one.stalls.get();
    sum.stalled_ns += one.stalled_ns.get();
}

struct registration;

// The threads that count now, and what those counted that have ended. Nothing here allocates: a
// thread counts for the first time when bytes have moved, and that must not fail then.
struct registry {
    std::mutex mutex;
    registration* first = nullptr;
    process_costs ended;
};
constinit registry all;
// Threads may end after main.
static_assert(std::is_trivially_destructible_v<registry>);

struct registration {
    thread_counters counters;
    registration* next = nullptr;
    registration* before = nullptr;

    registration() noexcept {
        std::scoped_lock lock(all.mutex);
        next = std::exchange(all.first, this);
        if (next != nullptr) next->before = this;
    }
    registration(const registration&) = delete;
    registration& operator=(const registration&) = delete;
    ~registration() {
        std::scoped_lock lock(all.mutex);
        add(all.ended, counters);
        (before != nullptr ? before->next : all.first) = next;
        if (next != nullptr) next->before = before;
    }
};

thread_counters& mine() {
    thread_local registration own;
    return own.counters;
}

}  // namespace

void book(mechanism which, const mechanism_cost& spent) noexcept {
    auto& counters = mine().by_mechanism[static_cast<std::size_t>(which)];
    counters.bytes.add(spent.bytes);
    counters.copied_user_kernel.add(spent.copied_user_kernel);
    counters.copied_user.add(spent.copied_user);
    counters.calls.add(spent.calls);
    counters.would_blocks.add(spent.would_blocks);
}

void book_cold_chunk() noexcept {
    mine().cold_chunks.add(1);
}

void book_stall(std::uint64_t ns) noexcept {
    mine().stalls.add(1);
    mine().stalled_ns.add(ns);
}

void book(const fallback& taken) noexcept {
    auto from = static_cast<std::size_t>(taken.from);
    mine().fallbacks[from][static_cast<std::size_t>(taken.to)].add(1);
    last_reasons[from].store(taken.reason, std::memory_order_relaxed);
}

process_costs costs_of_process() {
    std::scoped_lock lock(all.mutex);
    auto sum = all.ended;
    for (const auto* one = all.first; one != nullptr; one = one->next)
        add(sum, one->counters);
    for (std::size_t from = 0; from < mechanism_count; ++from)
        sum.last_reason[from] = last_reasons[from].load(std::memory_order_relaxed);
    return sum;
}

}  // namespace sluice::inline v0
