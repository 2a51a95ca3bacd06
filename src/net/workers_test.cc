#include "net/workers.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>

#include <gtest/gtest.h>

namespace sluice::net {
namespace {

TEST(Workers, RunElsewhereAndComeBack) {
    asio::io_context loop(1);
    workers pool(2);
    std::string got;
    asio::co_spawn(
        loop,
        [&]() -> task<void> {
            auto here = std::this_thread::get_id();
            std::thread::id there;
            // A value that can only be moved comes back too.
            auto made = co_await pool.run([&] {
                there = std::this_thread::get_id();
                return std::make_unique<std::string>("made");
            });
            EXPECT_NE(here, there);
            EXPECT_EQ(here, std::this_thread::get_id());
            got = *made;
        },
        asio::detached);
    loop.run();  // ends when nothing is left to do, and not before
    EXPECT_EQ(got, "made");
    EXPECT_EQ(pool.in_use(), 0u);
}

TEST(Workers, RunAtMostAsManyAtOnceAsThereAreThreads) {
    asio::io_context loop(1);
    workers pool(3);
    std::atomic<int> running{0}, most{0}, done{0};
    std::size_t used_most = 0;
    for (int count = 0; count < 20; ++count) {
        asio::co_spawn(
            loop,
            [&]() -> task<void> {
                co_await pool.run([&] {
                    int now = ++running;
                    for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {
                    }
                    auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(2);
                    while (std::chrono::steady_clock::now() < until)
                        std::this_thread::yield();
                    --running;
                    return true;
                });
                used_most = std::max(used_most, pool.in_use());
                ++done;
            },
            asio::detached);
    }
    loop.run();
    EXPECT_EQ(done, 20);
    EXPECT_LE(most, 3);
    EXPECT_GE(used_most, 10u);  // those that wait count as well
    EXPECT_EQ(pool.in_use(), 0u);
}

TEST(Workers, WaitForTheWorkThatHasBegun) {
    asio::io_context loop(1);
    std::atomic<bool> begun{false}, ended{false};
    {
        workers pool(1);
        asio::co_spawn(
            loop,
            [&]() -> task<void> {
                co_await pool.run([&] {
                    begun = true;
                    auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(20);
                    while (std::chrono::steady_clock::now() < until)
                        std::this_thread::yield();
                    ended = true;
                    return true;
                });
            },
            asio::detached);
        loop.poll();
        while (!begun)
            std::this_thread::yield();
    }
    EXPECT_TRUE(ended);
}

// Work that has not begun is dropped, with the coroutine that waits for it.
TEST(Workers, DropWhatHasNotBegun) {
    auto loop = std::make_unique<asio::io_context>(1);
    auto watched = std::make_shared<int>(1);
    std::atomic<bool> begun{false}, held{true};
    std::thread release;
    {
        workers pool(1);
        for (int count = 0; count < 5; ++count) {
            asio::co_spawn(
                *loop,
                [&pool, &begun, &held, kept = watched]() -> task<void> {
                    auto mine = kept;
                    co_await pool.run([&] {
                        begun = true;
                        while (held)
                            std::this_thread::yield();
                        return true;
                    });
                },
                asio::detached);
        }
        loop->poll();
        while (!begun)
            std::this_thread::yield();
        release = std::thread([&] { held = false; });
    }
    release.join();
    loop.reset();  // it does not run any more once the workers have gone
    EXPECT_EQ(watched.use_count(), 1);
}

}  // namespace
}  // namespace sluice::net
