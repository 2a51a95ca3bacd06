#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <sluice/buffer.h>
#include <sluice/buffer_pool.h>
#include <sluice/buffer_slice.h>
#include <sluice/leak_ledger.h>

namespace sluice {

// Exported and not inlined, so that the report can name them.
[[gnu::noinline, gnu::visibility("default")]] buffer_slice leak_on_purpose(buffer_pool& pool) {
    auto made = pool.allocate(5000);
    EXPECT_TRUE(made);
    made->append("never given back");
    return std::move(*made).freeze();
}

[[gnu::noinline, gnu::visibility("default")]] void use_in_passing(const buffer_slice& bytes) {
    bytes.touch("queued for sending");
    EXPECT_EQ(bytes.size(), 16u);  // keeps the call above from being the last one
}

namespace {

class leak_ledger_of : public testing::Test {
  protected:
    void TearDown() override {
        leak_ledger::record_nothing();
        leak_ledger::forget_all();
    }
};
using LeakLedger = leak_ledger_of;

TEST_F(LeakLedger, RecordsNothingWhenOff) {
    EXPECT_EQ(leak_ledger::mode(), leak_mode::off);
    buffer heap(100);
    buffer_pool pool;
    auto block = pool.allocate(100);
    auto slice = buffer_slice::copy_of(as_bytes("abc"));
    slice.touch("nobody listens");
    EXPECT_EQ(leak_ledger::live_count(), 0u);
    EXPECT_EQ(leak_ledger::report(), "0 storages, 0 bytes\n");
}

TEST_F(LeakLedger, NamesWhoAllocatedWhatIsHeldAndWhoTouchedItLast) {
    buffer_pool pool;
    leak_ledger::record_all();
    EXPECT_EQ(leak_ledger::mode(), leak_mode::exact);
    auto leaked = leak_on_purpose(pool);
    auto part = leaked.slice(0, 16);
    std::thread([&] { use_in_passing(part); }).join();
    auto live = leak_ledger::live();
    ASSERT_EQ(live.size(), 1u);
    EXPECT_EQ(live[0].kind, storage_kind::pool);
    EXPECT_EQ(live[0].size, 8192u);
    ASSERT_TRUE(live[0].last_touch);
    EXPECT_EQ(live[0].last_touch->where, "queued for sending");
    EXPECT_NE(live[0].last_touch->thread_id, live[0].thread_id);
    EXPECT_GE(live[0].age, live[0].last_touch->age);
    auto report = leak_ledger::report();
    EXPECT_TRUE(report.starts_with("1 storage, 8192 bytes\n8192 bytes of pool, ")) << report;
    EXPECT_NE(report.find("leak_on_purpose"), std::string::npos) << report;
    EXPECT_NE(report.find("use_in_passing"), std::string::npos) << report;
    EXPECT_NE(report.find("\"queued for sending\""), std::string::npos) << report;
    leaked = {};
    EXPECT_EQ(leak_ledger::live_count(), 1u);
    part = {};
    EXPECT_EQ(leak_ledger::live_count(), 0u);
}

TEST_F(LeakLedger, KnowsEveryKindOnce) {
    leak_ledger::record_all();
    buffer heap(100);
    auto copy = buffer_slice::copy_of(as_bytes("abc"));
    auto object = buffer_slice::of_object(as_bytes("object"), [] {});
    auto again = object;
    auto frozen = std::move(heap).freeze();
    auto live = leak_ledger::live();
    ASSERT_EQ(live.size(), 3u);
    EXPECT_EQ(live[0].kind, storage_kind::heap);
    EXPECT_EQ(live[0].size, 100u);
    EXPECT_EQ(live[1].kind, storage_kind::heap);
    EXPECT_EQ(live[2].kind, storage_kind::object);
    EXPECT_EQ(live[2].size, 6u);
    EXPECT_FALSE(live[2].last_touch);
    EXPECT_GE(live[0].age, live[1].age);
}

TEST_F(LeakLedger, MayBeSwitchedWhileStoragesLive) {
    auto before = buffer_slice::copy_of(as_bytes("before"));
    leak_ledger::record_all();
    auto during = buffer_slice::copy_of(as_bytes("during"));
    leak_ledger::record_nothing();
    auto after = buffer_slice::copy_of(as_bytes("after"));
    EXPECT_EQ(leak_ledger::live_count(), 1u);
    before = {};
    after = {};
    EXPECT_EQ(leak_ledger::live_count(), 1u);
    during = {};
    EXPECT_EQ(leak_ledger::live_count(), 0u);
}

TEST_F(LeakLedger, SamplesOneInSoMany) {
    leak_ledger::record_one_in(10);
    EXPECT_EQ(leak_ledger::mode(), leak_mode::sampled);
    std::vector<buffer_slice> held;
    for (int count = 0; count < 1000; ++count) {
        held.push_back(buffer_slice::copy_of(as_bytes("sampled")));
    }
    EXPECT_EQ(leak_ledger::live_count(), 100u);
    held.clear();
    EXPECT_EQ(leak_ledger::live_count(), 0u);
}

TEST_F(LeakLedger, PoolBlocksAreRecordedAnewEachTime) {
    buffer_pool pool;
    leak_ledger::record_all();
    for (int count = 0; count < 3; ++count) {
        auto block = pool.allocate(64);
        ASSERT_TRUE(block);
        EXPECT_EQ(leak_ledger::live_count(), 1u);
    }
    EXPECT_EQ(leak_ledger::live_count(), 0u);
    leak_ledger::record_nothing();
    auto block = pool.allocate(64);
    EXPECT_EQ(leak_ledger::live_count(), 0u);
}

// For ThreadSanitizer: recording, reporting and switching while others allocate.
TEST_F(LeakLedger, WorksBesideRunningThreads) {
    buffer_pool pool;
    {
        std::vector<std::jthread> threads;
        for (int number = 0; number < 3; ++number) {
            threads.emplace_back([&pool] {
                for (int count = 0; count < 300; ++count) {
                    auto made = pool.allocate(64);
                    if (!made) continue;
                    auto slice = std::move(*made).freeze();
                    slice.touch("here");
                }
            });
        }
        for (int count = 0; count < 20; ++count) {
            leak_ledger::record_all();
            static_cast<void>(leak_ledger::live());
            leak_ledger::record_nothing();
        }
    }
    EXPECT_EQ(leak_ledger::live_count(), 0u);
    EXPECT_EQ(leak_ledger::lost_count(), 0u);
}

}  // namespace
}  // namespace sluice
