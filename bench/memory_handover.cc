// Buffers allocated in one thread and released in another, in the two ways of
// bench/java/NettyHandover.java: a batch in turns, where the CPU time of the work on it counts, and
// both at once through a ring, where the time is that which passes.
#include <array>
#include <atomic>
#include <barrier>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>

#include <sluice/buffer.h>

#include "clocks.h"
#include "memory.h"

namespace {

constexpr std::size_t buffer_size = 1024;
constexpr std::size_t batch_size = 512;
constexpr int batches = 1000;
constexpr std::size_t ring_size = 1024;
constexpr std::uint64_t told_after = 16;  // of what it did, a thread tells the other only then
constexpr std::uint64_t passed_on = 2'000'000;
static_assert(passed_on % told_after == 0 && ring_size % told_after == 0);

sluice::buffer allocate(sluice::buffer_pool& pool) {
    return std::move(pool.allocate(buffer_size)).value();
}

// Nanoseconds that allocating here and releasing there took for one buffer.
double in_turns(sluice::buffer_pool& pool) {
    std::vector<sluice::buffer> batch(batch_size);
    std::barrier turn(2);
    std::int64_t releasing_ns = 0;
    std::jthread other([&] {
        for (int i = 0; i < batches; ++i) {
            turn.arrive_and_wait();
            const bench::thread_cpu cpu;
            for (auto& each : batch)
                each = sluice::buffer();
            releasing_ns += cpu.ns();
            turn.arrive_and_wait();
        }
    });
    std::int64_t allocating_ns = 0;
    for (int i = 0; i < batches; ++i) {
        const bench::thread_cpu cpu;
        for (auto& each : batch)
            each = allocate(pool);
        allocating_ns += cpu.ns();
        turn.arrive_and_wait();
        turn.arrive_and_wait();
    }
    other.join();
    return static_cast<double>(allocating_ns + releasing_ns) / (batches * batch_size);
}

// One producer, one consumer.
struct ring {
    std::array<sluice::buffer, ring_size> slots;
    alignas(64) std::atomic<std::uint64_t> put{0};
    alignas(64) std::atomic<std::uint64_t> taken{0};
};

// Where the other thread does not get a core, spinning would keep it from it.
void pause(int tries) {
    if (tries < 1000) {
        benchmark::DoNotOptimize(tries);
    } else {
        std::this_thread::yield();
    }
}

void produce(sluice::buffer_pool& pool, ring& to) {
    std::uint64_t room = ring_size;
    for (std::uint64_t i = 0; i < passed_on; ++i) {
        for (int tries = 0; i >= room; ++tries) {
            pause(tries);
            room = to.taken.load(std::memory_order_acquire) + ring_size;
        }
        to.slots[i % ring_size] = allocate(pool);
        if (i % told_after == told_after - 1) to.put.store(i + 1, std::memory_order_release);
    }
}

void consume(ring& from) {
    std::uint64_t ready = 0;
    for (std::uint64_t i = 0; i < passed_on; ++i) {
        for (int tries = 0; i >= ready; ++tries) {
            pause(tries);
            ready = from.put.load(std::memory_order_acquire);
        }
        from.slots[i % ring_size] = sluice::buffer();
        if (i % told_after == told_after - 1) from.taken.store(i + 1, std::memory_order_release);
    }
}

double at_once(sluice::buffer_pool& pool) {
    const auto between = std::make_unique<ring>();
    const bench::elapsed elapsed;
    std::jthread other([&] { consume(*between); });
    produce(pool, *between);
    other.join();
    return static_cast<double>(elapsed.ns()) / passed_on;
}

void measure(benchmark::State& state, sluice::buffer_pool& pool,
             double (*way)(sluice::buffer_pool&)) {
    way(pool);
    for (auto _ : state)
        state.counters["ns_each"] = way(pool);
}

}  // namespace

void bench::add_handover(sluice::buffer_pool& pool) {
    benchmark::RegisterBenchmark("handover/in-turns/1024", [&pool](benchmark::State& state) {
        measure(state, pool, in_turns);
    })->Iterations(1);
    benchmark::RegisterBenchmark("handover/at-once/1024", [&pool](benchmark::State& state) {
        measure(state, pool, at_once);
    })->Iterations(1);
}
