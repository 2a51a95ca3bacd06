// thread_cache.h: the blocks that one thread keeps of one pool, last in, first out.
//
// Taking a block from the cache and putting one into it needs neither a lock nor an atomic
// read-modify-write, and still another thread can empty it, for trim() and at the pool's end. The
// price is all on the other's side:
//
//     owner                          other
//       in_use = true                  stop = true
//       (compiler keeps the order)     membarrier(2): a full barrier in each running thread
//       stop? then leave               wait until in_use is false
//       work                           work
//       in_use = false                 stop = false
//
// Either the barrier falls before the owner's first line, and the owner sees `stop`; or behind it,
// and the other sees `in_use`. Where the kernel has no membarrier the owner's first line is a
// sequentially consistent exchange, which is the barrier that it needs then.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include <sluice/buffer_pool.h>

#include "memory/pool_chunk.h"
#include "memory/size_classes.h"

namespace sluice::inline v0::detail {

class pool_core;

// A number that one thread writes and others may read.
template <typename T>
class owner_written {
  public:
    [[nodiscard]] T get() const noexcept { return value_.load(std::memory_order_relaxed); }
    void set(T value) noexcept { value_.store(value, std::memory_order_relaxed); }
    void add(T count) noexcept { set(get() + count); }

  private:
    std::atomic<T> value_{0};
};

inline constexpr std::size_t magazine_size_max = 64;
// One more than there are classes: blocks with a mapping of their own are counted, never kept.
inline constexpr std::size_t magazine_count = pool_class_count + 1;

// The blocks of one class. Not an atomic array: only whoever is in the cache touches it.
struct magazine {
    owner_written<std::uint32_t> count;
    std::uint32_t capacity = 0;
    owner_written<std::uint64_t> allocations;
    owner_written<std::uint64_t> releases;
    std::array<pool_block*, magazine_size_max> blocks;
};

class thread_cache {
  public:
    // What the calling thread keeps of `core`, if it does already: for the fast path.
    [[nodiscard]] static thread_cache* known(const pool_core& core) noexcept;
    // The same, and makes one. Null when there is no memory for it, when the thread is ending or
    // when the pool is.
    [[nodiscard]] static thread_cache* known_or_made(pool_core& core) noexcept;
    // How many blocks of a class a thread may keep, and how many move at a time.
    [[nodiscard]] static std::size_t capacity_of(unsigned size_class,
                                                 std::size_t cache_bytes) noexcept;
    [[nodiscard]] static std::size_t batch_of(unsigned size_class,
                                              std::size_t cache_bytes) noexcept;

    thread_cache(pool_core& core, std::size_t bytes_max) noexcept;

    // For the owner. All of them do nothing and say so when another thread is in the cache.
    [[nodiscard]] pool_block* take(unsigned size_class) noexcept;
    // False also when there is no room.
    [[nodiscard]] bool put(pool_block& back) noexcept;
    // Adds blocks from the pool, which are not counted as released. Returns how many found room.
    [[nodiscard]] std::size_t fill(unsigned size_class, std::span<pool_block* const> from) noexcept;
    // Takes out the older half of a class: what has not been used for longest.
    [[nodiscard]] std::size_t take_older_half(unsigned size_class,
                                              std::span<pool_block*> to) noexcept;
    // Counts what went past the cache.
    [[nodiscard]] bool count_allocation(unsigned size_class) noexcept;
    [[nodiscard]] bool would_exceed_bytes(const pool_block& back) const noexcept {
        return bytes_.get() + back.capacity() > bytes_max_;
    }
    [[nodiscard]] bool is_class_full(unsigned size_class) const noexcept {
        return magazines_[size_class].count.get() == magazines_[size_class].capacity;
    }

    // For others, in this order: stop() in each cache, one membarrier, wait(); then the magazines
    // may be touched until resume(), or for ever if the cache was closed.
    void stop() noexcept { stopped_.store(stop_state::trimming, std::memory_order_seq_cst); }
    void close() noexcept { stopped_.store(stop_state::closed, std::memory_order_seq_cst); }
    void wait() const noexcept;
    void resume() noexcept { stopped_.store(stop_state::none, std::memory_order_release); }
    [[nodiscard]] bool is_stopped() const noexcept {
        return stopped_.load(std::memory_order_acquire) != stop_state::none;
    }
    [[nodiscard]] bool is_closed() const noexcept {
        return stopped_.load(std::memory_order_acquire) == stop_state::closed;
    }
    // For the child of a fork, which has none of the other threads.
    [[nodiscard]] bool is_of_calling_thread() const noexcept;
    [[nodiscard]] bool is_empty() const noexcept { return bytes_.get() == 0; }
    void drain_into(pool_core& core) noexcept;

    [[nodiscard]] const std::array<magazine, magazine_count>& magazines() const noexcept {
        return magazines_;
    }
    [[nodiscard]] pool_core& core() const noexcept { return core_; }

    thread_cache* next_of_core = nullptr;    // guarded by the registry of pools
    thread_cache* next_of_thread = nullptr;  // the thread's own

  private:
    enum class stop_state : std::uint8_t { none, trimming, closed };

    [[nodiscard]] bool enter() noexcept;
    void leave() noexcept { in_use_.store(false, std::memory_order_release); }

    pool_core& core_;
    const std::size_t bytes_max_;
    const bool is_fenced_;  // no membarrier: the owner pays for the barrier
    std::atomic<bool> in_use_{false};
    std::atomic<stop_state> stopped_{stop_state::none};
    owner_written<std::size_t> bytes_;
    std::array<magazine, magazine_count> magazines_;
};

// A table that a thread finds its caches by. Initial-exec: an address off the thread's pointer
// instead of a call, also within a shared library; it is small enough for what the C library keeps
// spare for that.
inline constexpr std::size_t cache_slot_count = 16;
[[gnu::tls_model(
    "initial-exec")]] extern constinit thread_local std::array<thread_cache*, cache_slot_count>
    cache_slots;

inline bool thread_cache::enter() noexcept {
    if (is_fenced_) [[unlikely]] {
        in_use_.exchange(true, std::memory_order_seq_cst);
    } else {
        in_use_.store(true, std::memory_order_relaxed);
        std::atomic_signal_fence(std::memory_order_seq_cst);  // for the compiler: see above
    }
    // Acquire, to see what the other did to the magazines.
    if (stopped_.load(std::memory_order_seq_cst) == stop_state::none) [[likely]]
        return true;
    leave();
    return false;
}

inline pool_block* thread_cache::take(unsigned size_class) noexcept {
    if (!enter()) return nullptr;
    auto& kept = magazines_[size_class];
    auto count = kept.count.get();
    pool_block* taken = nullptr;
    if (count > 0) [[likely]] {
        taken = kept.blocks[count - 1];
        kept.count.set(count - 1);
        kept.allocations.add(1);
        bytes_.set(bytes_.get() - block_sizes[size_class]);
    }
    leave();
    return taken;
}

inline bool thread_cache::put(pool_block& back) noexcept {
    if (!enter()) return false;
    auto& kept = magazines_[back.size_class()];
    auto count = kept.count.get();
    auto bytes = bytes_.get() + back.capacity();
    bool fits = count < kept.capacity && bytes <= bytes_max_;
    if (fits) [[likely]] {
        kept.blocks[count] = &back;
        kept.count.set(count + 1);
        kept.releases.add(1);
        bytes_.set(bytes);
    }
    leave();
    return fits;
}

}  // namespace sluice::inline v0::detail
