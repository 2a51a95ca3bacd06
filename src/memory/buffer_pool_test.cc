#include <array>
#include <cerrno>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <sluice/buffer_pool.h>

#include "memory/size_classes.h"

namespace sluice {
namespace {

buffer must_allocate(buffer_pool& pool, std::size_t size, std::size_t headroom = 0) {
    auto made = pool.allocate(size, headroom);
    EXPECT_TRUE(made) << made.error().message();
    return made ? std::move(*made) : buffer();
}

TEST(BufferPool, GivesBlocksOfEveryClassAligned) {
    buffer_pool pool;
    std::vector<buffer> held;
    for (auto size : detail::block_sizes) {
        for (std::size_t count = 0; count < 3; ++count) {
            auto block = must_allocate(pool, size);
            ASSERT_EQ(block.capacity(), size);
            auto address = reinterpret_cast<std::uintptr_t>(block.tailroom().data());
            EXPECT_EQ(address % std::min<std::size_t>(size & (0 - size), 4096), 0u) << size;
            EXPECT_EQ(address % 32, 0u);
            block.append_fill(size, std::byte{0x5a});
            held.push_back(std::move(block));
        }
    }
    for (const auto& each : held) {
        for (auto byte : each.bytes())
            ASSERT_EQ(byte, std::byte{0x5a});
    }
}

TEST(BufferPool, UsesAReleasedBlockAgain) {
    buffer_pool pool;
    const auto* first = must_allocate(pool, 1000).tailroom().data();
    EXPECT_EQ(must_allocate(pool, 1000).tailroom().data(), first);
    auto said = pool.statistics();
    EXPECT_EQ(said.allocations, 2u);
    EXPECT_EQ(said.releases, 2u);
    EXPECT_EQ(said.in_use, 0u);
}

TEST(BufferPool, BlocksOutliveThePool) {
    memory_budget budget("test");
    buffer_slice slice;
    {
        buffer_pool pool({.budget = &budget});
        auto block = must_allocate(pool, 100);
        block.append("still here");
        slice = std::move(block).freeze();
    }
    EXPECT_GT(budget.used(), 0u);
    EXPECT_EQ(slice.text(), "still here");
    slice = {};
    EXPECT_EQ(budget.used(), 0u);
}

TEST(BufferPool, LargeBlocksHaveAMappingOfTheirOwn) {
    memory_budget budget("test");
    buffer_pool pool({.budget = &budget});
    {
        auto block = must_allocate(pool, (std::size_t{1} << 20) + 1);
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block.tailroom().data()) % 4096, 0u);
        EXPECT_GT(budget.used(), std::size_t{1} << 20);
        EXPECT_GT(pool.statistics().in_use, std::size_t{1} << 20);
    }
    EXPECT_EQ(budget.used(), 0u);
    EXPECT_EQ(pool.statistics().in_use, 0u);
}

TEST(BufferPool, RefusesBeyondItsBudget) {
    memory_budget budget("payload", 1 << 20);
    buffer_pool pool({.budget = &budget});
    std::vector<buffer> held;
    while (auto made = pool.allocate(5000))
        held.push_back(std::move(*made));
    EXPECT_LE(budget.used(), budget.limit());
    EXPECT_GT(held.size() * 8192, budget.limit() * 9 / 10);
    auto refused = pool.allocate(5000);
    ASSERT_FALSE(refused);
    EXPECT_TRUE(refused.error().is(ENOMEM));
    EXPECT_EQ(refused.error().message(), "allocate payload: Cannot allocate memory");
    held.pop_back();
    EXPECT_TRUE(pool.allocate(5000));
    held.clear();
    pool.trim();
    EXPECT_EQ(budget.used(), 0u);
}

TEST(BufferPool, ReleasesFromOtherThreadsAndAtTheirEnd) {
    memory_budget budget("test");
    buffer_pool pool({.budget = &budget});
    for (int round = 0; round < 20; ++round) {
        std::vector<buffer_slice> slices;
        for (std::size_t count = 0; count < 500; ++count) {
            auto block = must_allocate(pool, 64 + count * 7);
            block.append("x");
            slices.push_back(std::move(block).freeze());
        }
        std::jthread([taken = std::move(slices)]() mutable { taken.clear(); }).join();
    }
    pool.trim();
    EXPECT_EQ(budget.used(), 0u);
    auto said = pool.statistics();
    EXPECT_EQ(said.allocations, 10000u);
    EXPECT_EQ(said.releases, 10000u);
}

}  // namespace
}  // namespace sluice
