#include "memory/thread_cache.h"

#include <array>

#include <gtest/gtest.h>

#include "memory/pool_core.h"
#include "memory/size_classes.h"
#include "sys/threads.h"

namespace sluice {
namespace {

using detail::pool_core;
using detail::thread_cache;

constexpr std::size_t block_size = 1024;
constexpr unsigned size_class = detail::size_class_of(block_size);

class thread_cache_of : public testing::Test {
  protected:
    void SetUp() override {
        // A block that goes through the cache makes it, and leaves others in it.
        auto first = core_->take(block_size);
        ASSERT_TRUE(first);
        (*first)->drop();
        cache_ = thread_cache::known(*core_);
        ASSERT_NE(cache_, nullptr);
        ASSERT_GT(cached(), 1u);
    }
    void TearDown() override { core_->close(); }

    [[nodiscard]] std::size_t cached() const { return cache_->magazines()[size_class].count.get(); }
    // As trim() begins.
    void stop() {
        cache_->stop();
        sys::membarrier_all();
        cache_->wait();
    }

    pool_core* core_ = new pool_core({});
    thread_cache* cache_ = nullptr;
};
using ThreadCache = thread_cache_of;

TEST_F(ThreadCache, IsTakenFromAndPutIntoByItsOwner) {
    auto before = cached();
    auto taken = core_->take(block_size);
    ASSERT_TRUE(taken);
    EXPECT_EQ(cached(), before - 1);
    (*taken)->drop();
    EXPECT_EQ(cached(), before);
}

TEST_F(ThreadCache, IsNotTouchedByItsOwnerWhileAnotherIsInIt) {
    auto owned = core_->take(block_size);
    ASSERT_TRUE(owned);
    auto before = cached();
    stop();
    EXPECT_EQ(cache_->take(size_class), nullptr);
    EXPECT_FALSE(cache_->put(**owned));
    EXPECT_EQ(cache_->fill(size_class, std::array{*owned}), 0u);
    std::array<detail::pool_block*, 64> out;
    EXPECT_EQ(cache_->take_older_half(size_class, out), 0u);
    EXPECT_FALSE(cache_->count_allocation(size_class));
    // The pool goes past it, and works.
    auto past = core_->take(block_size);
    ASSERT_TRUE(past);
    (*past)->drop();
    (*owned)->drop();
    EXPECT_EQ(cached(), before);
    cache_->resume();
    auto again = core_->take(block_size);
    ASSERT_TRUE(again);
    EXPECT_EQ(cached(), before - 1);
    (*again)->drop();
}

TEST_F(ThreadCache, GivesItsOlderHalfBackWhenItIsFull) {
    std::array<detail::pool_block*, detail::magazine_size_max + 1> held;
    for (auto& each : held)
        each = *core_->take(block_size);
    for (auto* each : held)
        each->drop();
    EXPECT_LE(cached(), detail::magazine_size_max);
    EXPECT_GE(cached(), detail::magazine_size_max / 2);
    // Last in, first out.
    auto taken = core_->take(block_size);
    ASSERT_TRUE(taken);
    EXPECT_EQ(*taken, held.back());
    (*taken)->drop();
}

}  // namespace
}  // namespace sluice
