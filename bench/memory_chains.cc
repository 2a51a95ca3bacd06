// Chains: reading at random and byte by byte, exporting, appending.
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>
#include <sys/uio.h>

#include <sluice/chain.h>
#include <sluice/chain_cursor.h>

#include "clocks.h"
#include "memory.h"

namespace {

constexpr std::size_t piece_size = 64;
constexpr std::size_t appended_size = 1024;
constexpr std::uint64_t appends = 1'000'000;

// Numbers that are the same here and in bench/java/NettyComposites.java.
class generator {
  public:
    // From 0 on, less than `limit`.
    std::uint64_t below(std::uint64_t limit) {
        state_ = state_ * 6364136223846793005U + 1442695040888963407U;
        return ((state_ >> 33U) * limit) >> 31U;
    }

  private:
    std::uint64_t state_ = 1;
};

sluice::chain chain_of(sluice::buffer_pool& pool, std::size_t pieces) {
    const auto block = bench::block_of(pool, pieces * piece_size);
    sluice::chain made;
    for (std::size_t i = 0; i < pieces; ++i)
        made.append(block.slice(i * piece_size, piece_size));
    return made;
}

// Pieces of 1 to 127 bytes, whose borders cannot be guessed from their mean size.
sluice::chain uneven_chain_of(sluice::buffer_pool& pool, std::size_t pieces) {
    const auto block = bench::block_of(pool, pieces * 2 * piece_size);
    generator sizes;
    sluice::chain made;
    for (std::size_t i = 0; i < pieces; ++i)
        made.append(block.slice(i * 2 * piece_size, 1 + sizes.below(2 * piece_size - 1)));
    return made;
}

void read_at_random(benchmark::State& state, const sluice::chain& all) {
    const std::uint64_t limit = all.size() - sizeof(std::uint64_t) + 1;
    generator positions;
    std::uint64_t sum = 0;
    for (auto _ : state)
        sum += *all.get_be<std::uint64_t>(positions.below(limit));
    benchmark::DoNotOptimize(sum);
}

void read_at_random_by_cursor(benchmark::State& state, const sluice::chain& all) {
    const std::uint64_t limit = all.size() - sizeof(std::uint64_t) + 1;
    generator positions;
    sluice::chain_cursor cursor(all);
    std::uint64_t sum = 0;
    for (auto _ : state) {
        cursor.seek(positions.below(limit));
        sum += *cursor.read_be<std::uint64_t>();
    }
    benchmark::DoNotOptimize(sum);
}

void read_bytes(benchmark::State& state, const sluice::chain& all) {
    std::uint64_t sum = 0;
    while (state.KeepRunningBatch(static_cast<benchmark::IterationCount>(all.size()))) {
        sluice::chain_cursor cursor(all);
        while (const auto byte = cursor.next())
            sum += std::to_integer<std::uint64_t>(*byte);
    }
    benchmark::DoNotOptimize(sum);
}

// As many vectors at a time as writev takes.
std::size_t export_all(const sluice::chain& all) {
    std::array<iovec, 1024> parts;
    std::size_t exported = 0;
    for (std::uint64_t position = 0; position < all.size();) {
        const auto done = all.export_memory(position, all.size() - position, parts);
        benchmark::DoNotOptimize(parts.data());
        benchmark::ClobberMemory();
        position += done.bytes;
        exported += done.parts;
    }
    return exported;
}

void export_parts(benchmark::State& state, const sluice::chain& all) {
    const auto before = bench::allocations();
    const auto parts = export_all(all);
    state.counters["allocations"] = static_cast<double>(bench::allocations() - before);
    if (parts != all.pieces().size()) state.SkipWithError("not all pieces were exported");
    for (auto _ : state)
        benchmark::DoNotOptimize(export_all(all));
}

std::vector<sluice::buffer_slice> slices(sluice::buffer_pool& pool, std::size_t count) {
    constexpr std::size_t in_block = 64;
    std::vector<sluice::buffer_slice> made;
    sluice::buffer_slice block;
    for (std::size_t i = 0; i < count; ++i) {
        if (i % in_block == 0) block = bench::block_of(pool, in_block * appended_size);
        made.push_back(block.slice(i % in_block * appended_size, appended_size));
    }
    return made;
}

// CPU nanoseconds for one append to a new chain that gets that long. The slices are made before;
// what they and the chain cost to drop is not counted. If the chains are kept, none can take over
// the lists of the one before.
double append_ns(sluice::buffer_pool& pool, std::size_t length, bool kept) {
    const std::uint64_t times = appends / length;
    std::vector<sluice::chain> chains;
    std::int64_t spent_ns = 0;
    for (std::uint64_t i = 0; i < times; ++i) {
        auto made = slices(pool, length);
        sluice::chain all;
        const bench::thread_cpu cpu;
        for (auto& each : made)
            all.append(std::move(each));
        spent_ns += cpu.ns();
        benchmark::DoNotOptimize(all);
        if (kept) chains.push_back(std::move(all));
    }
    return static_cast<double>(spent_ns) / static_cast<double>(times * length);
}

void add_append(const std::string& name, sluice::buffer_pool& pool, std::size_t length, bool kept) {
    benchmark::RegisterBenchmark((name + std::to_string(length)).c_str(),
                                 [&pool, length, kept](benchmark::State& state) {
                                     append_ns(pool, length, kept);
                                     for (auto _ : state)
                                         state.counters["ns_each"] = append_ns(pool, length, kept);
                                 })
        ->Iterations(1);
}

using over_chain = void (*)(benchmark::State&, const sluice::chain&);
using make_chain = sluice::chain (*)(sluice::buffer_pool&, std::size_t);

void add(const std::string& name, sluice::buffer_pool& pool, std::size_t pieces, make_chain make,
         over_chain what) {
    benchmark::RegisterBenchmark(
        (name + std::to_string(pieces)).c_str(),
        [&pool, pieces, make, what](benchmark::State& state) { what(state, make(pool, pieces)); });
}

}  // namespace

void bench::add_chains(sluice::buffer_pool& pool) {
    for (const std::size_t pieces : {16, 256, 4096}) {
        add("random-read/", pool, pieces, chain_of, read_at_random);
        add("random-read/uneven/", pool, pieces, uneven_chain_of, read_at_random);
        add("random-read/cursor/", pool, pieces, chain_of, read_at_random_by_cursor);
    }
    add("sequential-read/", pool, 256, chain_of, read_bytes);
    add("export/", pool, 4096, chain_of, export_parts);
    for (const std::size_t length : {1000, 10'000, 100'000}) {
        add_append("append/", pool, length, false);
        add_append("append/kept/", pool, length, true);
    }
}
