#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <sluice/buffer_pool.h>

#include "memory/size_classes.h"
#include "support/fault_script.h"

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

TEST(BufferPool, RefusesSizesThatCannotBe) {
    buffer_pool pool;
    for (auto size : {SIZE_MAX, SIZE_MAX / 2, SIZE_MAX / 2 - 5000, std::size_t{1} << 60}) {
        auto refused = pool.allocate(size);
        ASSERT_FALSE(refused) << size;
        EXPECT_TRUE(refused.error().is(ENOMEM));
    }
    EXPECT_FALSE(pool.allocate(SIZE_MAX, 1));
    EXPECT_FALSE(pool.allocate(1, SIZE_MAX));
    EXPECT_EQ(pool.statistics().refusals, 6u);
    EXPECT_EQ(pool.statistics().reserved, 0u);
}

TEST(BufferPool, LeavesHeadroom) {
    buffer_pool pool;
    auto block = must_allocate(pool, 60, 10);
    EXPECT_EQ(block.headroom(), 10u);
    EXPECT_EQ(block.capacity(), 96u);
    EXPECT_EQ(block.tailroom().size(), 86u);
    EXPECT_EQ(must_allocate(pool, 0).capacity(), 64u);
}

TEST(BufferPool, PassesOnThatTheSystemHasNoMemory) {
    support::fault_script faults;
    memory_budget budget("test");
    buffer_pool pool({.budget = &budget});
    {
        support::fault_rules rules(faults);
        faults.fail(sys::call::mmap, ENOMEM);
        for (std::size_t size : {std::size_t{100}, std::size_t{5} << 20}) {
            auto refused = pool.allocate(size);
            ASSERT_FALSE(refused);
            EXPECT_EQ(refused.error().message(), "allocate system: Cannot allocate memory");
        }
    }
    EXPECT_EQ(budget.used(), 0u);
    EXPECT_TRUE(pool.allocate(100));
}

TEST(BufferPool, AlignsSmallBlocksToPagesOnDemand) {
    buffer_pool pool({.page_aligned = true});
    for (std::size_t size : {1, 100, 5000}) {
        auto block = must_allocate(pool, size);
        auto address = reinterpret_cast<std::uintptr_t>(block.tailroom().data());
        EXPECT_EQ(address % 4096, 0u) << size;
    }
}

TEST(BufferPool, CutsBlocksOfAllClassesFromHugePages) {
    support::fault_script faults;
    faults.fail(sys::call::madvise, EINVAL);  // a hint: its failure does not matter
    constexpr std::size_t huge_page = std::size_t{2} << 20;
    for (auto size : detail::block_sizes) {
        memory_budget budget("test");
        buffer_pool pool({.huge_pages = true, .budget = &budget});
        std::vector<buffer> held;
        // A block more than a chunk can have.
        for (std::size_t count = 0; count <= 4 * huge_page / size && count < 50; ++count) {
            held.push_back(must_allocate(pool, size));
            held.back().append_fill(64, static_cast<std::byte>(count));
        }
        EXPECT_EQ(budget.used() % huge_page, 0u) << size;
        for (std::size_t at = 0; at < held.size(); ++at) {
            ASSERT_EQ(held[at].bytes()[63], static_cast<std::byte>(at));
        }
        held.clear();
        pool.trim();
        EXPECT_EQ(budget.used(), 0u);
    }
}

TEST(BufferPool, FillsAChunkOfHugePagesToItsEnd) {
    buffer_pool pool({.cache_bytes = 0, .huge_pages = true});
    std::vector<buffer> held;
    held.push_back(must_allocate(pool, 64));
    auto one_chunk = pool.statistics().reserved;
    while (pool.statistics().reserved == one_chunk) {
        held.push_back(must_allocate(pool, 64));
        held.back().append_fill(64, std::byte{1});
    }
    // Half goes to the blocks' bookkeeping.
    EXPECT_GT(held.size(), one_chunk / 129);
    EXPECT_LT(held.size(), one_chunk / 127);
}

TEST(BufferPool, KeepsNoMoreThanItsSpare) {
    memory_budget budget("test");
    buffer_pool pool({.cache_bytes = 0, .spare_bytes = 3 << 20, .budget = &budget});
    std::vector<buffer> held;
    for (std::size_t count = 0; count < 256; ++count)
        held.push_back(must_allocate(pool, 65536));
    EXPECT_GT(budget.used(), std::size_t{16} << 20);
    held.clear();
    EXPECT_LE(budget.used(), std::size_t{3} << 20);
    EXPECT_GT(budget.used(), std::size_t{1} << 20);
    // Another class becomes the one that is used: the spare memory of the first makes place.
    for (std::size_t count = 0; count < 2000; ++count)
        held.push_back(must_allocate(pool, 4096));
    held.clear();
    EXPECT_LE(budget.used(), std::size_t{3} << 20);
    EXPECT_GT(pool.statistics().classes[detail::size_class_of(4096)].reserved, 1u << 20);
    auto spare = budget.used();
    EXPECT_EQ(pool.trim(), spare);
}

TEST(BufferPool, WithoutCacheAndSpareReturnsEverythingAtOnce) {
    memory_budget budget("test");
    buffer_pool pool({.cache_bytes = 0, .spare_bytes = 0, .budget = &budget});
    for (auto size : detail::block_sizes) {
        auto block = must_allocate(pool, size);
        EXPECT_GE(budget.used(), size);
        block = buffer();
        EXPECT_EQ(budget.used(), 0u);
    }
}

TEST(BufferPool, CachesNoMoreThanItIsAllowed) {
    constexpr std::size_t most = std::size_t{256} << 10;
    buffer_pool pool({.cache_bytes = most});
    for (auto size : detail::block_sizes) {
        std::vector<buffer> held;
        for (std::size_t count = 0; count < 100; ++count)
            held.push_back(must_allocate(pool, size));
        held.clear();
        EXPECT_LE(pool.statistics().cached, most) << size;
    }
    EXPECT_GT(pool.statistics().cached, most / 4);
    EXPECT_EQ(pool.statistics().in_use, 0u);
}

TEST(BufferPool, SaysWhatItHasAndDid) {
    memory_budget budget("test");
    buffer_pool pool({.budget = &budget});
    auto first = must_allocate(pool, 1000);
    auto second = must_allocate(pool, 1000);
    auto large = must_allocate(pool, 2 << 20);
    static_cast<void>(must_allocate(pool, 64));
    auto said = pool.statistics();
    EXPECT_EQ(said.in_use, 2 * 1024u + (2 << 20));
    EXPECT_EQ(said.allocations, 4u);
    EXPECT_EQ(said.releases, 1u);
    EXPECT_EQ(said.reserved, budget.used());
    EXPECT_EQ(said.reserved_peak, budget.peak());
    EXPECT_EQ(said.refills, 2u);
    EXPECT_EQ(said.refusals, 0u);
    EXPECT_GT(said.cached, 64u);
    const auto& kib = said.classes[detail::size_class_of(1000)];
    EXPECT_EQ(kib.block_size, 1024u);
    EXPECT_EQ(kib.allocations, 2u);
    EXPECT_EQ(kib.in_use, 2u);
    EXPECT_GE(kib.reserved, 65536u);
    EXPECT_EQ(said.classes.back().block_size, 0u);
    EXPECT_EQ(said.classes.back().in_use, 1u);
    pool.trim();
    EXPECT_EQ(pool.statistics().trims, 1u);
    EXPECT_EQ(pool.statistics().cached, 0u);
    EXPECT_EQ(pool.statistics().in_use, said.in_use);
}

// A released block lies in a mapping that is still there, so only the pool can tell that it must
// not be touched.
TEST(BufferPoolDeathTest, ReleasedBlocksAreForbiddenGround) {
#if defined(__SANITIZE_ADDRESS__)
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    buffer_pool pool;
    const volatile std::byte* stale = must_allocate(pool, 1000).tailroom().data();
    EXPECT_DEATH(static_cast<void>(stale[500]), "use-after-poison");
    auto again = must_allocate(pool, 1000);
    again.append_fill(1000, std::byte{1});
    EXPECT_TRUE(stale[500] == std::byte{1});
#else
    GTEST_SKIP() << "needs AddressSanitizer";
#endif
}

TEST(BufferPool, IsAHandle) {
    memory_budget budget("test");
    auto pool = std::make_unique<buffer_pool>(buffer_pool::options{.budget = &budget});
    auto other = *pool;
    static_cast<void>(must_allocate(*pool, 64));
    pool.reset();
    EXPECT_EQ(other.statistics().allocations, 1u);
    EXPECT_GT(budget.used(), 0u);
    other = buffer_pool({.budget = &budget});
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

TEST(BufferPool, ABufferGrowsByWhatIsNeededWhereTwiceIsRefused) {
    memory_budget budget("test", std::size_t{5} << 20);
    buffer_pool pool({.budget = &budget});
    auto grown = must_allocate(pool, std::size_t{2} << 20);
    grown.append_fill(grown.tailroom().size(), std::byte{'x'});
    auto size = grown.size();
    ASSERT_TRUE(grown.try_reserve(1));
    grown.append("y");
    EXPECT_EQ(grown.size(), size + 1);
    EXPECT_LT(grown.capacity(), 2 * size);
    EXPECT_FALSE(grown.try_reserve(std::size_t{5} << 20)) << "more than the budget has";
}

}  // namespace
}  // namespace sluice
