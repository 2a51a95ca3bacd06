// Each allocation of operator new fails once: what holds after that.
#include <array>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <sluice/buffer.h>
#include <sluice/buffer_pool.h>
#include <sluice/buffer_slice.h>
#include <sluice/leak_ledger.h>

#include "support/failing_allocation.h"

namespace sluice {
namespace {

TEST(FailingAllocation, FailsTheOneThatIsMeant) {
    // Calls of the function: a compiler may leave out new-expressions whose object nobody uses.
    support::failing_allocation armed(1);
    ::operator delete(::operator new(1));
    EXPECT_FALSE(armed.has_failed());
    EXPECT_THROW(::operator delete(::operator new(1)), std::bad_alloc);
    EXPECT_TRUE(armed.has_failed());
    ::operator delete(::operator new(1));
}

TEST(AllocationFailure, LeavesABufferAsItWas) {
    constexpr std::array<std::string_view, 3> added{"abc", "defgh",
                                                    "a longer text that needs more room"};
    std::vector<std::string> texts{""};  // after each of the steps
    for (auto more : added) {
        texts.push_back(texts.back() + std::string(more));
        texts.push_back(std::string(more) + texts.back());
    }
    auto failed = support::fail_each_allocation([&] {
        buffer bytes;
        std::size_t steps = 0;
        try {
            bytes = buffer(4, 2);
            for (auto more : added) {
                bytes.append(more);
                ++steps;
                bytes.prepend(more);
                ++steps;
            }
        } catch (const std::bad_alloc&) {
        }
        EXPECT_EQ(bytes.text(), texts[steps]);
    });
    EXPECT_GE(failed, 4u);
}

TEST(AllocationFailure, IsAnErrorOfTryReserve) {
    buffer bytes(8);
    bytes.append("abcdefgh");
    auto failed = support::fail_each_allocation([&bytes] {
        // More than doubling gives, which would be tried again with less.
        auto reserved = bytes.try_reserve(1000);
        if (reserved) return;
        EXPECT_TRUE(reserved.error().is(ENOMEM));
        EXPECT_EQ(reserved.error().message(), "allocate heap: Cannot allocate memory");
        EXPECT_EQ(bytes.text(), "abcdefgh");
    });
    EXPECT_EQ(failed, 1u);
    EXPECT_FALSE(bytes.try_reserve(std::size_t{1} << 62));
    EXPECT_FALSE(bytes.try_reserve(SIZE_MAX));
    EXPECT_THROW(bytes.reserve(SIZE_MAX), std::bad_alloc);
    EXPECT_THROW(buffer(SIZE_MAX, SIZE_MAX), std::bad_alloc);
    EXPECT_EQ(bytes.text(), "abcdefgh");
}

TEST(AllocationFailure, OfTwiceTheMemoryIsTriedAgainWithWhatIsNeeded) {
    buffer bytes(8);
    bytes.append("abcdefgh");
    support::failing_allocation armed(0);
    EXPECT_TRUE(bytes.try_reserve(1));
    EXPECT_TRUE(armed.has_failed());
    EXPECT_EQ(bytes.text(), "abcdefgh");
    EXPECT_EQ(bytes.tailroom().size(), 1u);
}

TEST(AllocationFailure, LeavesALentObjectWithItsOwner) {
    int released = 0;
    auto failed = support::fail_each_allocation([&released] {
        int before = released;
        try {
            auto lent = buffer_slice::of_object(as_bytes("lent"), [&released] { ++released; });
            EXPECT_EQ(lent.text(), "lent");
        } catch (const std::bad_alloc&) {
            EXPECT_EQ(released, before);
            return;
        }
        EXPECT_EQ(released, before + 1);
    });
    EXPECT_EQ(failed, 1u);
}

TEST(AllocationFailure, LeavesASliceThatIsToBeCompactedAsItWas) {
    auto large = buffer_slice::copy_of(as_bytes(std::string(20000, 'x'))).slice(0, 3);
    auto failed = support::fail_each_allocation([&large] {
        try {
            EXPECT_EQ(large.compacted().retained(), 3u);
        } catch (const std::bad_alloc&) {
            EXPECT_EQ(large.text(), "xxx");
        }
    });
    EXPECT_EQ(failed, 1u);
}

TEST(AllocationFailure, NeverLeavesThePoolAsAnException) {
    memory_budget budget("a name that is too long for the string itself", 1 << 20);
    buffer_pool pool({.budget = &budget});
    // In a fresh thread, which has no cache yet: without memory for one it does without.
    std::jthread([&] {
        auto failed = support::fail_each_allocation([&] {
            for (std::size_t size : {64, 5000, 2'000'000}) {
                auto made = pool.allocate(size);
                EXPECT_EQ(made.has_value(), size < 1'000'000);
                EXPECT_TRUE(made || made.error().is(ENOMEM));
            }
        });
        EXPECT_GE(failed, 2u);
    }).join();
    EXPECT_EQ(pool.statistics().in_use, 0u);
    pool.trim();
    EXPECT_EQ(budget.used(), 0u);
}

TEST(AllocationFailure, OfTheLedgerLosesARecordAndNothingElse) {
    leak_ledger::record_all();
    auto failed = support::fail_each_allocation([] {
        try {
            auto held = buffer_slice::copy_of(as_bytes("abc"));
            held.touch("a place whose name needs memory of its own");
            EXPECT_EQ(held.text(), "abc");
        } catch (const std::bad_alloc&) {
        }
    });
    EXPECT_GE(failed, 4u);
    EXPECT_GE(leak_ledger::lost_count(), 3u);
    EXPECT_EQ(leak_ledger::live_count(), 0u);
    leak_ledger::record_nothing();
}

}  // namespace
}  // namespace sluice
