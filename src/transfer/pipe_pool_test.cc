#include "transfer/pipe_pool.h"

#include <algorithm>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>

#include "support/fault_script.h"

namespace sluice {
namespace {

// Runs in a thread of its own, so that the pool is empty at the start.
template <typename Check>
void with_fresh_pool(Check check) {
    std::thread(check).join();
}

bool is_open(int fd) {
    return ::fcntl(fd, F_GETFD) >= 0;
}

TEST(PipePool, PipeComesBack) {
    with_fresh_pool([] {
        int before = -1;
        {
            auto taken = pooled_pipe::take();
            ASSERT_TRUE(taken);
            EXPECT_GE(taken->capacity(), 65536u);
            before = taken->read_end();
        }
        support::fault_script faults;
        auto again = pooled_pipe::take();
        ASSERT_TRUE(again);
        EXPECT_EQ(again->read_end(), before);
        EXPECT_EQ(faults.count(sys::call::pipe), 0u);
    });
}

TEST(PipePool, SpoiltPipeIsClosed) {
    with_fresh_pool([] {
        int before = -1;
        {
            auto taken = pooled_pipe::take();
            ASSERT_TRUE(taken);
            before = taken->read_end();
            taken->spoil();
        }
        EXPECT_FALSE(is_open(before));
    });
}

TEST(PipePool, KeepsAFewAndClosesTheRest) {
    with_fresh_pool([] {
        std::vector<int> seen;
        {
            std::vector<pooled_pipe> many;
            for (int count = 0; count < 12; ++count) {
                auto taken = pooled_pipe::take();
                ASSERT_TRUE(taken);
                seen.push_back(taken->read_end());
                many.push_back(*std::move(taken));
            }
        }
        EXPECT_EQ(std::ranges::count_if(seen, is_open), 8);
    });
}

TEST(PipePool, FailureToMakeOneIsAnError) {
    with_fresh_pool([] {
        support::fault_script faults;
        faults.fail(sys::call::pipe, EMFILE);
        auto taken = pooled_pipe::take();
        ASSERT_FALSE(taken);
        EXPECT_TRUE(taken.error().is(EMFILE));
    });
}

TEST(PipePool, EndsWithItsThread) {
    int before = -1;
    with_fresh_pool([&] {
        auto taken = pooled_pipe::take();
        ASSERT_TRUE(taken);
        before = taken->read_end();
    });
    EXPECT_FALSE(is_open(before));
}

}  // namespace
}  // namespace sluice
