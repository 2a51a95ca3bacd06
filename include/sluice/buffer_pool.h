// buffer_pool.h: memory for buffers that is taken from the system in large chunks and used again.
//
//     allocate ──▶ cache of this thread ──▶ chunks of the pool ──▶ budget ──▶ mmap(2)
//                  no lock                  a lock for a batch     hard limit
//     release  ──▶ cache of that thread ──▶ its chunk ───────────────────────▶ munmap(2)
//
// Blocks come in size classes: powers of two from 64 B to 1 MiB and, where they fit, the steps half
// way between. Blocks of 4 KiB and more begin at a page, as O_DIRECT and splicing like it; smaller
// ones are aligned to the largest power of two that divides their class, at least 32. What is
// larger than 1 MiB gets a mapping of its own, which goes when the block does.
//
//     buffer_pool pool({.budget = &budget});
//     auto block = pool.allocate(16 * 1024);
//     if (!block) return ...;  // ENOMEM: "allocate payload: Cannot allocate memory"
//     block->append(...);
//     out.append(std::move(*block).freeze());  // goes back to the pool with the last slice
//
// Memory comes back on time: a chunk is unmapped as soon as all its blocks are back, but for a
// bounded amount that is kept in case (spare_bytes; without it, a pool whose use swings would map
// and unmap for ever). What threads have in their caches is bounded, too. trim() empties the caches
// of all threads, also of idle ones, and unmaps all that is free; a pool does so by itself, and to
// the other pools of the same budget, when the budget refuses more memory, before it gives up. A
// thread that ends leaves nothing behind.
//
// Threads: any may allocate, and any may release what another has allocated; the block then goes to
// the cache of the thread that releases. With the option thread_bound the rule of storage.h holds:
// share() before a slice crosses to another thread.
//
// Cost: some nanoseconds for allocating and for releasing in the usual case, where the cache has a
// block or room for one; no atomic read-modify-write. Bookkeeping takes 64 bytes for each block and
// about 16 KiB for each thread and pool; that of blocks is within the budget.
//
// The memory of a fresh block is whatever was in it before. A pool must not be used in a signal
// handler, nor in a child process after fork(2).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include <sluice/buffer.h>
#include <sluice/memory_budget.h>
#include <sluice/result.h>

#pragma GCC visibility push(default)

namespace sluice::inline v0 {

namespace detail {
class [[gnu::visibility("hidden")]] pool_core;
}

struct buffer_pool_options {
    // What each thread keeps of released blocks for itself, at most, in bytes. 0: nothing.
    std::size_t cache_bytes = 4 * 1024 * 1024;
    // What the pool keeps of chunks that are free as a whole, at most, in bytes. 0: nothing.
    std::size_t spare_bytes = 16 * 1024 * 1024;
    // Every block begins at a page, also small ones (which then take a page each).
    bool page_aligned = false;
    // Chunks of 2 MiB and more that the kernel is asked to back with huge pages: fewer misses of
    // the address translation for pools that are used in full, more memory for others.
    bool huge_pages = false;
    // Slices of one block stay in one thread until share() is called, and count without atomics.
    bool thread_bound = false;
    // What bounds the pool's memory; null is memory_budget::process(). Must outlive the last block.
    memory_budget* budget = nullptr;
};

// The size classes of a pool: 64, 96, 128, 192, ... 3072, 4096, 8192, 12288, ... 1 MiB.
inline constexpr std::size_t pool_class_count = 28;
inline constexpr std::size_t pool_block_size_max = std::size_t{1} << 20;

// What a pool has and did. Counted by each thread for itself and summed on demand, so a statement
// that is made while others allocate and release is right up to what they do meanwhile.
struct buffer_pool_statistics {
    struct of_class {
        std::size_t block_size = 0;     // bytes
        std::uint64_t allocations = 0;  // all there ever were
        std::uint64_t releases = 0;
        std::size_t in_use = 0;    // blocks with an owner
        std::size_t cached = 0;    // blocks in caches of threads
        std::size_t reserved = 0;  // bytes mapped for it
    };
    std::size_t in_use = 0;    // bytes of blocks with an owner
    std::size_t cached = 0;    // bytes in caches of threads
    std::size_t reserved = 0;  // bytes mapped, bookkeeping included
    std::size_t reserved_peak = 0;
    std::uint64_t allocations = 0;
    std::uint64_t releases = 0;
    std::uint64_t refills = 0;   // how often a cache was empty and the pool's lock was taken
    std::uint64_t trims = 0;     // by hand and under pressure
    std::uint64_t refusals = 0;  // allocations that failed
    // The last one stands for all larger blocks; its block_size is 0.
    std::array<of_class, pool_class_count + 1> classes;
};

// A handle: copies refer to the same pool. Blocks outlive it: when the last handle goes, free
// memory goes at once and the rest block by block as it comes back.
class buffer_pool {
  public:
    using options = buffer_pool_options;

    // Throws std::bad_alloc when there is no memory for the pool itself; maps nothing yet.
    explicit buffer_pool(const options& wanted = {});

    // An empty buffer with at least `size` bytes of tailroom behind `headroom` bytes of headroom.
    // It has all of its block, so often more. It grows within the pool. ENOMEM, naming the budget,
    // if that refuses; never throws.
    [[nodiscard]] result<buffer> allocate(std::size_t size, std::size_t headroom = 0) noexcept;

    // Gives all free memory back to the system and returns how many bytes that were. Waits for
    // other threads that are just now within allocate() or a release, which is short.
    std::size_t trim() noexcept;

    [[nodiscard]] buffer_pool_statistics statistics() const noexcept;
    [[nodiscard]] memory_budget& budget() const noexcept;

  private:
    std::shared_ptr<detail::pool_core> core_;
};

}  // namespace sluice::inline v0

#pragma GCC visibility pop
