// Files that change while they are being sent.
#include <csignal>
#include <memory>

#include <gtest/gtest.h>

#include <sluice/in_flight.h>
#include <sluice/mapped_region.h>
#include <sluice/transfer.h>

#include "support/delivery.h"
#include "support/fault_script.h"
#include "support/pattern.h"
#include "support/stream_pair.h"
#include "support/temporary_file.h"
#include "sys/descriptors.h"

namespace sluice {
namespace {

using support::deliver;
using support::difference;
using support::pair_kind;
using support::pattern;
using support::stream_pair;
using support::temporary_file;

constexpr std::size_t mib = 1024 * 1024;

class ChangingFile : public testing::TestWithParam<mechanism> {
  protected:
    void SetUp() override {
        std::signal(SIGPIPE, SIG_IGN);
        auto made = stream_pair::make(pair_kind::unix_socket);
        ASSERT_TRUE(made);
        pair_ = std::make_unique<stream_pair>(*std::move(made));
        out_ = std::make_unique<transfer>(
            *sink::of(pair_->sending_end()),
            transfer_options{.sizes = {}, .forced = GetParam(), .check_residency = true});
    }

    // Sends `promised` bytes of a file that holds fewer.
    void expect_truncated(const temporary_file& written, std::size_t promised,
                          const std::string& wanted) {
        out_->pieces().append(written.open().region(0, promised));
        auto made = deliver(*out_, *pair_);
        ASSERT_TRUE(made.truncated()) << made.text();
        EXPECT_EQ(out_->truncated_file(), written.path());
        EXPECT_EQ(difference(made.received + pair_->take_rest(), wanted), "");
        EXPECT_EQ(out_->pieces().size(), promised - wanted.size());
    }

    std::unique_ptr<stream_pair> pair_;
    std::unique_ptr<transfer> out_;
};

TEST_P(ChangingFile, ShorterThanPromisedByPages) {
    auto content = pattern(8192);
    temporary_file written(content);
    expect_truncated(written, 100'000, content);
}

TEST_P(ChangingFile, ShorterThanPromisedWithinAPage) {
    auto content = pattern(5000);
    temporary_file written(content);
    expect_truncated(written, 8192, content);
}

TEST_P(ChangingFile, EmptyNow) {
    temporary_file written;
    expect_truncated(written, 4096, "");
}

TEST_P(ChangingFile, ShrinksOnTheWay) {
    constexpr std::size_t left = 1'000'001;
    auto content = pattern(8 * mib);
    temporary_file written(content);
    out_->pieces().append(written.open().region(0, content.size()));
    auto first = out_->step();
    ASSERT_TRUE(first);
    ASSERT_EQ(first->state, progress_state::would_block);
    ASSERT_LT(first->bytes, left);
    written.resize(left);
    auto made = deliver(*out_, *pair_);
    ASSERT_TRUE(made.truncated()) << made.text();
    EXPECT_EQ(out_->truncated_file(), written.path());
    made.received += pair_->take_rest();
    // Pages that were already on their way (in the pipe of splice) still come, whatever they hold.
    ASSERT_GE(made.received.size(), left);
    EXPECT_EQ(difference(made.received.substr(0, left), content.substr(0, left)), "");
    EXPECT_LE(made.received.size(), GetParam() == mechanism::splice ? 3 * mib : left);
    // What follows such a message may only be the sink's end.
    out_->abandon();
    EXPECT_TRUE(out_->pieces().empty());
}

TEST_P(ChangingFile, HeadIsSentBeforeTheFileIsMissed) {
    temporary_file written;
    out_->pieces().append(buffer_slice::of_static("head"));
    out_->pieces().append(written.open().region(0, 10));
    auto made = deliver(*out_, *pair_);
    EXPECT_TRUE(made.truncated()) << made.text();
    EXPECT_EQ(made.received, "head");
}

TEST_P(ChangingFile, GrowsOnTheWayAndSendsWhatWasPromised) {
    auto content = pattern(2 * mib);
    temporary_file written(content);
    out_->pieces().append(written.open().region(0, content.size()));
    ASSERT_TRUE(out_->step());
    written.write_at(content.size(), pattern(mib, 2));
    auto made = deliver(*out_, *pair_);
    ASSERT_TRUE(made.done()) << made.text();
    EXPECT_EQ(difference(made.received + pair_->take_rest(), content), "");
}

TEST_P(ChangingFile, DeletedAfterItWasOpened) {
    auto content = pattern(100'000);
    temporary_file written(content);
    out_->pieces().append(written.open().region(0, content.size()));
    written.remove();
    auto made = deliver(*out_, *pair_);
    ASSERT_TRUE(made.done()) << made.text();
    EXPECT_EQ(difference(made.received, content), "");
}

TEST_P(ChangingFile, TailOfALargeSparseFile) {
    constexpr std::uint64_t size = 5ULL * 1024 * mib;
    temporary_file written;
    written.resize(size);
    written.write_at(size - 5, "tail!");
    out_->pieces().append(written.open().region(size - 100'000, 100'000));
    auto made = deliver(*out_, *pair_);
    ASSERT_TRUE(made.done()) << made.text();
    EXPECT_EQ(difference(made.received, std::string(99'995, '\0') + "tail!"), "");
}

INSTANTIATE_TEST_SUITE_P(Every, ChangingFile,
                         testing::Values(mechanism::read_write, mechanism::mapped_write,
                                         mechanism::sendfile, mechanism::splice),
                         [](const auto& each) { return std::string(name_of(each.param)); });

// Slices of a mapping are memory, so no mechanism looks at their file. What the mapping has lost is
// an error all the same, and never goes out as zeros.
TEST(ChangingMapping, LostBytesAreNotSentAsZeros) {
    constexpr std::size_t page = 4096;
    auto content = pattern(4 * page);
    temporary_file written(content);
    auto slice = *map_for_reading(written.open().region(0, content.size()));
    auto pair = stream_pair::make(pair_kind::unix_socket);
    ASSERT_TRUE(pair);
    transfer out(*sink::of(pair->sending_end()), {});
    written.resize(2 * page);
    EXPECT_EQ(slice.text().back(), '\0');  // somebody has read there, and met zeros

    out.pieces().append(slice.slice(0, 2 * page));
    auto front = out.step();
    ASSERT_TRUE(front) << front.error().message();
    EXPECT_EQ(difference(pair->take(2 * page), content.substr(0, 2 * page)), "");

    out.pieces().append(slice.slice(2 * page, 2 * page));
    auto lost = out.step();
    ASSERT_FALSE(lost);
    EXPECT_TRUE(lost.error().is(ENODATA)) << lost.error().message();
    EXPECT_EQ(pair->take_rest(), "");
}

TEST(ChangingMapping, LostBytesAreNotSentWithoutACopyEither) {
    constexpr std::size_t page = 4096;
    auto content = pattern(8 * page);
    for (std::uint64_t copied_below : {std::uint64_t{1}, std::uint64_t{1} << 30}) {
        temporary_file written(content);
        auto slice = *map_for_reading(written.open().region(0, content.size()));
        auto pair = stream_pair::make(pair_kind::tcp);
        ASSERT_TRUE(pair);
        auto out = zerocopy_sender::make(*sys::duplicate(pair->sending_end()),
                                         {.copied_below = copied_below});
        ASSERT_TRUE(out) << out.error().message();
        support::fault_script faults;
        chain pieces;
        pieces.append(slice);
        written.resize(0);
        // Met by another thread, as it were, while the call is made.
        faults.before(sys::call::sendmsg, [&] { EXPECT_EQ(slice.text().back(), '\0'); });
        auto met_meanwhile = out->send(pieces);
        ASSERT_FALSE(met_meanwhile);
        EXPECT_TRUE(met_meanwhile.error().is(ENODATA));
        faults.clear();
        pieces.clear();
        pieces.append(slice);
        auto lost = out->send(pieces);
        ASSERT_FALSE(lost);
        EXPECT_TRUE(lost.error().is(ENODATA));
        EXPECT_EQ(faults.count(sys::call::sendmsg), 0u);
        EXPECT_EQ(pieces.size(), content.size());
    }
}

}  // namespace
}  // namespace sluice
