#include <cassert>
#include <new>

#include <sluice/memory_budget.h>

namespace sluice::inline v0 {

memory_budget& memory_budget::process() noexcept {
    // Never destroyed: blocks may come back while the process ends. Needs no heap: the name fits
    // into the string itself.
    alignas(memory_budget) static std::byte place[sizeof(memory_budget)];
    static auto* const budget = new (place) memory_budget("process");
    return *budget;
}

bool memory_budget::reserve(std::size_t bytes) noexcept {
    auto used = used_.load(std::memory_order_relaxed);
    do {
        auto most = limit();
        if (used > most || bytes > most - used) {
            refusals_.fetch_add(1, std::memory_order_relaxed);
            return false;
        }
    } while (!used_.compare_exchange_weak(used, used + bytes, std::memory_order_relaxed));
    auto peak = peak_.load(std::memory_order_relaxed);
    while (peak < used + bytes &&
           !peak_.compare_exchange_weak(peak, used + bytes, std::memory_order_relaxed)) {
    }
    return true;
}

void memory_budget::give_back(std::size_t bytes) noexcept {
    [[maybe_unused]] auto before = used_.fetch_sub(bytes, std::memory_order_relaxed);
    assert(before >= bytes);
}

}  // namespace sluice::inline v0
