// Single buffers: allocate and release, slice and release.
#include <array>
#include <cstddef>
#include <string>

#include <benchmark/benchmark.h>

#include "memory.h"

namespace {

void allocate_and_release(benchmark::State& state, sluice::buffer_pool& pool, std::size_t size) {
    for (auto _ : state) {
        auto made = pool.allocate(size);
        benchmark::DoNotOptimize(made);
        benchmark::ClobberMemory();
    }
}

void slice_and_release(benchmark::State& state, sluice::buffer_pool& pool) {
    const auto whole = bench::block_of(pool, 4096);
    std::size_t i = 0;
    for (auto _ : state) {
        auto part = whole.slice(i & 1023U, 1024);
        ++i;
        // Else the compiler could let counting up and counting down cancel out, where the count is
        // not atomic.
        benchmark::DoNotOptimize(part);
        benchmark::ClobberMemory();
    }
}

}  // namespace

void bench::add_buffers(sluice::buffer_pool& pool) {
    for (const std::size_t size : {64, 256, 1024, 4096, 16384, 65536}) {
        benchmark::RegisterBenchmark(
            ("allocate/" + std::to_string(size)).c_str(),
            [&pool, size](benchmark::State& state) { allocate_and_release(state, pool, size); });
    }
    benchmark::RegisterBenchmark(
        "slice", [&pool](benchmark::State& state) { slice_and_release(state, pool); });
}
