#include <atomic>
#include <chrono>
#include <csignal>
#include <fstream>
#include <string>
#include <thread>

#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/stat.h>

#include <sluice/file_lock.h>

#include "support/fault_script.h"
#include "support/temporary_file.h"
#include "sys/files.h"

namespace sluice {
namespace {

class FileLock : public testing::Test {
  protected:
    // Each opening is an owner of locks of its own.
    [[nodiscard]] file open() const {
        return *file::open(written_.path(), {.access = file_access::read_write});
    }
    [[nodiscard]] bool is_free(lock_kind kind, lock_range range = {}) const {
        auto taken = file_lock::try_acquire(open(), kind, range);
        EXPECT_TRUE(taken) << taken.error().message();
        return taken->has_value();
    }
    // Waits, at most 20 s, until somebody waits for a lock of the file.
    [[nodiscard]] bool wait_for_a_waiter() const {
        auto inode = ":" + std::to_string(sys::status(written_.fd())->st_ino) + " ";
        auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
        while (std::chrono::steady_clock::now() < end) {
            std::ifstream locks("/proc/locks");
            for (std::string line; std::getline(locks, line);) {
                if (line.find("->") != line.npos && line.find(inode) != line.npos) return true;
            }
            std::this_thread::yield();
        }
        return false;
    }

    support::temporary_file written_{"0123456789"};
};

TEST_F(FileLock, ExclusiveKeepsOthersOutUntilItGoes) {
    {
        auto held = file_lock::acquire(open(), lock_kind::exclusive);
        ASSERT_TRUE(held) << held.error().message();
        EXPECT_FALSE(is_free(lock_kind::exclusive));
        EXPECT_FALSE(is_free(lock_kind::shared));
        EXPECT_FALSE(is_free(lock_kind::shared, {.position = std::uint64_t{1} << 40, .size = 1}));
    }
    EXPECT_TRUE(is_free(lock_kind::exclusive));
}

TEST_F(FileLock, SharedLetsOthersShare) {
    auto held = file_lock::acquire(open(), lock_kind::shared);
    ASSERT_TRUE(held);
    EXPECT_TRUE(is_free(lock_kind::shared));
    EXPECT_FALSE(is_free(lock_kind::exclusive));
}

TEST_F(FileLock, RangesAreExact) {
    auto held = file_lock::acquire(open(), lock_kind::exclusive, {.position = 3, .size = 4});
    ASSERT_TRUE(held);
    for (std::uint64_t position = 0; position < 10; ++position) {
        bool within = position >= 3 && position < 7;
        EXPECT_EQ(is_free(lock_kind::shared, {.position = position, .size = 1}), !within)
            << position;
    }
    EXPECT_TRUE(is_free(lock_kind::exclusive, {.position = 7}));
}

TEST_F(FileLock, KeepsTheFileOpenAndMoves) {
    {
        auto held = file_lock::acquire(open(), lock_kind::exclusive, {.position = 1});
        ASSERT_TRUE(held);
        file_lock moved = *std::move(held);
        EXPECT_EQ(moved.range().position, 1u);
        held->release();  // has nothing any more
        EXPECT_FALSE(is_free(lock_kind::exclusive));
    }
    EXPECT_TRUE(is_free(lock_kind::exclusive));
}

TEST_F(FileLock, IsGivenUpOnce) {
    auto held = file_lock::acquire(open(), lock_kind::exclusive);
    ASSERT_TRUE(held);
    held->release();
    EXPECT_TRUE(is_free(lock_kind::exclusive));
    held->release();
    // Assigning over a lock gives it up.
    auto first = *file_lock::acquire(open(), lock_kind::exclusive, {.position = 0, .size = 1});
    first = *file_lock::acquire(open(), lock_kind::exclusive, {.position = 1, .size = 1});
    EXPECT_TRUE(is_free(lock_kind::exclusive, {.position = 0, .size = 1}));
    EXPECT_FALSE(is_free(lock_kind::exclusive, {.position = 1, .size = 1}));
}

std::atomic<int> signals_seen{0};

TEST_F(FileLock, WaitsThroughSignals) {
#ifdef __SANITIZE_THREAD__
    GTEST_SKIP() << "ThreadSanitizer holds signals back while a call waits";
#endif
    struct sigaction act {};
    act.sa_handler = [](int) { ++signals_seen; };  // without SA_RESTART
    struct sigaction before {};
    ASSERT_EQ(::sigaction(SIGUSR1, &act, &before), 0);
    auto held = file_lock::acquire(open(), lock_kind::exclusive);
    ASSERT_TRUE(held);
    std::atomic<bool> got{false};
    std::thread waiter([&] {
        auto taken = file_lock::acquire(open(), lock_kind::exclusive);
        EXPECT_TRUE(taken) << taken.error().message();
        got = true;
    });
    EXPECT_TRUE(wait_for_a_waiter());
    ::pthread_kill(waiter.native_handle(), SIGUSR1);
    while (signals_seen == 0)
        std::this_thread::yield();
    EXPECT_TRUE(wait_for_a_waiter());
    EXPECT_FALSE(got);
    held->release();
    waiter.join();
    EXPECT_TRUE(got);
    ::sigaction(SIGUSR1, &before, nullptr);
}

TEST_F(FileLock, ErrorsNameTheFile) {
    auto reader = *file::open(written_.path());
    auto refused = file_lock::acquire(reader, lock_kind::exclusive);
    ASSERT_FALSE(refused);
    EXPECT_TRUE(refused.error().is(EBADF));
    EXPECT_EQ(refused.error().object(), written_.path());
    constexpr auto beyond = std::uint64_t{1} << 63;
    EXPECT_TRUE(file_lock::try_acquire(reader, lock_kind::shared, {.position = 1, .size = beyond})
                    .error()
                    .is(EOVERFLOW));
    support::fault_script faults;
    faults.fail(sys::call::lock, ENOLCK);
    EXPECT_TRUE(file_lock::acquire(reader, lock_kind::shared).error().is(ENOLCK));
    EXPECT_TRUE(file_lock::try_acquire(reader, lock_kind::shared).error().is(ENOLCK));
}

}  // namespace
}  // namespace sluice
