#include <limits>
#include <memory>
#include <new>
#include <utility>

#include <sluice/buffer_pool.h>

#include "memory/heap_storage.h"
#include "memory/pool_core.h"

namespace sluice::inline v0 {

buffer_pool::buffer_pool(const options& wanted)
    : core_(new detail::pool_core(wanted), [](detail::pool_core* last) { last->close(); }) {}

result<buffer> buffer_pool::allocate(std::size_t size, std::size_t headroom) noexcept {
    if (size > std::numeric_limits<std::size_t>::max() - headroom)
        return out_of_memory(budget().name());
    auto taken = core_->take(size + headroom);
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
