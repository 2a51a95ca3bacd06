#include <limits>
#include <memory>
#include <utility>

#include <sluice/buffer_pool.h>

#include "memory/pool_core.h"

namespace sluice::inline v0 {

buffer_pool::buffer_pool(const options& wanted)
    : core_(new detail::pool_core(wanted), [](detail::pool_core* last) { last->close(); }) {}

result<buffer> buffer_pool::allocate(std::size_t size, std::size_t headroom) noexcept {
    constexpr auto largest = std::numeric_limits<std::size_t>::max();  // which is refused
    auto taken = core_->take(size > largest - headroom ? largest : size + headroom);
    if (!taken) return failure(std::move(taken));
    return result<buffer>(std::in_place, *taken, headroom);
}

std::size_t buffer_pool::trim() noexcept {
    return core_->trim();
}

buffer_pool_statistics buffer_pool::statistics() const noexcept {
    return core_->statistics();
}

memory_budget& buffer_pool::budget() const noexcept {
    return core_->budget();
}

}  // namespace sluice::inline v0
