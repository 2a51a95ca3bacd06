// output_blocks.h: where a codec writes: blocks of memory, one behind the other.
#pragma once

#include <cstddef>
#include <cstdint>

#include <sluice/buffer.h>
#include <sluice/buffer_pool.h>
#include <sluice/bytes.h>
#include <sluice/chain.h>
#include <sluice/result.h>

namespace sluice::inline v0 {

// For filters that are given none.
[[nodiscard]] buffer_pool& shared_pool();

class output_blocks {
  public:
    // Blocks of `block_bytes`, or larger where a codec asks for more at once.
    output_blocks(buffer_pool& pool, std::size_t block_bytes) noexcept
        : pool_(pool), block_bytes_(block_bytes) {}

    // Room for at least `bytes_min` bytes in one piece. Commit what was written of it. ENOMEM when
    // there is no memory.
    [[nodiscard]] result<writable_bytes> room(std::size_t bytes_min);
    void commit(std::size_t count) noexcept { open_.commit(count); }

    [[nodiscard]] std::uint64_t size() const noexcept { return closed_.size() + open_.size(); }
    // The memory behind them all.
    [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
    // All that was written. Nothing is left.
    [[nodiscard]] chain take();

  private:
    void close();

    buffer_pool& pool_;
    std::size_t block_bytes_;
    std::size_t capacity_ = 0;
    chain closed_;
    buffer open_;
};

}  // namespace sluice::inline v0
