#include "memory/pool_core.h"

#include <algorithm>
#include <limits>
#include <utility>

#include <sys/mman.h>

#include "memory/heap_storage.h"
#include "memory/size_classes.h"
#include "sys/mapping.h"
#include "sys/threads.h"

namespace sluice::inline v0::detail {

namespace {

constexpr std::size_t chunk_memory_min = std::size_t{64} << 10;
constexpr std::size_t chunk_memory_max = std::size_t{1} << 20;
constexpr std::size_t blocks_in_chunk = 16;
constexpr std::size_t blocks_in_chunk_min = 4;

constinit std::mutex registry;
constinit pool_core* cores = nullptr;
constinit unsigned next_slot = 0;

unsigned taken_slot() noexcept {
    std::lock_guard lock(registry);
    return next_slot++ % cache_slot_count;
}

buffer_pool_options completed(buffer_pool_options wanted) noexcept {
    if (wanted.budget == nullptr) wanted.budget = &memory_budget::process();
    return wanted;
}

// The least that makes progress when there is no memory for a usual chunk: a page of small blocks,
// or one block.
chunk_layout least_layout(unsigned size_class) noexcept {
    auto size = block_sizes[size_class];
    return chunk_layout::of_blocks(size_class, size,
                                   std::max<std::size_t>(sys::page_size() / size, 1));
}

}  // namespace

std::mutex& pool_registry() noexcept {
    return registry;
}

pool_core::pool_core(const buffer_pool_options& wanted) noexcept
    : options_(completed(wanted)), slot_(taken_slot()) {
    handle_forks();
    std::lock_guard lock(registry);
    next_core = std::exchange(cores, this);
}

pool_core* pool_core::first() noexcept {
    return cores;
}

thread_cache* thread_cache::known(const pool_core& core) noexcept {
    auto* cache = cache_slots[core.slot()];
    return cache != nullptr && &cache->core_ == &core ? cache : nullptr;
}

// Allocating.

result<pool_block*> pool_core::take(std::size_t capacity) noexcept {
    if (options_.page_aligned) capacity = std::max(capacity, sys::page_size());
    if (capacity <= pool_block_size_max) [[likely]] {
        auto* cache = thread_cache::known(*this);
        auto* taken = cache == nullptr ? nullptr : cache->take(size_class_of(capacity));
        if (taken != nullptr) [[likely]] {
            taken->begin_use(options_.thread_bound);
            return taken;
        }
    }
    auto taken = take_slowly(capacity);
    if (taken) {
        (*taken)->begin_use(options_.thread_bound);
    } else {
        std::lock_guard lock(mutex_);
        ++refusals_;
    }
    return taken;
}

result<pool_block*> pool_core::take_slowly(std::size_t capacity) noexcept {
    if (capacity > pool_block_size_max) return take_mapping(capacity);
    auto size_class = size_class_of(capacity);
    auto* cache = thread_cache::known_or_made(*this);
    std::array<pool_block*, magazine_size_max> got;
    auto wanted = cache == nullptr ? 1 : thread_cache::batch_of(size_class, options_.cache_bytes);
    auto gathered = gather(size_class, std::span(got).first(wanted));
    if (!gathered) return failure(std::move(gathered));
    auto rest = std::span(got).subspan(1, *gathered - 1);
    if (!rest.empty()) put_back(rest.subspan(cache->fill(size_class, rest)));
    if (cache == nullptr || !cache->count_allocation(size_class)) count(size_class, 1, 0);
    return got[0];
}

// A block larger than the classes: a chunk with this one block.
result<pool_block*> pool_core::take_mapping(std::size_t capacity) noexcept {
    if (capacity > std::numeric_limits<std::ptrdiff_t>::max() - chunk_memory_max)
        return out_of_memory(budget().name());
    auto pages = (capacity + sys::page_size() - 1) / sys::page_size();
    auto layout = chunk_layout::of_blocks(pool_class_count, pages * sys::page_size(), 1);
    std::array<pool_block*, 1> got;
    auto gathered = gather_from_new(layout, got);
    if (!gathered) {
        relieve(budget());
        gathered = gather_from_new(layout, got);
    }
    if (!gathered) return failure(std::move(gathered));
    count(pool_class_count, 1, 0);
    return got[0];
}

// At least one block of the class, and up to all that are asked for if they are there. Under
// pressure it first takes from where there is memory, then as little as possible.
result<std::size_t> pool_core::gather(unsigned size_class, std::span<pool_block*> to) noexcept {
    if (auto count = gather_from_usable(size_class, to); count > 0) return count;
    auto gathered = gather_from_new(usual_layout(size_class), to);
    if (gathered) return gathered;
    relieve(budget());
    if (auto count = gather_from_usable(size_class, to); count > 0) return count;
    gathered = gather_from_new(usual_layout(size_class), to);
    if (gathered) return gathered;
    return gather_from_new(least_layout(size_class), to);
}

std::size_t pool_core::gather_from_usable(unsigned size_class, std::span<pool_block*> to) noexcept {
    std::lock_guard lock(mutex_);
    ++refills_;
    return take_usable(classes_[size_class], to);
}

result<std::size_t> pool_core::gather_from_new(const chunk_layout& layout,
                                               std::span<pool_block*> to) noexcept {
    auto made = make_chunk(layout);
    if (!made) return failure(std::move(made));
    std::lock_guard lock(mutex_);
    auto& state = classes_[layout.size_class];
    state.usable.push_front(**made);
    add_unused(**made, 1);
    state.reserved += layout.mapped_size;
    ++chunk_count_;
    reserved_ += layout.mapped_size;
    reserved_peak_ = std::max(reserved_peak_, reserved_);
    return take_usable(state, to);
}

std::size_t pool_core::take_usable(class_state& state, std::span<pool_block*> to) noexcept {
    std::size_t count = 0;
    while (count < to.size() && state.usable.front() != nullptr) {
        auto& chunk = *state.usable.front();
        if (chunk.is_unused()) add_unused(chunk, -1);
        while (count < to.size() && !chunk.is_exhausted()) {
            to[count] = chunk.take();
            state.bytes_out += to[count++]->capacity();
        }
        if (chunk.is_exhausted()) state.usable.remove(chunk);
    }
    state.blocks_out += count;
    return count;
}

chunk_layout pool_core::usual_layout(unsigned size_class) const noexcept {
    auto size = block_sizes[size_class];
    if (options_.huge_pages) return chunk_layout::of_huge_pages(size_class, size);
    auto memory = std::clamp(size * blocks_in_chunk, chunk_memory_min, chunk_memory_max);
    return chunk_layout::of_blocks(size_class, size, std::max(memory / size, blocks_in_chunk_min));
}

result<pool_chunk*> pool_core::make_chunk(const chunk_layout& layout) noexcept {
    if (!budget().reserve(layout.mapped_size)) return out_of_memory(budget().name());
    auto mapping = sys::map_anonymous(layout.mapped_size, layout.alignment);
    if (!mapping) {
        budget().give_back(layout.mapped_size);
        return out_of_memory("system");
    }
    if (options_.huge_pages && layout.alignment > sys::page_size())
        static_cast<void>(sys::advise(*mapping, MADV_HUGEPAGE));
    return pool_chunk::place(*mapping, layout, *this);
}

// Releasing.

void pool_core::put(pool_block& back) noexcept {
    auto* cache = thread_cache::known(*this);
    if (cache != nullptr && cache->put(back)) [[likely]]
        return;
    put_slowly(back);
}

void pool_core::put_slowly(pool_block& back) noexcept {
    bool is_ever_cached = thread_cache::capacity_of(back.size_class(), options_.cache_bytes) > 0;
    auto* cache = is_ever_cached ? thread_cache::known_or_made(*this) : nullptr;
    if (cache != nullptr) {
        make_room(*cache, back);
        if (cache->put(back)) return;
    }
    count(back.size_class(), 0, 1);
    auto* only = &back;
    put_back({&only, 1});
}

// Gives the older half of what the cache keeps back to the chunks: of this class when that is full,
// of all when the cache is.
void pool_core::make_room(thread_cache& cache, const pool_block& back) noexcept {
    std::array<pool_block*, magazine_size_max> out;
    bool is_full = cache.would_exceed_bytes(back);
    for (unsigned at = 0; at < pool_class_count; ++at) {
        if (!is_full && at != back.size_class()) continue;
        if (!is_full && !cache.is_class_full(at)) continue;
        put_back(std::span(out).first(cache.take_older_half(at, out)));
    }
}

void pool_core::put_back(std::span<pool_block* const> blocks) noexcept {
    if (blocks.empty()) return;
    // Once a closed core's lock is free, another thread may end it: what is needed after that is
    // taken along.
    auto& bounded_by = budget();
    pool_chunk* unused = nullptr;
    bool is_done = false;
    {
        std::lock_guard lock(mutex_);
        for (auto* each : blocks)
            put_into_chunk(*each);
        unused = forget_excess(is_closed_ ? 0 : options_.spare_bytes);
        is_done = is_closed_ && chunk_count_ == 0;
    }
    unmap_all(unused, bounded_by);
    if (is_done) delete this;
}

void pool_core::put_into_chunk(pool_block& back) noexcept {
    auto& chunk = back.chunk();
    auto& state = classes_[chunk.size_class()];
    bool was_exhausted = chunk.is_exhausted();
    --state.blocks_out;
    state.bytes_out -= back.capacity();
    chunk.put(back);
    if (was_exhausted) state.usable.push_front(chunk);
    if (!chunk.is_unused()) return;
    // To the end of the list, to be taken from last.
    state.usable.remove(chunk);
    state.usable.push_back(chunk);
    add_unused(chunk, 1);
}

void pool_core::add_unused(const pool_chunk& chunk, int count) noexcept {
    auto bytes = static_cast<std::ptrdiff_t>(chunk.mapped_size()) * count;
    classes_[chunk.size_class()].unused += static_cast<std::size_t>(bytes);
    unused_ += static_cast<std::size_t>(bytes);
}

// What exceeds the unused memory that may be kept: mappings of single blocks, then chunks of the
// class that has most of it, which is the one that needs it least.
pool_chunk* pool_core::forget_excess(std::size_t kept) noexcept {
    pool_chunk* excess = nullptr;
    while (unused_ > kept || classes_.back().unused > 0) {
        auto& from = classes_.back().unused > 0
                         ? classes_.back()
                         : *std::ranges::max_element(classes_, {}, &class_state::unused);
        auto& chunk = *from.usable.back();
        from.usable.remove(chunk);
        forget(chunk);
        chunk.next = std::exchange(excess, &chunk);
    }
    return excess;
}

// Takes an unused chunk, which is in no list any more, out of the books.
void pool_core::forget(const pool_chunk& gone) noexcept {
    add_unused(gone, -1);
    classes_[gone.size_class()].reserved -= gone.mapped_size();
    --chunk_count_;
    reserved_ -= gone.mapped_size();
}

std::size_t pool_core::unmap_all(pool_chunk* first, memory_budget& bounded_by) noexcept {
    std::size_t bytes = 0;
    while (first != nullptr) {
        auto mapping = std::exchange(first, first->next)->end();
        sys::unmap(mapping);
        bounded_by.give_back(mapping.size());
        bytes += mapping.size();
    }
    return bytes;
}

// Giving back, and ending.

std::size_t pool_core::trim() noexcept {
    std::lock_guard lock(registry);
    return trim_registered();
}

void pool_core::relieve(const memory_budget& bounded_by) noexcept {
    std::lock_guard lock(registry);
    for (auto* each = cores; each != nullptr; each = each->next_core) {
        if (&each->budget() == &bounded_by) each->trim_registered();
    }
}

std::size_t pool_core::trim_registered() noexcept {
    empty_caches(false);
    pool_chunk* unused = nullptr;
    {
        std::lock_guard lock(mutex_);
        ++trims_;
        unused = forget_excess(0);
    }
    return unmap_all(unused, budget());
}

// Gives back what all threads keep. With the registry locked.
void pool_core::empty_caches(bool for_ever) noexcept {
    bool is_any = false;
    for (auto* each = caches; each != nullptr; each = each->next_of_core) {
        if (for_ever) each->close();
        if (!for_ever && !each->is_empty()) each->stop();
        is_any = is_any || each->is_stopped();
    }
    if (!is_any) return;
    sys::membarrier_all();
    for (auto* each = caches; each != nullptr; each = each->next_of_core) {
        if (!each->is_stopped()) continue;
        each->wait();
        each->drain_into(*this);
        if (!for_ever) each->resume();
    }
}

void pool_core::close() noexcept {
    {
        std::lock_guard lock(registry);
        is_closing = true;
        empty_caches(true);
        auto** at = &cores;
        while (*at != this)
            at = &(*at)->next_core;
        *at = next_core;
    }
    auto& bounded_by = budget();
    pool_chunk* unused = nullptr;
    bool is_done = false;
    {
        std::lock_guard lock(mutex_);
        is_closed_ = true;
        unused = forget_excess(0);
        is_done = chunk_count_ == 0;
    }
    unmap_all(unused, bounded_by);
    if (is_done) delete this;
}

// Counting.

void pool_core::count(unsigned size_class, std::uint64_t allocations,
                      std::uint64_t releases) noexcept {
    std::lock_guard lock(mutex_);
    classes_[size_class].allocations += allocations;
    classes_[size_class].releases += releases;
}

void pool_core::add_counts(const thread_cache& ending) noexcept {
    std::lock_guard lock(mutex_);
    for (std::size_t at = 0; at < classes_.size(); ++at) {
        classes_[at].allocations += ending.magazines()[at].allocations.get();
        classes_[at].releases += ending.magazines()[at].releases.get();
    }
}

buffer_pool_statistics::of_class pool_core::statistics_of(std::size_t size_class) const noexcept {
    const auto& state = classes_[size_class];
    buffer_pool_statistics::of_class sum;
    sum.block_size = size_class < pool_class_count ? block_sizes[size_class] : 0;
    sum.allocations = state.allocations;
    sum.releases = state.releases;
    sum.reserved = state.reserved;
    for (auto* each = caches; each != nullptr; each = each->next_of_core) {
        const auto& kept = each->magazines()[size_class];
        sum.allocations += kept.allocations.get();
        sum.releases += kept.releases.get();
        sum.cached += kept.count.get();
    }
    // A cache may have given blocks back since its count was read.
    sum.in_use = state.blocks_out - std::min(sum.cached, state.blocks_out);
    return sum;
}

buffer_pool_statistics pool_core::statistics() const noexcept {
    std::lock_guard registry_lock(registry);
    std::lock_guard lock(mutex_);
    buffer_pool_statistics sum;
    sum.reserved = reserved_;
    sum.reserved_peak = reserved_peak_;
    sum.refills = refills_;
    sum.trims = trims_;
    sum.refusals = refusals_;
    for (std::size_t at = 0; at < classes_.size(); ++at) {
        auto& each = sum.classes[at] = statistics_of(at);
        sum.cached += each.cached * each.block_size;
        sum.in_use +=
            at < pool_class_count ? each.in_use * each.block_size : classes_[at].bytes_out;
        sum.allocations += each.allocations;
        sum.releases += each.releases;
    }
    return sum;
}

}  // namespace sluice::inline v0::detail
