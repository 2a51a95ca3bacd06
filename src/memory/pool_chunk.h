// pool_chunk.h: blocks of one size, cut from one mapping.
//
//     ┌─────────┬─────────┬─────┬─────────┬───────┬────────────┬──────────────────────┐
//     │ memory  │ memory  │ ... │ memory  │ chunk │ free bits  │ pool_block × count   │
//     └─────────┴─────────┴─────┴─────────┴───────┴────────────┴──────────────────────┘
//     ▲ at a page, or at 2 MiB with huge pages
//
// The bookkeeping stands behind the memory, so that the memory keeps its alignment. A block is one
// cache line of it: two threads that count owners of neighbouring blocks do not disturb each other.
// Lines of blocks that were never taken are never touched.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <sluice/buffer.h>
#include <sluice/bytes.h>

namespace sluice::inline v0::detail {

class pool_chunk;
class pool_core;

inline constexpr std::size_t cache_line = 64;

class alignas(cache_line) pool_block final : public block {
  public:
    pool_block(std::byte* memory, std::size_t capacity, pool_chunk& chunk, pool_core& core,
               unsigned size_class) noexcept;

    [[nodiscard]] pool_chunk& chunk() const noexcept { return chunk_; }
    // The index of its class; pool_class_count when it has a mapping of its own.
    [[nodiscard]] unsigned size_class() const noexcept { return size_class_; }

    // Makes a block that has been released, or is fresh, one that is owned.
    void begin_use(bool thread_bound) noexcept;
    [[nodiscard]] result<block*> another(std::size_t capacity) const noexcept override;

  private:
    void release() noexcept override;

    pool_chunk& chunk_;
    pool_core& core_;
    std::uint8_t size_class_;
};
static_assert(sizeof(pool_block) == cache_line);

// How a chunk is cut.
struct chunk_layout {
    std::size_t block_size = 0;
    unsigned size_class = 0;
    std::size_t block_count = 0;
    std::size_t mapped_size = 0;
    std::size_t alignment = 0;

    // A chunk of `block_count` blocks.
    [[nodiscard]] static chunk_layout of_blocks(unsigned size_class, std::size_t block_size,
                                                std::size_t block_count) noexcept;
    // A chunk of as many blocks as fit into huge pages.
    [[nodiscard]] static chunk_layout of_huge_pages(unsigned size_class,
                                                    std::size_t block_size) noexcept;
    // Where the bookkeeping begins.
    [[nodiscard]] std::size_t bookkeeping() const noexcept;
    [[nodiscard]] std::size_t needed_size() const noexcept;
};

// Lives within the mapping that it manages: place() makes it there, end() gives the mapping to be
// unmapped. The pool's lock guards it.
class pool_chunk {
  public:
    [[nodiscard]] static pool_chunk* place(writable_bytes mapping, const chunk_layout& layout,
                                           pool_core& core) noexcept;
    [[nodiscard]] writable_bytes end() noexcept;

    // A free block; null when there is none. And back again.
    [[nodiscard]] pool_block* take() noexcept;
    void put(pool_block& back) noexcept;

    [[nodiscard]] bool is_unused() const noexcept { return used_ == 0; }
    [[nodiscard]] bool is_exhausted() const noexcept { return used_ == block_count_; }
    [[nodiscard]] unsigned size_class() const noexcept { return size_class_; }
    [[nodiscard]] std::size_t mapped_size() const noexcept { return mapping_.size(); }

    // The list that the pool has it in.
    pool_chunk* next = nullptr;
    pool_chunk* previous = nullptr;

  private:
    pool_chunk(writable_bytes mapping, const chunk_layout& layout, pool_core& core) noexcept;
    [[nodiscard]] pool_block* block_at(std::size_t index) noexcept;
    [[nodiscard]] pool_block* make_block() noexcept;

    pool_core& core_;
    writable_bytes mapping_;
    std::size_t block_size_;
    std::size_t block_count_;
    unsigned size_class_;
    std::size_t used_ = 0;
    std::size_t made_ = 0;             // blocks before it have been taken at least once
    std::span<std::uint64_t> free_;    // a bit for each block that was made and is free
    std::size_t first_free_word_ = 0;  // words before it are zero
    std::byte* blocks_;
};

// Chunks in a row. Owns nothing.
class chunk_list {
  public:
    [[nodiscard]] pool_chunk* front() const noexcept { return front_; }
    [[nodiscard]] pool_chunk* back() const noexcept { return back_; }
    void push_front(pool_chunk& added) noexcept;
    void push_back(pool_chunk& added) noexcept;
    void remove(pool_chunk& gone) noexcept;

  private:
    pool_chunk* front_ = nullptr;
    pool_chunk* back_ = nullptr;
};

}  // namespace sluice::inline v0::detail
