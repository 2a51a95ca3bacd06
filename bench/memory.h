// memory.h: the parts of bench_memory. The names of the benchmarks are those of the Java side.
#pragma once

#include <cstdint>

#include <sluice/buffer_pool.h>
#include <sluice/buffer_slice.h>

namespace bench {

// How often operator new has been called by this thread.
[[nodiscard]] std::uint64_t allocations() noexcept;

// A slice of `size` bytes of the pool, all zero.
[[nodiscard]] sluice::buffer_slice block_of(sluice::buffer_pool& pool, std::size_t size);

// The pool is used by all of them and outlives them.
void add_buffers(sluice::buffer_pool& pool);
void add_handover(sluice::buffer_pool& pool);
void add_chains(sluice::buffer_pool& pool);

}  // namespace bench
