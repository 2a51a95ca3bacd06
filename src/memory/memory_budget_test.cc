#include <atomic>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <sluice/buffer_pool.h>
#include <sluice/memory_budget.h>

namespace sluice {
namespace {

TEST(MemoryBudget, TakesAllOrNothing) {
    memory_budget budget("test", 100);
    EXPECT_TRUE(budget.reserve(60));
    EXPECT_FALSE(budget.reserve(41));
    EXPECT_EQ(budget.used(), 60u);
    EXPECT_EQ(budget.refusals(), 1u);
    EXPECT_TRUE(budget.reserve(40));
    EXPECT_TRUE(budget.reserve(0));
    EXPECT_FALSE(budget.reserve(1));
    budget.give_back(100);
    EXPECT_EQ(budget.used(), 0u);
    EXPECT_EQ(budget.peak(), 100u);
}

TEST(MemoryBudget, LimitMayFallBelowWhatIsUsed) {
    memory_budget budget("test");
    EXPECT_TRUE(budget.reserve(1000));
    budget.set_limit(500);
    EXPECT_FALSE(budget.reserve(1));
    budget.give_back(600);
    EXPECT_TRUE(budget.reserve(100));
    EXPECT_FALSE(budget.reserve(memory_budget::unlimited));
    budget.give_back(500);
}

TEST(MemoryBudget, OfTheProcessIsUnlimitedAndThePoolsDefault) {
    auto& process = memory_budget::process();
    EXPECT_EQ(process.limit(), memory_budget::unlimited);
    auto before = process.used();
    buffer_pool pool;
    auto block = pool.allocate(1000);
    ASSERT_TRUE(block);
    EXPECT_EQ(&pool.budget(), &process);
    EXPECT_EQ(process.used() - before, pool.statistics().reserved);
    EXPECT_GT(process.used(), before);
}

TEST(MemoryBudget, IsNeverExceededByThreads) {
    constexpr std::size_t limit = 1000;
    memory_budget budget("test", limit);
    std::atomic<std::size_t> held{0};
    std::atomic<bool> exceeded{false};
    {
        std::vector<std::jthread> threads;
        for (std::size_t number = 0; number < 4; ++number) {
            threads.emplace_back([&, number] {
                for (std::size_t count = 0; count < 5000; ++count) {
                    auto bytes = (count * 37 + number * 101) % 400;
                    if (!budget.reserve(bytes)) continue;
                    if (held.fetch_add(bytes) + bytes > limit) exceeded = true;
                    held.fetch_sub(bytes);
                    budget.give_back(bytes);
                }
            });
        }
    }
    EXPECT_FALSE(exceeded);
    EXPECT_EQ(budget.used(), 0u);
    EXPECT_LE(budget.peak(), limit);
    EXPECT_GT(budget.peak(), 0u);
}

}  // namespace
}  // namespace sluice
