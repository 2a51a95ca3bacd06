// Pools in the child of a fork(2), which has no thread but the one that forked.
//
// Another thread that was under a lock or within a cache at that moment would be there for ever,
// and whoever waits for it, as the end of a static pool does in exit(3), would wait as long. So a
// fork waits until no lock of the pools is held, and the child forgets the caches of the other
// threads. The blocks in them are lost to it, as is the memory of the chunks that they are of: a
// cache may have been left in the midst of a change.
//
// Pools whose last handle has gone are not in the list. A thread that drops blocks of one while
// another forks may leave it locked in the child: the one thing that may still wait there.
#include <mutex>

#include <pthread.h>

#include "memory/pool_core.h"

namespace sluice::inline v0::detail {

void pool_core::handle_forks() noexcept {
    constexpr auto before = [] {
        pool_registry().lock();
        for (auto* each = first(); each != nullptr; each = each->next_core)
            each->mutex_.lock();
    };
    constexpr auto in_parent = [] {
        for (auto* each = first(); each != nullptr; each = each->next_core)
            each->mutex_.unlock();
        pool_registry().unlock();
    };
    constexpr auto in_child = [] {
        for (auto* each = first(); each != nullptr; each = each->next_core) {
            each->forget_other_threads();
            each->mutex_.unlock();
        }
        pool_registry().unlock();
    };
    // Without memory for the handlers forks go on as if there were no pools.
    static const int refused = ::pthread_atfork(before, in_parent, in_child);
    static_cast<void>(refused);
}

void pool_core::forget_other_threads() noexcept {
    auto** at = &caches;
    while (*at != nullptr) {
        auto* cache = *at;
        if (cache->is_of_calling_thread()) {
            at = &cache->next_of_core;
        } else {
            *at = cache->next_of_core;
        }
    }
}

}  // namespace sluice::inline v0::detail
