#include "memory/thread_cache.h"

#include <algorithm>
#include <mutex>
#include <new>
#include <thread>
#include <utility>

#include "memory/pool_core.h"
#include "sys/threads.h"

namespace sluice::inline v0::detail {

constinit thread_local std::array<thread_cache*, cache_slot_count> cache_slots{};

namespace {

constinit thread_local thread_cache* caches_of_thread = nullptr;
constinit thread_local bool thread_has_ended = false;

// Takes a cache out of its pool's list. Under the registry's lock.
void unlink_from_core(thread_cache& gone) noexcept {
    auto** at = &gone.core().caches;
    while (*at != &gone)
        at = &(*at)->next_of_core;
    *at = gone.next_of_core;
}

// Frees the caches of pools that have gone. Under the registry's lock, which whoever closed them
// held until it was done with them.
void drop_closed_caches() noexcept {
    auto** at = &caches_of_thread;
    while (*at != nullptr) {
        auto* cache = *at;
        if (!cache->is_closed()) {
            at = &cache->next_of_thread;
            continue;
        }
        *at = cache->next_of_thread;
        std::ranges::replace(cache_slots, cache, nullptr);
        delete cache;
    }
}

// Gives back all that the thread keeps. Releases after it, from destructors of other thread-local
// objects, go past the caches.
void end_caches_of_thread() noexcept {
    thread_has_ended = true;
    std::lock_guard lock(pool_registry());
    drop_closed_caches();
    cache_slots.fill(nullptr);
    while (caches_of_thread != nullptr) {
        auto* cache = std::exchange(caches_of_thread, caches_of_thread->next_of_thread);
        unlink_from_core(*cache);
        cache->core().add_counts(*cache);
        cache->drain_into(cache->core());
        delete cache;
    }
}

struct at_thread_end {
    ~at_thread_end() { end_caches_of_thread(); }
    void arm() noexcept {}  // using the object is what has its destructor called
};
thread_local at_thread_end thread_end;

thread_cache* find_in_thread(const pool_core& core) noexcept {
    auto* cache = caches_of_thread;
    while (cache != nullptr && (&cache->core() != &core || cache->is_closed())) {
        cache = cache->next_of_thread;
    }
    return cache;
}

thread_cache* make_for_thread(pool_core& core) noexcept {
    auto* made = new (std::nothrow) thread_cache(core, core.options().cache_bytes);
    if (made == nullptr) return nullptr;
    thread_end.arm();
    std::lock_guard lock(pool_registry());
    drop_closed_caches();
    if (core.is_closing) {
        delete made;
        return nullptr;
    }
    made->next_of_core = std::exchange(core.caches, made);
    made->next_of_thread = std::exchange(caches_of_thread, made);
    return made;
}

}  // namespace

thread_cache* thread_cache::known_or_made(pool_core& core) noexcept {
    bool is_refused = thread_has_ended || core.options().cache_bytes == 0 || core.is_closing;
    if (is_refused) return nullptr;
    auto* cache = find_in_thread(core);
    if (cache == nullptr) cache = make_for_thread(core);
    if (cache != nullptr) cache_slots[core.slot()] = cache;
    return cache;
}

bool thread_cache::is_of_calling_thread() const noexcept {
    auto* each = caches_of_thread;
    while (each != nullptr && each != this)
        each = each->next_of_thread;
    return each != nullptr;
}

std::size_t thread_cache::capacity_of(unsigned size_class, std::size_t cache_bytes) noexcept {
    if (size_class >= pool_class_count) return 0;
    // No class takes more than an eighth of the bytes, so that several sizes find room.
    return std::min(cache_bytes / 8 / block_sizes[size_class], magazine_size_max);
}

std::size_t thread_cache::batch_of(unsigned size_class, std::size_t cache_bytes) noexcept {
    return std::max<std::size_t>(capacity_of(size_class, cache_bytes) / 2, 1);
}

thread_cache::thread_cache(pool_core& core, std::size_t bytes_max) noexcept
    : core_(core), bytes_max_(bytes_max), is_fenced_(!sys::membarrier_ready()) {
    for (unsigned at = 0; at < magazines_.size(); ++at) {
        magazines_[at].capacity = static_cast<std::uint32_t>(capacity_of(at, bytes_max));
    }
}

std::size_t thread_cache::fill(unsigned size_class, std::span<pool_block* const> from) noexcept {
    if (!enter()) return 0;
    auto& kept = magazines_[size_class];
    auto room = std::min<std::size_t>(kept.capacity - kept.count.get(),
                                      (bytes_max_ - bytes_.get()) / block_sizes[size_class]);
    auto added = std::min(room, from.size());
    for (std::size_t at = 0; at < added; ++at)
        kept.blocks[kept.count.get() + at] = from[at];
    kept.count.add(static_cast<std::uint32_t>(added));
    bytes_.add(added * block_sizes[size_class]);
    leave();
    return added;
}

std::size_t thread_cache::take_older_half(unsigned size_class, std::span<pool_block*> to) noexcept {
    if (!enter()) return 0;
    auto& kept = magazines_[size_class];
    std::size_t count = kept.count.get();
    auto taken = std::min((count + 1) / 2, to.size());
    for (std::size_t at = 0; at < taken; ++at)
        to[at] = kept.blocks[at];
    for (std::size_t at = taken; at < count; ++at)
        kept.blocks[at - taken] = kept.blocks[at];
    kept.count.set(static_cast<std::uint32_t>(count - taken));
    if (taken > 0) bytes_.set(bytes_.get() - taken * block_sizes[size_class]);
    leave();
    return taken;
}

bool thread_cache::count_allocation(unsigned size_class) noexcept {
    if (!enter()) return false;
    magazines_[size_class].allocations.add(1);
    leave();
    return true;
}

void thread_cache::wait() const noexcept {
    // The owner is within a few dozen instructions, or has been put aside in the midst of them.
    while (in_use_.load(std::memory_order_seq_cst))
        std::this_thread::yield();
}

void thread_cache::drain_into(pool_core& core) noexcept {
    for (auto& each : magazines_) {
        core.put_back(std::span(each.blocks).first(each.count.get()));
        each.count.set(0);
    }
    bytes_.set(0);
}

}  // namespace sluice::inline v0::detail
