// System calls that fail under a transfer.
#include <cerrno>
#include <csignal>
#include <cstring>
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
constexpr std::size_t at(mechanism which) {
    return static_cast<std::size_t>(which);
}

class Faults : public testing::Test {
  protected:
    void SetUp() override {
        std::signal(SIGPIPE, SIG_IGN);
        auto made = stream_pair::make(pair_kind::unix_socket);
        ASSERT_TRUE(made);
        pair_ = std::make_unique<stream_pair>(*std::move(made));
        start({});
    }

    // A new transfer; residency is not looked at, so that preads are those of the mechanisms.
    void start(std::optional<mechanism> forced) {
        out_ = std::make_unique<transfer>(
            *sink::of(pair_->sending_end()),
            transfer_options{.sizes = {}, .forced = forced, .check_residency = false});
    }

    void append_all() { out_->pieces().append(written_.open().region(0, content_.size())); }

    void expect_exact() {
        append_all();
        auto made = deliver(*out_, *pair_);
        ASSERT_TRUE(made.done()) << made.text();
        EXPECT_EQ(difference(made.received, content_), "");
    }

    // The call's failure is an error that says what failed on which object.
    void expect_error(int reason, std::string_view operation, const std::string& object) {
        append_all();
        auto made = deliver(*out_, *pair_);
        ASSERT_TRUE(made.failed) << made.text();
        EXPECT_TRUE(made.failed->is(reason)) << made.text();
        EXPECT_EQ(made.failed->operation(), operation);
        EXPECT_EQ(made.failed->object(), object);
        EXPECT_EQ(out_->costs().fallback_count, 0u);
        EXPECT_EQ(difference(made.received, content_.substr(0, made.received.size())), "");
    }

    std::string content_ = pattern(2 * mib + 17);
    support::temporary_file written_{content_};
    std::unique_ptr<stream_pair> pair_;
    std::unique_ptr<transfer> out_;
    fault_script faults_;
};

class Unsupported : public Faults, public testing::WithParamInterface<int> {};

TEST_P(Unsupported, SendfileFallsBackOnce) {
    auto before = costs_of_process();
    faults_.fail(sys::call::sendfile, GetParam());
    expect_exact();
    auto taken = out_->costs().fallbacks();
    ASSERT_EQ(taken.size(), 1u);
    EXPECT_EQ(taken[0].from, mechanism::sendfile);
    EXPECT_EQ(taken[0].to, mechanism::splice);
    EXPECT_EQ(taken[0].reason, GetParam());
    EXPECT_EQ(faults_.count(sys::call::sendfile), 1u);
    EXPECT_EQ(out_->costs().of(mechanism::splice).bytes, content_.size());
    auto after = costs_of_process();
    auto count = [](const process_costs& costs) {
        return costs.fallbacks[at(mechanism::sendfile)][at(mechanism::splice)];
    };
    EXPECT_EQ(count(after) - count(before), 1u);
    EXPECT_EQ(after.last_reason[at(mechanism::sendfile)], GetParam());
}

TEST_P(Unsupported, GivenUpStaysGivenUpForTheNextMessage) {
    faults_.fail(sys::call::sendfile, GetParam(), 1);
    expect_exact();
    expect_exact();
    EXPECT_EQ(faults_.count(sys::call::sendfile), 1u);
    EXPECT_EQ(out_->costs().fallback_count, 1u);
}

TEST_P(Unsupported, SendfileThenSpliceThenMapping) {
    faults_.fail(sys::call::sendfile, GetParam());
    faults_.fail(sys::call::splice, GetParam());
    expect_exact();
    ASSERT_EQ(out_->costs().fallbacks().size(), 2u);
    EXPECT_EQ(out_->costs().fallbacks()[1].from, mechanism::splice);
    EXPECT_EQ(out_->costs().fallbacks()[1].to, mechanism::mapped_write);
    EXPECT_EQ(out_->costs().foremost(), mechanism::mapped_write);
}

TEST_P(Unsupported, NothingLeftButCopying) {
    faults_.fail(sys::call::sendfile, GetParam());
    faults_.fail(sys::call::splice, GetParam());
    faults_.fail(sys::call::mmap, GetParam());
    expect_exact();
    ASSERT_EQ(out_->costs().fallbacks().size(), 3u);
    EXPECT_EQ(out_->costs().fallbacks()[2].to, mechanism::read_write);
    EXPECT_EQ(out_->costs().foremost(), mechanism::read_write);
    EXPECT_EQ(out_->last_plan().reason, plan_reason::only_way_left);
}

TEST_P(Unsupported, SinkRefusesWhatIsInThePipe) {
    start(mechanism::splice);
    faults_.fail(sys::call::splice, GetParam(), 1, 1);  // file to pipe works, pipe to sink does not
    expect_exact();
    ASSERT_EQ(out_->costs().fallbacks().size(), 1u);
    EXPECT_EQ(out_->costs().fallbacks()[0].from, mechanism::splice);
    EXPECT_EQ(out_->costs().fallbacks()[0].reason, GetParam());
}

TEST_P(Unsupported, SinkRefusesAfterAPartOfThePipe) {
    start(mechanism::splice);
    faults_.cut(sys::call::splice, 50'000);
    faults_.fail(sys::call::splice, GetParam(), 1, 3);
    expect_exact();
    EXPECT_GT(out_->costs().of(mechanism::splice).bytes, 0u);
    EXPECT_GT(out_->costs().of(mechanism::sendfile).bytes, 0u);
    EXPECT_EQ(out_->costs().total().bytes, content_.size());
}

INSTANTIATE_TEST_SUITE_P(Errno, Unsupported, testing::Values(EINVAL, ENOSYS, EOPNOTSUPP, EPERM),
                         [](const auto& each) {
                             return std::string(::strerrorname_np(each.param));
                         });

TEST_F(Faults, NoPipeToBeHadFallsBack) {
    std::thread([this] {  // with a pool of its own, which is empty
        start(mechanism::splice);
        faults_.fail(sys::call::pipe, EMFILE);
        expect_exact();
        ASSERT_EQ(out_->costs().fallbacks().size(), 1u);
        EXPECT_EQ(out_->costs().fallbacks()[0].from, mechanism::splice);
        EXPECT_EQ(out_->costs().fallbacks()[0].to, mechanism::sendfile);
        EXPECT_EQ(out_->costs().fallbacks()[0].reason, EMFILE);
    })
        .join();
}

TEST_F(Faults, FileThatCannotBeMappedFallsBack) {
    start(mechanism::mapped_write);
    faults_.fail(sys::call::mmap, ENODEV);
    expect_exact();
    ASSERT_EQ(out_->costs().fallbacks().size(), 1u);
    EXPECT_EQ(out_->costs().fallbacks()[0].reason, ENODEV);
    EXPECT_EQ(faults_.count(sys::call::mmap), 1u);
}

TEST_F(Faults, ErrorsOfTheDiskNameTheFile) {
    faults_.fail(sys::call::sendfile, EIO);
    expect_error(EIO, "sendfile", written_.path());
}

TEST_F(Faults, ErrorsOfTheDiskNameTheFileForSplice) {
    start(mechanism::splice);
    faults_.fail(sys::call::splice, EIO);
    expect_error(EIO, "splice", written_.path());
}

TEST_F(Faults, ErrorsOfTheDiskNameTheFileForReading) {
    start(mechanism::read_write);
    faults_.fail(sys::call::pread, EIO, 1, 2);
    expect_error(EIO, "pread", written_.path());
}

TEST_F(Faults, ErrorsOfMappingNameTheFile) {
    start(mechanism::mapped_write);
    faults_.fail(sys::call::mmap, EACCES);
    expect_error(EACCES, "mmap", written_.path());
}

TEST_F(Faults, ErrorsOfTheSinkAreErrors) {
    start(mechanism::read_write);
    faults_.fail(sys::call::sendmsg, ECONNRESET);
    append_all();
    auto moved = out_->step();
    ASSERT_FALSE(moved);
    EXPECT_TRUE(moved.error().is(ECONNRESET));
    EXPECT_EQ(out_->pieces().size(), content_.size());
}

TEST_F(Faults, EfaultFromAMappingOfAWholeFileIsAnIoError) {
    start(mechanism::mapped_write);
    faults_.fail(sys::call::sendmsg, EFAULT);
    append_all();
    auto moved = out_->step();
    ASSERT_FALSE(moved);
    EXPECT_TRUE(moved.error().is(EIO));
    EXPECT_EQ(moved.error().object(), written_.path());
    EXPECT_EQ(out_->pieces().size(), content_.size());
}

TEST_F(Faults, EfaultFromAMappingIsAShrunkFile) {
    start(mechanism::mapped_write);
    faults_.fail(sys::call::sendmsg, EFAULT);
    faults_.before(sys::call::sendmsg, [&] { written_.resize(0); });
    append_all();
    auto moved = out_->step();
    ASSERT_TRUE(moved);
    EXPECT_EQ(moved->state, progress_state::source_truncated);
    EXPECT_EQ(out_->truncated_file(), written_.path());
}

TEST_F(Faults, EfaultFromMemoryIsAnError) {
    faults_.fail(sys::call::sendmsg, EFAULT);
    out_->pieces().append(buffer_slice::of_static("head"));
    auto moved = out_->step();
    ASSERT_FALSE(moved);
    EXPECT_TRUE(moved.error().is(EFAULT));
}

TEST_F(Faults, FullSinkIsAnOutcome) {
    faults_.fail(sys::call::sendfile, EAGAIN, 1);
    append_all();
    auto moved = out_->step();
    ASSERT_TRUE(moved);
    EXPECT_EQ(moved->state, progress_state::would_block);
    EXPECT_EQ(moved->bytes, 0u);
    EXPECT_EQ(out_->costs().of(mechanism::sendfile).would_blocks, 1u);
    auto made = deliver(*out_, *pair_);
    ASSERT_TRUE(made.done()) << made.text();
    EXPECT_EQ(difference(made.received, content_), "");
}

TEST_F(Faults, FullSinkLeavesBytesInThePipe) {
    start(mechanism::splice);
    faults_.fail(sys::call::splice, EAGAIN, 1, 1);
    append_all();
    auto moved = out_->step();
    ASSERT_TRUE(moved);
    EXPECT_EQ(moved->state, progress_state::would_block);
    EXPECT_EQ(out_->pieces().size(), content_.size());
    auto fills = faults_.count(sys::call::splice);
    ASSERT_TRUE(out_->step(1));
    EXPECT_EQ(out_->last_plan().way, mechanism::splice);
    EXPECT_EQ(out_->last_plan().reason, plan_reason::staged);
    EXPECT_EQ(faults_.count(sys::call::splice), fills + 1) << "the pipe was filled again";
    auto rest = deliver(*out_, *pair_);
    ASSERT_TRUE(rest.done()) << rest.text();
    EXPECT_EQ(difference(rest.received + pair_->take_rest(), content_), "");
}

// Not a short file: nothing is known about its end.
TEST_F(Faults, FileThatWouldBlockIsNotTruncated) {
    start(mechanism::splice);
    faults_.fail(sys::call::splice, EAGAIN, 1);
    expect_exact();
    start(mechanism::read_write);
    faults_.fail(sys::call::pread, EAGAIN, 1);
    expect_error(EAGAIN, "pread", written_.path());
}

TEST_F(Faults, AbandonedBytesDoNotReachTheNextMessage) {
    start(mechanism::splice);
    append_all();
    auto first = out_->step();
    ASSERT_TRUE(first);
    ASSERT_EQ(first->state, progress_state::would_block);
    out_->abandon();
    EXPECT_TRUE(out_->pieces().empty());
    EXPECT_EQ(pair_->take(first->bytes).size(), first->bytes);
    written_.write_at(0, pattern(1000, 9));
    out_->pieces().append(written_.open().region(0, 1000));
    auto made = deliver(*out_, *pair_);
    ASSERT_TRUE(made.done()) << made.text();
    EXPECT_EQ(difference(made.received, pattern(1000, 9)), "");
}

// A transfer that goes away with bytes in its pipe must not give that pipe to the next one.
TEST_F(Faults, DroppedTransferKeepsItsPipeFromThePool) {
    start(mechanism::splice);
    append_all();
    auto first = out_->step();
    ASSERT_TRUE(first);
    ASSERT_EQ(first->state, progress_state::would_block);
    EXPECT_EQ(pair_->take(first->bytes).size(), first->bytes);
    start(mechanism::splice);
    written_.write_at(0, pattern(1000, 9));
    out_->pieces().append(written_.open().region(0, 1000));
    auto made = deliver(*out_, *pair_);
    ASSERT_TRUE(made.done()) << made.text();
    EXPECT_EQ(difference(made.received, pattern(1000, 9)), "");
}

}  // namespace
}  // namespace sluice
