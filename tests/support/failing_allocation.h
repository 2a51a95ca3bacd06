// failing_allocation.h: operator new that fails when a test says so.
//
// Replaces the global operator new and delete of the program that links it, so that is done by test
// programs of their own. Allocations of other threads, and those made by malloc(3), are not
// affected.
#pragma once

#include <cstddef>

namespace sluice::support {

// Lets the calling thread's allocation number `at`, from zero, fail: with std::bad_alloc, or with
// null if it is one that does not throw. One object at a time in a thread.
class failing_allocation {
  public:
    explicit failing_allocation(std::size_t at) noexcept;
    failing_allocation(const failing_allocation&) = delete;
    failing_allocation& operator=(const failing_allocation&) = delete;
    ~failing_allocation();

    // Whether there was an allocation of that number.
    [[nodiscard]] bool has_failed() const noexcept;
};

// How many allocations the calling thread has made so far.
[[nodiscard]] std::size_t allocations_by_thread() noexcept;

// Calls `attempt` over and over, with its first allocation failing, then its second, and so on,
// until it makes no more of them. Returns how many failed. `attempt` must bear each failure: it
// checks what has to hold after one and lets no exception out.
template <typename Attempt>
std::size_t fail_each_allocation(Attempt attempt) {
    std::size_t at = 0;
    while (true) {
        failing_allocation armed(at);
        attempt();
        if (!armed.has_failed()) return at;
        ++at;
    }
}

}  // namespace sluice::support
