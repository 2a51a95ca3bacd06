#include "transfer/process_costs.h"

#include <cerrno>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace sluice {
namespace {

constexpr std::size_t at(mechanism which) {
    return static_cast<std::size_t>(which);
}

TEST(ProcessCosts, SumsRunningAndEndedThreads) {
    auto before = costs_of_process();
    constexpr int bookings = 1000;
    auto work = [] {
        for (int count = 0; count < bookings; ++count) {
            book(mechanism::splice, {.bytes = 10,
                                     .copied_user_kernel = 3,
                                     .copied_user = 2,
                                     .calls = 2,
                                     .would_blocks = 1});
            book_stall(5);
            book_cold_chunk();
        }
    };
    {
        std::vector<std::jthread> threads;
        for (int count = 0; count < 4; ++count)
            threads.emplace_back(work);
        // Any thread may ask meanwhile; no sum ever shrinks.
        auto last = costs_of_process();
        for (int count = 0; count < 100; ++count) {
            auto now = costs_of_process();
            EXPECT_GE(now.by_mechanism[at(mechanism::splice)].bytes,
                      last.by_mechanism[at(mechanism::splice)].bytes);
            last = now;
        }
    }
    work();
    auto after = costs_of_process();
    auto spent = [&](auto member) {
        return after.by_mechanism[at(mechanism::splice)].*member -
               before.by_mechanism[at(mechanism::splice)].*member;
    };
    EXPECT_EQ(spent(&mechanism_cost::bytes), 5u * bookings * 10);
    EXPECT_EQ(spent(&mechanism_cost::copied_user_kernel), 5u * bookings * 3);
    EXPECT_EQ(spent(&mechanism_cost::copied_user), 5u * bookings * 2);
    EXPECT_EQ(spent(&mechanism_cost::calls), 5u * bookings * 2);
    EXPECT_EQ(spent(&mechanism_cost::would_blocks), 5u * bookings);
    EXPECT_EQ(after.stalls - before.stalls, 5u * bookings);
    EXPECT_EQ(after.stalled_ns - before.stalled_ns, 25u * bookings);
    EXPECT_EQ(after.cold_chunks - before.cold_chunks, 5u * bookings);
}

TEST(ProcessCosts, CountsFallbacksWithTheirReason) {
    auto before = costs_of_process();
    std::jthread([] { book(fallback{mechanism::splice, mechanism::mapped_write, ENOSYS}); }).join();
    auto after = costs_of_process();
    auto taken = [](const process_costs& costs) {
        return costs.fallbacks[at(mechanism::splice)][at(mechanism::mapped_write)];
    };
    EXPECT_EQ(taken(after) - taken(before), 1u);
    EXPECT_EQ(after.last_reason[at(mechanism::splice)], ENOSYS);
}

TEST(Ledger, AddsUpAndNamesTheForemost) {
    ledger costs;
    costs.of(mechanism::sendfile) += {.bytes = 100, .calls = 1};
    costs.of(mechanism::gathered_write) += {.bytes = 7, .copied_user_kernel = 7, .calls = 1};
    costs.of(mechanism::sendfile) += {.bytes = 1, .calls = 2, .would_blocks = 1};
    EXPECT_EQ(costs.total().bytes, 108u);
    EXPECT_EQ(costs.total().copied_user_kernel, 7u);
    EXPECT_EQ(costs.total().calls, 4u);
    EXPECT_EQ(costs.total().would_blocks, 1u);
    EXPECT_EQ(costs.foremost(), mechanism::sendfile);
}

TEST(Ledger, KeepsFallbacksInOrderAndWithinBounds) {
    ledger costs;
    EXPECT_TRUE(costs.fallbacks().empty());
    for (std::size_t count = 0; count < mechanism_count + 2; ++count)
        costs.record({mechanism::sendfile, mechanism::splice, static_cast<int>(count)});
    ASSERT_EQ(costs.fallbacks().size(), mechanism_count);
    EXPECT_EQ(costs.fallbacks()[0].reason, 0);
    EXPECT_EQ(costs.fallbacks()[1].reason, 1);
}

}  // namespace
}  // namespace sluice
