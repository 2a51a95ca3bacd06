// Pools whose blocks cross threads. Of most use under ThreadSanitizer.
#include <array>
#include <atomic>
#include <barrier>
#include <cstddef>
#include <latch>
#include <mutex>
#include <optional>
#include <random>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sluice/buffer_pool.h>

#include "sys/threads.h"

namespace sluice {
namespace {

// A place where threads leave slices for others to take.
class exchange {
  public:
    buffer_slice swap(std::size_t at, buffer_slice given) {
        std::lock_guard lock(mutex_);
        std::swap(places_[at % places_.size()], given);
        return given;
    }

  private:
    std::mutex mutex_;
    std::array<buffer_slice, 64> places_;
};

std::byte mark_of(std::size_t number) {
    return static_cast<std::byte>(number % 251);
}

bool is_intact(const buffer_slice& slice) {
    for (auto each : slice.bytes()) {
        if (each != slice.bytes().front()) return false;
    }
    return true;
}

// Allocates, fills, slices, and leaves the slices for others, who release them.
std::size_t allocate_and_exchange(buffer_pool& pool, exchange& between, unsigned seed,
                                  std::size_t rounds) {
    std::mt19937 random(seed);
    std::size_t failures = 0;
    for (std::size_t count = 0; count < rounds; ++count) {
        auto made = pool.allocate(std::size_t{1} << (random() % 18));
        if (!made) {
            ++failures;
            continue;
        }
        made->append_fill(std::min<std::size_t>(made->capacity(), 100), mark_of(random()));
        auto slice = std::move(*made).freeze();
        slice.share();
        auto part = slice.slice(1, slice.size() - 1);
        auto other = between.swap(random(), std::move(part));
        if (!is_intact(other) || !is_intact(slice)) ++failures;
    }
    return failures;
}

void hammer(buffer_pool& pool, std::size_t rounds, std::atomic<std::size_t>& failures) {
    exchange between;
    std::vector<std::jthread> threads;
    for (unsigned number = 0; number < 4; ++number) {
        threads.emplace_back(
            [&, number] { failures += allocate_and_exchange(pool, between, number, rounds); });
    }
}

TEST(PoolThreads, ReleaseWhatOthersHaveAllocated) {
    memory_budget budget("test");
    for (bool bound : {false, true}) {
        buffer_pool pool({.thread_bound = bound, .budget = &budget});
        std::atomic<std::size_t> failures{0};
        hammer(pool, 5000, failures);
        EXPECT_EQ(failures, 0u);
        auto said = pool.statistics();
        EXPECT_EQ(said.in_use, 0u);
        EXPECT_EQ(said.allocations, 20000u);
        EXPECT_EQ(said.releases, 20000u);
        pool.trim();
        EXPECT_EQ(pool.statistics().reserved, 0u);
    }
    EXPECT_EQ(budget.used(), 0u);
}

void hammer_while_trimming(buffer_pool& pool) {
    std::atomic<std::size_t> failures{0};
    std::atomic<bool> done{false};
    std::jthread trimmer([&] {
        while (!done)
            pool.trim();
    });
    hammer(pool, 3000, failures);
    done = true;
    EXPECT_EQ(failures, 0u);
}

TEST(PoolThreads, AreNotDisturbedByTrim) {
    memory_budget budget("test");
    buffer_pool pool({.budget = &budget});
    hammer_while_trimming(pool);
    pool.trim();
    EXPECT_GT(pool.statistics().trims, 1u);
    EXPECT_EQ(budget.used(), 0u);
}

// Refuses membarrier(2) to this process from now on.
void refuse_membarrier() {
    std::array<sock_filter, 4> program{{
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),  // the number of the call
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_membarrier, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    }};
    sock_fprog filter{program.size(), program.data()};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0) {
        _exit(2);
    }
}

// In a process of its own: membarrier is asked for once.
TEST(PoolThreadsDeathTest, AreNotDisturbedByTrimWithoutMembarrier) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_EXIT(
        {
            refuse_membarrier();
            buffer_pool pool;
            hammer_while_trimming(pool);
            pool.trim();
            bool went_well = !sys::membarrier_ready() && pool.statistics().reserved == 0 &&
                             !testing::Test::HasFailure();
            _exit(went_well ? 0 : 1);
        },
        testing::ExitedWithCode(0), "");
}

TEST(PoolThreads, TrimEmptiesTheCachesOfIdleThreads) {
    memory_budget budget("test");
    buffer_pool pool({.budget = &budget});
    std::latch has_cached(1);
    std::latch may_end(1);
    std::jthread idle([&] {
        for (std::size_t size = 64; size <= 65536; size *= 2)
            EXPECT_TRUE(pool.allocate(size));
        has_cached.count_down();
        may_end.wait();
        EXPECT_TRUE(pool.allocate(64));  // its cache still works
    });
    has_cached.wait();
    EXPECT_GT(pool.statistics().cached, 65536u);
    auto reserved = budget.used();
    EXPECT_GT(reserved, 0u);
    EXPECT_EQ(pool.trim(), reserved);
    EXPECT_EQ(budget.used(), 0u);
    EXPECT_EQ(pool.statistics().cached, 0u);
    may_end.count_down();
    idle.join();
    EXPECT_EQ(pool.statistics().releases, 12u);
}

TEST(PoolThreads, ThatEndKeepNothing) {
    memory_budget budget("test");
    buffer_pool pool({.spare_bytes = 0, .budget = &budget});
    std::jthread([&] {
        for (std::size_t size = 64; size <= 65536; size *= 2)
            EXPECT_TRUE(pool.allocate(size));
        EXPECT_GT(pool.statistics().cached, 65536u);
    }).join();
    EXPECT_EQ(pool.statistics().cached, 0u);
    EXPECT_EQ(pool.statistics().allocations, 11u);
    EXPECT_EQ(pool.statistics().releases, 11u);
    EXPECT_EQ(budget.used(), 0u);
}

TEST(PoolThreads, PressureTakesFromOtherThreadsAndOtherPoolsOfTheBudget) {
    memory_budget budget("test", std::size_t{1} << 20);
    buffer_pool other({.budget = &budget});
    buffer_pool pool({.budget = &budget});
    std::latch has_cached(1);
    std::latch may_end(1);
    std::jthread idle([&] {
        std::vector<buffer> held;
        while (auto made = other.allocate(4096))
            held.push_back(std::move(*made));
        held.clear();
        has_cached.count_down();
        may_end.wait();
    });
    has_cached.wait();
    EXPECT_GT(budget.used(), budget.limit() / 2);
    auto made = pool.allocate(700'000);
    EXPECT_TRUE(made);
    EXPECT_LE(budget.peak(), budget.limit());
    may_end.count_down();
}

TEST(PoolThreads, PoolMayGoBeforeItsBlocksAndItsThreads) {
    memory_budget budget("test");
    std::vector<buffer_slice> slices;
    std::latch has_allocated(1);
    std::latch pool_has_gone(1);
    std::optional<buffer_pool> pool(std::in_place, buffer_pool::options{.budget = &budget});
    std::jthread user([&] {
        for (std::size_t count = 0; count < 200; ++count) {
            auto made = pool->allocate(1 + count * 50);
            ASSERT_TRUE(made);
            made->append("kept");
            slices.push_back(std::move(*made).freeze());
        }
        static_cast<void>(pool->allocate(64));
        has_allocated.count_down();
        pool_has_gone.wait();
        slices.resize(100);
        // A new pool may get the old one's address; the old cache must not be taken for its own.
        buffer_pool next;
        EXPECT_TRUE(next.allocate(64));
    });
    has_allocated.wait();
    pool.reset();
    pool_has_gone.count_down();
    user.join();
    EXPECT_GT(budget.used(), 0u);
    for (const auto& each : slices)
        EXPECT_EQ(each.text(), "kept");
    slices.clear();
    EXPECT_EQ(budget.used(), 0u);
}

TEST(PoolThreads, PoolsComeAndGoWhileThreadsRun) {
    memory_budget budget("test");
    std::array<buffer_pool, 40> pools;  // more than the table by which threads find their caches
    for (auto& each : pools)
        each = buffer_pool({.budget = &budget});
    std::barrier all_there(4);
    {
        std::vector<std::jthread> threads;
        for (unsigned number = 0; number < 3; ++number) {
            threads.emplace_back([&] {
                for (auto pool : pools) {
                    all_there.arrive_and_wait();
                    for (std::size_t count = 0; count < 50; ++count) {
                        EXPECT_TRUE(pool.allocate(64 << (count % 8)));
                    }
                }
            });
        }
        for (auto& each : pools) {
            all_there.arrive_and_wait();
            each = buffer_pool({.budget = &budget});
        }
    }
    for (auto& each : pools)
        each.trim();
    EXPECT_EQ(budget.used(), 0u);
}

// Lives in its thread's storage, so it ends when the pool's own thread-local objects may be gone.
struct held_at_end {
    buffer_slice slice;
};
thread_local held_at_end held_to_the_end;

TEST(PoolThreads, BlocksMayBeReleasedWhileAThreadEnds) {
    memory_budget budget("test");
    buffer_pool pool({.budget = &budget});
    std::jthread([&] {
        held_to_the_end.slice = {};  // made first, so destroyed last
        auto made = pool.allocate(64);
        ASSERT_TRUE(made);
        held_to_the_end.slice = std::move(*made).freeze();
    }).join();
    auto said = pool.statistics();
    EXPECT_EQ(said.releases, 1u);
    EXPECT_EQ(said.cached, 0u);
    pool.trim();
    EXPECT_EQ(budget.used(), 0u);
}

TEST(PoolThreads, BudgetHoldsWhenAllAskAtOnce) {
    constexpr std::size_t limit = std::size_t{4} << 20;
    memory_budget budget("test", limit);
    buffer_pool pool({.budget = &budget});
    std::atomic<std::size_t> refused{0};
    {
        std::vector<std::jthread> threads;
        for (unsigned number = 0; number < 4; ++number) {
            threads.emplace_back([&, number] {
                std::mt19937 random(number);
                std::vector<buffer> held;
                for (int count = 0; count < 2000; ++count) {
                    auto made = pool.allocate(random() % 100'000);
                    if (made) {
                        held.push_back(std::move(*made));
                    } else {
                        EXPECT_TRUE(made.error().is(ENOMEM));
                        ++refused;
                        held.resize(held.size() / 2);
                    }
                }
            });
        }
    }
    EXPECT_GT(refused, 0u);
    EXPECT_LE(budget.peak(), limit);
    EXPECT_EQ(pool.statistics().refusals, refused);
    pool.trim();
    EXPECT_EQ(budget.used(), 0u);
}

TEST(PoolFork, LeavesTheChildWithPoolsThatItCanEnd) {
#ifdef __SANITIZE_THREAD__
    GTEST_SKIP() << "ThreadSanitizer knows no child of a process with threads";
#endif
    std::optional<buffer_pool> pool(std::in_place);
    auto own = pool->allocate(64);
    std::atomic<bool> stopping{false};
    std::latch started(1);
    std::jthread other([&] {
        (void)pool->allocate(64);
        started.count_down();
        while (!stopping)
            (void)pool->allocate(64);
    });
    started.wait();
    std::size_t ended = 0;
    constexpr std::size_t children = 100;
    for (std::size_t i = 0; i < children; ++i) {
        auto child = ::fork();
        if (child == 0) {
            ::alarm(20);  // instead of hanging for ever
            pool->trim();
            bool works = pool->allocate(64).has_value() && pool->allocate(100'000).has_value();
            own = buffer();
            pool.reset();
            ::_exit(works ? 0 : 1);
        }
        int status = -1;
        ASSERT_EQ(::waitpid(child, &status, 0), child);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0) ++ended;
        if (WIFSIGNALED(status)) break;
    }
    stopping = true;
    EXPECT_EQ(ended, children);
}

}  // namespace
}  // namespace sluice
