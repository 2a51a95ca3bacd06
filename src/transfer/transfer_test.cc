#include <algorithm>
#include <cerrno>
#include <memory>

#include <fcntl.h>
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

class Transfer : public testing::Test {
  protected:
    void SetUp() override {
        auto made = stream_pair::make(pair_kind::tcp);
        ASSERT_TRUE(made);
        pair_ = std::make_unique<stream_pair>(*std::move(made));
        out_ = std::make_unique<transfer>(*sink::of(pair_->sending_end()));
    }

    // A new transfer into the same sink.
    void start(mechanism forced) {
        transfer_options options;
        options.forced = forced;
        out_ = std::make_unique<transfer>(*sink::of(pair_->sending_end()), options);
    }

    std::string content_ = pattern(300'000);
    support::temporary_file written_{content_};
    file opened_ = written_.open();
    std::unique_ptr<stream_pair> pair_;
    std::unique_ptr<transfer> out_;
};

TEST_F(Transfer, NothingToSendIsDone) {
    fault_script faults;
    auto moved = out_->step();
    ASSERT_TRUE(moved);
    EXPECT_EQ(moved->state, progress_state::done);
    EXPECT_EQ(moved->bytes, 0u);
    EXPECT_EQ(faults.count(sys::call::sendmsg), 0u);
    EXPECT_EQ(out_->cold_region(), std::nullopt);
}

TEST_F(Transfer, SmallFileGoesOutWithItsHeadInOneCall) {
    fault_script faults;
    out_->pieces().append(buffer_slice::of_static("head"));
    out_->pieces().append(opened_.region(10, 8192));
    auto made = deliver(*out_, *pair_);
    ASSERT_TRUE(made.done()) << made.text();
    EXPECT_EQ(difference(made.received, "head" + content_.substr(10, 8192)), "");
    EXPECT_EQ(faults.count(sys::call::sendmsg), 1u);
    EXPECT_EQ(faults.count(sys::call::sendfile), 0u);
    const auto& spent = out_->costs().of(mechanism::read_write);
    EXPECT_EQ(spent.calls, 2u);  // pread, sendmsg
    EXPECT_EQ(spent.bytes, 8196u);
    EXPECT_EQ(spent.copied_user_kernel, 2 * 8192u + 4);
    EXPECT_EQ(out_->last_plan().reason, plan_reason::small_file);
}

TEST_F(Transfer, HeadOfASmallFileThatIsEmptyNowIsSentFirst) {
    support::temporary_file empty;
    out_->pieces().append(buffer_slice::of_static("head"));
    out_->pieces().append(empty.open().region(0, 100));
    auto made = deliver(*out_, *pair_);
    EXPECT_TRUE(made.truncated()) << made.text();
    EXPECT_EQ(made.received, "head");
    EXPECT_EQ(out_->truncated_file(), empty.path());
    EXPECT_EQ(out_->costs().of(mechanism::read_write).bytes, 4u);
}

TEST_F(Transfer, LargeFileGoesOutWithoutACopy) {
    out_->pieces().append(buffer_slice::of_static("head"));
    out_->pieces().append(opened_.region(0, content_.size()));
    auto made = deliver(*out_, *pair_);
    ASSERT_TRUE(made.done()) << made.text();
    EXPECT_EQ(difference(made.received, "head" + content_), "");
    EXPECT_EQ(out_->costs().of(mechanism::sendfile).bytes, content_.size());
    EXPECT_EQ(out_->costs().total().copied_user_kernel, 4u);
    EXPECT_EQ(out_->costs().foremost(), mechanism::sendfile);
}

TEST_F(Transfer, StopsAtItsBudgetAndGoesOn) {
    out_->pieces().append(opened_.region(0, content_.size()));
    auto moved = out_->step(0);
    ASSERT_TRUE(moved);
    EXPECT_EQ(moved->state, progress_state::more);
    EXPECT_EQ(moved->bytes, 0u);
    moved = out_->step(100);
    ASSERT_TRUE(moved);
    EXPECT_EQ(moved->state, progress_state::more);
    EXPECT_EQ(moved->bytes, 100u);
    EXPECT_EQ(out_->pieces().size(), content_.size() - 100);
    auto received = pair_->take(100);
    auto made = deliver(*out_, *pair_);
    ASSERT_TRUE(made.done()) << made.text();
    EXPECT_EQ(difference(received + made.received, content_), "");
}

TEST_F(Transfer, CostsStartAgainWhenReset) {
    out_->pieces().append(buffer_slice::of_static("one"));
    ASSERT_TRUE(out_->step());
    EXPECT_EQ(out_->costs().total().bytes, 3u);
    out_->reset_costs();
    EXPECT_EQ(out_->costs().total().bytes, 0u);
    EXPECT_EQ(out_->costs().total().calls, 0u);
}

TEST_F(Transfer, ProcessKnowsTheSumOfAllTransfers) {
    auto bytes_of = [](const process_costs& costs) {
        std::uint64_t bytes = 0;
        for (const auto& each : costs.by_mechanism)
            bytes += each.bytes;
        return bytes;
    };
    auto before = bytes_of(costs_of_process());
    out_->pieces().append(buffer_slice::of_static("head"));
    out_->pieces().append(opened_.region(0, 50'000));
    ASSERT_TRUE(deliver(*out_, *pair_).done());
    EXPECT_EQ(bytes_of(costs_of_process()) - before, 50'004u);
}

TEST_F(Transfer, GoesOnAfterItWasMoved) {
    auto slow = stream_pair::make(pair_kind::pipe, stream_pair::room::tiny);
    ASSERT_TRUE(slow);
    transfer_options splicing;
    splicing.forced = mechanism::splice;
    transfer first(*sink::of(slow->sending_end()), splicing);
    first.pieces().append(opened_.region(0, content_.size()));
    auto moved = first.step();
    ASSERT_TRUE(moved);
    ASSERT_EQ(moved->state, progress_state::would_block);
    auto received = slow->take(moved->bytes);
    transfer second(std::move(first));
    auto made = deliver(second, *slow);
    ASSERT_TRUE(made.done()) << made.text();
    EXPECT_EQ(difference(received + made.received, content_), "");
    EXPECT_EQ(second.costs().total().bytes, content_.size());
}

// A mapping is kept from chunk to chunk, but never for another file that got the same descriptor.
TEST_F(Transfer, MappingIsNotTakenForAnotherFile) {
    start(mechanism::mapped_write);
    for (std::uint64_t seed : {21, 22, 23}) {
        auto content = pattern(20'000, seed);
        support::temporary_file written(content);
        out_->pieces().append(written.open().region(0, content.size()));
        auto made = deliver(*out_, *pair_);
        ASSERT_TRUE(made.done()) << made.text();
        EXPECT_EQ(difference(made.received, content), "");
    }
}

TEST_F(Transfer, MappingServesManyChunks) {
    fault_script faults;
    start(mechanism::mapped_write);
    faults.cut(sys::call::sendmsg, 10'000);
    out_->pieces().append(opened_.region(5, 200'000));
    ASSERT_TRUE(deliver(*out_, *pair_).done());
    EXPECT_EQ(faults.count(sys::call::mmap), 1u);
    EXPECT_GE(faults.count(sys::call::sendmsg), 20u);
}

TEST_F(Transfer, LetsGoOfTheFileWhenDone) {
    for (auto way :
         {mechanism::read_write, mechanism::mapped_write, mechanism::sendfile, mechanism::splice}) {
        SCOPED_TRACE(name_of(way));
        start(way);
        int fd = -1;
        {
            auto own = written_.open();
            fd = own.fd();
            out_->pieces().append(own.region(0, content_.size()));
        }
        EXPECT_GE(::fcntl(fd, F_GETFD), 0);
        ASSERT_TRUE(deliver(*out_, *pair_).done());
        EXPECT_LT(::fcntl(fd, F_GETFD), 0);
    }
}

// A sink that its caller opened for appending takes no pages (EINVAL): the fallback is real here.
TEST(TransferIntoFile, OpenedForAppending) {
    auto content = pattern(300'000);
    support::temporary_file written(content);
    support::temporary_file target("before");
    unique_fd appending(::open(target.path().c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
    ASSERT_TRUE(appending);
    transfer out(*sink::of(appending.get()));
    out.pieces().append(written.open().region(0, content.size()));
    auto moved = out.step();
    ASSERT_TRUE(moved) << moved.error().message();
    EXPECT_EQ(moved->state, progress_state::done);
    EXPECT_EQ(difference(target.content(), "before" + content), "");
    auto taken = out.costs().fallbacks();
    auto refused = std::ranges::find(taken, mechanism::sendfile, &fallback::from);
    ASSERT_NE(refused, taken.end());
    EXPECT_EQ(refused->reason, EINVAL);
}

TEST(TransferIntoDevice, TakesPages) {
    auto content = pattern(300'000);
    support::temporary_file written(content);
    unique_fd device(::open("/dev/null", O_WRONLY | O_CLOEXEC));
    transfer out(*sink::of(device.get()));
    out.pieces().append(written.open().region(0, content.size()));
    auto moved = out.step();
    ASSERT_TRUE(moved) << moved.error().message();
    EXPECT_EQ(moved->state, progress_state::done);
    EXPECT_EQ(out.costs().total().bytes, content.size());
    EXPECT_EQ(out.costs().of(mechanism::sendfile).bytes, content.size());
}

}  // namespace
}  // namespace sluice
