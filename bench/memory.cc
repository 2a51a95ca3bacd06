// Buffers and chains: nanoseconds for one operation, the same ones as bench/java does with Netty's.
//
//     bench_memory [--threads=one|several] [--storage=shared|thread_bound] [--heap=default|kept]
//
// threads=several: another thread has been started (and sleeps), so nothing may be cheap because
// the process has only one. storage=thread_bound: storages count their owners without atomic
// operations. heap=kept: malloc does not give memory back to the system and fetch it again page by
// page, as a JVM does not.
#include "memory.h"

#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <new>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

#include <benchmark/benchmark.h>
#include <malloc.h>

#include "arguments.h"

namespace {

thread_local std::uint64_t allocations_of_thread = 0;

// Sleeps until it is told to stop.
void sleep_until_stopped(const std::stop_token& stopped) {
    std::mutex mutex;
    std::condition_variable_any changed;
    std::unique_lock lock(mutex);
    changed.wait(lock, stopped, [] { return false; });
}

void keep_heap() {
    constexpr int all = 1 << 30;
    mallopt(M_MMAP_THRESHOLD, all);
    mallopt(M_TRIM_THRESHOLD, all);
}

}  // namespace

void* operator new(std::size_t size) {
    ++allocations_of_thread;
    void* made = std::malloc(size == 0 ? 1 : size);
    if (made == nullptr) throw std::bad_alloc();
    return made;
}
void operator delete(void* memory) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::size_t /*size*/) noexcept {
    std::free(memory);
}

namespace bench {

std::uint64_t allocations() noexcept {
    return allocations_of_thread;
}

sluice::buffer_slice block_of(sluice::buffer_pool& pool, std::size_t size) {
    auto made = pool.allocate(size);
    if (!made) {
        std::fprintf(stderr, "bench_memory: %s\n", made.error().message().c_str());
        std::exit(1);
    }
    std::memset(made->tailroom().data(), 0, size);
    made->commit(size);
    return std::move(*made).freeze();
}

}  // namespace bench

int main(int count, char** words) {
    const bench::arguments given(count, words);
    std::optional<std::jthread> other;
    if (given.text("threads", "one") == "several") other.emplace(sleep_until_stopped);
    if (given.text("heap", "default") == "kept") keep_heap();
    sluice::buffer_pool pool({.thread_bound = given.text("storage", "shared") == "thread_bound"});
    bench::add_buffers(pool);
    bench::add_handover(pool);
    bench::add_chains(pool);
    benchmark::RunSpecifiedBenchmarks();
}
