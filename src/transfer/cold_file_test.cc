// Files that are not in the page cache: step() says so instead of waiting for the disk.
#include <chrono>
#include <memory>
#include <thread>

#include <gtest/gtest.h>

#include <sluice/transfer.h>

#include "support/delivery.h"
#include "support/fault_script.h"
#include "support/pattern.h"
#include "support/stream_pair.h"
#include "support/temporary_file.h"

namespace sluice {
namespace {

using support::deliver;
using support::difference;
using support::fault_script;
using support::pair_kind;
using support::pattern;
using support::stream_pair;

constexpr std::size_t mib = 1024 * 1024;

class ColdFile : public testing::Test {
  protected:
    void SetUp() override {
        auto made = stream_pair::make(pair_kind::unix_socket);
        ASSERT_TRUE(made);
        pair_ = std::make_unique<stream_pair>(*std::move(made));
        out_ = std::make_unique<transfer>(*sink::of(pair_->sending_end()));
    }

    // Takes the file's pages from the page cache; skips where they stay.
    void evict() {
        if (!written_.evict()) GTEST_SKIP() << "the pages of " << written_.path() << " stay cached";
    }

    std::string content_ = pattern(3 * mib);
    support::temporary_file written_{content_};
    std::unique_ptr<stream_pair> pair_;
    std::unique_ptr<transfer> out_;
};

TEST_F(ColdFile, IsReportedInsteadOfWaitedFor) {
    evict();
    if (IsSkipped()) return;
    out_->pieces().append(written_.open().region(0, content_.size()));
    auto first = out_->step();
    ASSERT_TRUE(first);
    EXPECT_EQ(first->state, progress_state::cold);
    EXPECT_EQ(first->bytes, 0u);
    EXPECT_EQ(out_->costs().cold_chunks, 1u);
    EXPECT_EQ(out_->costs().total().calls, 0u);
    auto region = out_->cold_region();
    ASSERT_TRUE(region);
    EXPECT_EQ(region->position(), 0u);
    EXPECT_EQ(region->size(), profile().chunk_size);
}

TEST_F(ColdFile, GoesOnOnceItIsWarm) {
    evict();
    if (IsSkipped()) return;
    auto before = costs_of_process().cold_chunks;
    out_->pieces().append(written_.open().region(0, content_.size()));
    auto made = deliver(*out_, *pair_);
    ASSERT_TRUE(made.done()) << made.text();
    EXPECT_EQ(difference(made.received, content_), "");
    EXPECT_GE(made.colds, 1u);
    EXPECT_LE(made.colds, 3u);
    EXPECT_EQ(out_->costs().cold_chunks, made.colds);
    EXPECT_EQ(costs_of_process().cold_chunks - before, made.colds);
    EXPECT_EQ(out_->costs().total().copied_user_kernel, 0u);
    EXPECT_EQ(out_->cold_region(), std::nullopt);
}

TEST_F(ColdFile, SmallFileBehindAHeadIsReportedToo) {
    evict();
    if (IsSkipped()) return;
    out_->pieces().append(buffer_slice::of_static("head"));
    out_->pieces().append(written_.open().region(mib, 100));
    auto first = out_->step();
    ASSERT_TRUE(first);
    ASSERT_EQ(first->state, progress_state::cold);
    EXPECT_EQ(out_->cold_region()->position(), mib);
    EXPECT_EQ(out_->cold_region()->size(), 100u);
    auto made = deliver(*out_, *pair_);
    ASSERT_TRUE(made.done()) << made.text();
    EXPECT_EQ(made.received, "head" + content_.substr(mib, 100));
}

// The head waits for its body: they leave together, and an error of the disk can still be told.
TEST_F(ColdFile, LargeFileBehindAHeadIsReportedBeforeTheHeadLeaves) {
    evict();
    if (IsSkipped()) return;
    out_->pieces().append(buffer_slice::of_static("head"));
    out_->pieces().append(buffer_slice::of_static("more head"));
    out_->pieces().append(written_.open().region(0, mib));
    auto first = out_->step();
    ASSERT_TRUE(first);
    EXPECT_EQ(first->state, progress_state::cold);
    EXPECT_EQ(first->bytes, 0u);
    EXPECT_EQ(pair_->take_arrived(), "");
    auto made = deliver(*out_, *pair_);
    ASSERT_TRUE(made.done()) << made.text();
    EXPECT_EQ(difference(made.received, "headmore head" + content_.substr(0, mib)), "");
}

TEST_F(ColdFile, StaysColdUntilItWasWarmedAndCountsOnce) {
    evict();
    if (IsSkipped()) return;
    out_->pieces().append(written_.open().region(0, mib));
    for (int steps = 0; steps < 3; ++steps) {
        auto moved = out_->step();
        ASSERT_TRUE(moved);
        EXPECT_EQ(moved->state, progress_state::cold);
    }
    EXPECT_EQ(out_->costs().cold_chunks, 1u);
    EXPECT_EQ(out_->costs().total().calls, 0u);
}

TEST_F(ColdFile, EvictedAgainAfterItWasWarmedIsSentAllTheSame) {
    evict();
    if (IsSkipped()) return;
    out_->pieces().append(written_.open().region(0, mib));
    auto state = progress_state::more;
    unsigned steps = 0;
    std::string received;
    while (state != progress_state::done) {
        ASSERT_LT(++steps, 1000u) << "it warms for ever";
        auto moved = out_->step();
        ASSERT_TRUE(moved);
        state = moved->state;
        received += pair_->take(moved->bytes);
        if (state == progress_state::cold) out_->warmed();
        ASSERT_TRUE(written_.evict());
    }
    EXPECT_EQ(difference(received, content_.substr(0, mib)), "");
    EXPECT_EQ(out_->costs().cold_chunks, 1u);
}

TEST_F(ColdFile, IsNotAskedAboutWhenAssumedResidentForThisMessageOnly) {
    evict();
    if (IsSkipped()) return;
    fault_script faults;
    out_->assume_resident(true);
    out_->pieces().append(written_.open().region(0, content_.size()));
    auto made = deliver(*out_, *pair_);
    ASSERT_TRUE(made.done()) << made.text();
    EXPECT_EQ(made.colds, 0u);
    EXPECT_EQ(faults.count(sys::call::cachestat), 0u);
    EXPECT_EQ(difference(made.received, content_), "");
    evict();
    if (IsSkipped()) return;
    out_->pieces().append(written_.open().region(0, content_.size()));
    EXPECT_EQ(out_->step()->state, progress_state::cold);
}

// Being told that one chunk is warm says nothing about the next message.
TEST_F(ColdFile, AbandonForgetsWhatWasWarmed) {
    evict();
    if (IsSkipped()) return;
    out_->pieces().append(written_.open().region(0, mib));
    ASSERT_EQ(out_->step()->state, progress_state::cold);
    out_->warmed();
    out_->abandon();
    out_->pieces().append(written_.open().region(mib, mib));
    ASSERT_EQ(out_->step()->state, progress_state::cold);
    EXPECT_EQ(out_->costs().cold_chunks, 2u);
}

TEST_F(ColdFile, IsNotAskedAboutWhenToldSo) {
    evict();
    if (IsSkipped()) return;
    fault_script faults;
    transfer_options options;
    options.check_residency = false;
    transfer unasked(*sink::of(pair_->sending_end()), options);
    unasked.pieces().append(written_.open().region(0, content_.size()));
    auto made = deliver(unasked, *pair_);
    ASSERT_TRUE(made.done()) << made.text();
    EXPECT_EQ(made.colds, 0u);
    EXPECT_EQ(faults.count(sys::call::cachestat), 0u);
    EXPECT_EQ(difference(made.received, content_), "");
}

TEST_F(ColdFile, ProbesDecideWhereCachestatIsForbidden) {
    evict();
    if (IsSkipped()) return;
    fault_script faults;
    faults.fail(sys::call::cachestat, EPERM);
    out_->pieces().append(written_.open().region(0, content_.size()));
    auto made = deliver(*out_, *pair_);
    ASSERT_TRUE(made.done()) << made.text();
    EXPECT_GE(made.colds, 1u);
    EXPECT_EQ(difference(made.received, content_), "");
}

TEST_F(ColdFile, UnknownIsTakenForHot) {
    evict();
    if (IsSkipped()) return;
    fault_script faults;
    faults.fail(sys::call::cachestat, EPERM);
    faults.fail(sys::call::pread, EOPNOTSUPP);
    out_->pieces().append(written_.open().region(0, content_.size()));
    auto made = deliver(*out_, *pair_);
    ASSERT_TRUE(made.done()) << made.text();
    EXPECT_EQ(made.colds, 0u);
    EXPECT_EQ(difference(made.received, content_), "");
}

TEST_F(ColdFile, EachChunkIsAskedAboutOnce) {
    fault_script faults;
    out_->pieces().append(written_.open().region(0, content_.size()));
    auto made = deliver(*out_, *pair_, 10'000);
    ASSERT_TRUE(made.done()) << made.text();
    EXPECT_GT(made.would_blocks, 10u);
    EXPECT_EQ(faults.count(sys::call::cachestat), 3u);
}

// The descriptor's number may be another file's by the time of the next message.
TEST_F(ColdFile, WhatWasCheckedEndsWithTheMessage) {
    out_->pieces().append(written_.open().region(0, 100'000));
    ASSERT_TRUE(deliver(*out_, *pair_).done());
    evict();
    if (IsSkipped()) return;
    out_->pieces().append(written_.open().region(0, 100'000));
    auto moved = out_->step();
    ASSERT_TRUE(moved);
    EXPECT_EQ(moved->state, progress_state::cold);
}

TEST_F(ColdFile, StallsAreCounted) {
    fault_script faults;
    faults.before(sys::call::sendfile,
                  [] { std::this_thread::sleep_for(std::chrono::milliseconds(2)); });
    auto before = costs_of_process();
    out_->pieces().append(written_.open().region(0, 50'000));
    auto made = deliver(*out_, *pair_);
    ASSERT_TRUE(made.done()) << made.text();
    auto calls = out_->costs().of(mechanism::sendfile).calls;
    EXPECT_EQ(out_->costs().stalls, calls);
    EXPECT_GE(out_->costs().stalled_ns, calls * 2'000'000);
    auto after = costs_of_process();
    EXPECT_EQ(after.stalls - before.stalls, calls);
    EXPECT_EQ(after.stalled_ns - before.stalled_ns, out_->costs().stalled_ns);
}

}  // namespace
}  // namespace sluice
