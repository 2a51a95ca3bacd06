// pool_core.h: what the handles and the blocks of a pool share.
//
// Lives from the first handle until the last handle has gone and the last block is back: chunks
// exist as long as a block is out, so a closed core without chunks is done.
//
// Locks, in the order in which they may be taken: the registry of pools (which also guards the list
// of each pool's caches), being within a cache (thread_cache.h), the core's lock. No system call is
// made under the core's lock.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>

#include <sluice/buffer_pool.h>

#include "memory/pool_chunk.h"
#include "memory/thread_cache.h"

namespace sluice::inline v0::detail {

class pool_core {
  public:
    explicit pool_core(const buffer_pool_options& wanted) noexcept;
    pool_core(const pool_core&) = delete;
    pool_core& operator=(const pool_core&) = delete;

    [[nodiscard]] result<pool_block*> take(std::size_t capacity) noexcept;
    void put(pool_block& back) noexcept;
    std::size_t trim() noexcept;
    [[nodiscard]] buffer_pool_statistics statistics() const noexcept;
    // Has fork(2) leave the child with pools that it can use and end: pool_fork.cc.
    static void handle_forks() noexcept;
    // The last handle has gone. Ends the core now or with its last block.
    void close() noexcept;

    [[nodiscard]] const buffer_pool_options& options() const noexcept { return options_; }
    [[nodiscard]] memory_budget& budget() const noexcept { return *options_.budget; }
    [[nodiscard]] unsigned slot() const noexcept { return slot_; }

    // For caches: blocks on their way back, and the counts of a thread that ends.
    void put_back(std::span<pool_block* const> blocks) noexcept;
    void add_counts(const thread_cache& ending) noexcept;

    // Guarded by the registry.
    thread_cache* caches = nullptr;
    pool_core* next_core = nullptr;
    // Written with the registry locked; read without it as a hint.
    std::atomic<bool> is_closing{false};

  private:
    // Of one class, or of all blocks with a mapping of their own.
    struct class_state {
        chunk_list usable;         // chunks with a free block; unused ones at the end
        std::size_t reserved = 0;  // bytes mapped
        std::size_t unused = 0;    // those of them in chunks that are free as a whole
        // Of threads that have ended, and what went past the caches.
        std::uint64_t allocations = 0;
        std::uint64_t releases = 0;
        // What the chunks have handed out, to caches or to owners.
        std::size_t blocks_out = 0;
        std::size_t bytes_out = 0;
    };

    ~pool_core() = default;
    [[nodiscard]] result<pool_block*> take_slowly(std::size_t capacity) noexcept;
    [[nodiscard]] result<pool_block*> take_mapping(std::size_t capacity) noexcept;
    [[nodiscard]] result<std::size_t> gather(unsigned size_class,
                                             std::span<pool_block*> to) noexcept;
    [[nodiscard]] result<std::size_t> gather_from_new(const chunk_layout& layout,
                                                      std::span<pool_block*> to) noexcept;
    [[nodiscard]] std::size_t gather_from_usable(unsigned size_class,
                                                 std::span<pool_block*> to) noexcept;
    [[nodiscard]] chunk_layout usual_layout(unsigned size_class) const noexcept;
    [[nodiscard]] result<pool_chunk*> make_chunk(const chunk_layout& layout) noexcept;

    void put_slowly(pool_block& back) noexcept;
    void make_room(thread_cache& cache, const pool_block& back) noexcept;
    static std::size_t unmap_all(pool_chunk* first, memory_budget& bounded_by) noexcept;

    // With the registry locked.
    std::size_t trim_registered() noexcept;
    void empty_caches(bool for_ever) noexcept;
    void forget_other_threads() noexcept;
    [[nodiscard]] static pool_core* first() noexcept;               // of the list of all
    static void relieve(const memory_budget& bounded_by) noexcept;  // locks it itself

    // With the core locked. Chunks that are to be unmapped come back in a row, linked by `next`.
    [[nodiscard]] std::size_t take_usable(class_state& state, std::span<pool_block*> to) noexcept;
    void put_into_chunk(pool_block& back) noexcept;
    void add_unused(const pool_chunk& chunk, int count) noexcept;
    [[nodiscard]] pool_chunk* forget_excess(std::size_t kept) noexcept;
    void forget(const pool_chunk& gone) noexcept;
    [[nodiscard]] buffer_pool_statistics::of_class statistics_of(
        std::size_t size_class) const noexcept;

    void count(unsigned size_class, std::uint64_t allocations, std::uint64_t releases) noexcept;

    const buffer_pool_options options_;
    const unsigned slot_;

    mutable std::mutex mutex_;  // guards what follows
    std::array<class_state, magazine_count> classes_;
    std::size_t chunk_count_ = 0;
    std::size_t reserved_ = 0;
    std::size_t reserved_peak_ = 0;
    std::size_t unused_ = 0;  // bytes
    std::uint64_t refills_ = 0;
    std::uint64_t trims_ = 0;
    std::uint64_t refusals_ = 0;
    bool is_closed_ = false;
};

// The list of all pools, which guards their lists of caches.
std::mutex& pool_registry() noexcept;

}  // namespace sluice::inline v0::detail
