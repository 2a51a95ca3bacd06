#include <array>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <sluice/buffered_appender.h>

#include "support/fault_script.h"
#include "support/pattern.h"
#include "support/temporary_file.h"

namespace sluice {
namespace {

using support::difference;
using support::fault_script;
using support::pattern;

class BufferedAppender : public testing::Test {
  protected:
    [[nodiscard]] file target() const {
        return *file::open(written_.path(), {.access = file_access::read_write});
    }
    [[nodiscard]] buffered_appender small(std::optional<std::uint64_t> position = {}) const {
        auto made = buffered_appender::open(target(), {.buffer_size = 1, .position = position});
        EXPECT_TRUE(made) << made.error().message();
        return *std::move(made);  // two pages
    }

    support::temporary_file written_;
};

// Sizes on both sides of every border: the room, half the buffer, the buffer.
TEST_F(BufferedAppender, TakesEverySizeAndWritesTheSameBytes) {
    auto content = pattern(3'000'000);
    auto out = small();
    std::size_t at = 0;
    auto append = [&](std::size_t size) {
        ASSERT_TRUE(out.append(as_bytes(std::string_view(content).substr(at, size))));
        at += size;
        ASSERT_EQ(out.position(), at);
    };
    for (std::size_t round = 0; round < 20; ++round) {
        for (std::size_t size : {0, 1, 60, 4095, 4096, 4097, 8191, 8192, 8193, 20'000})
            append(size + round);
        for (std::size_t count = 0; count < 300; ++count)
            append(count % 61);
    }
    ASSERT_TRUE(out.close());
    EXPECT_EQ(difference(written_.content(), content.substr(0, at)), "");
}

TEST_F(BufferedAppender, ManySmallAppendsTakeFewCallsThatEndAtPageBorders) {
    written_.write_at(0, std::string(1000, 'o'));
    auto out = *buffered_appender::open(target(), {.buffer_size = 64 << 10});
    EXPECT_EQ(out.position(), 1000u);
    fault_script calls;
    std::string record(60, 'r');
    while (calls.count(sys::call::pwrite) == 0)
        ASSERT_TRUE(out.append(as_bytes(record)));
    EXPECT_EQ(target().size(), 64u << 10);  // 1000 bytes were there
    for (int count = 0; count < 10'000; ++count)
        ASSERT_TRUE(out.append(as_bytes(record)));
    EXPECT_EQ(calls.count(sys::call::pwrite), 1 + 600'000u / (64 << 10));
    EXPECT_EQ(*target().size() % 4096, 0u);
    ASSERT_TRUE(out.flush());
    EXPECT_EQ(target().size(), out.position());
}

TEST_F(BufferedAppender, LargeAppendsAreNotCopiedAndGoOutWithWhatIsBuffered) {
    auto content = pattern(100'000);
    auto out = small();
    ASSERT_TRUE(out.append(as_bytes("head")));
    auto copied = bytes_copied_by_thread();
    fault_script calls;
    ASSERT_TRUE(out.append(as_bytes(content)));
    EXPECT_EQ(bytes_copied_by_thread(), copied);
    EXPECT_EQ(calls.count(sys::call::pwrite), 1u);
    EXPECT_EQ(out.buffered(), 0u);
    EXPECT_EQ(difference(written_.content(), "head" + content), "");
}

TEST_F(BufferedAppender, ListsAreAppendedAsOne) {
    auto large = pattern(9000);
    std::vector<bytes_view> few{as_bytes("a"), as_bytes(""), as_bytes("bc")};
    std::vector<bytes_view> many(3000, as_bytes("x"));
    std::vector<bytes_view> mixed{as_bytes("d"), as_bytes(large), as_bytes("e")};
    auto out = small();
    std::string wanted;
    fault_script calls;
    for (int round = 0; round < 5; ++round) {
        for (const auto* parts : {&few, &many, &mixed}) {
            ASSERT_TRUE(out.append(*parts));
            for (auto part : *parts)
                wanted += as_text(part);
            ASSERT_EQ(out.position(), wanted.size());
        }
    }
    ASSERT_TRUE(out.flush());
    EXPECT_EQ(difference(written_.content(), wanted), "");
}

TEST_F(BufferedAppender, AFailedFlushKeepsWhatWasNotWritten) {
    auto out = small();
    ASSERT_TRUE(out.append(as_bytes("0123456789")));
    {
        fault_script faults;
        faults.cut(sys::call::pwrite, 4);
        faults.fail(sys::call::pwrite, ENOSPC, fault_script::always, 1);
        auto done = out.flush();
        ASSERT_FALSE(done);
        EXPECT_TRUE(done.error().is(ENOSPC));
        EXPECT_EQ(done.error().bytes_done(), 4u);
        EXPECT_EQ(out.buffered(), 6u);
        EXPECT_EQ(out.position(), 10u);
        auto closed = out.close();
        ASSERT_FALSE(closed);
        EXPECT_TRUE(out.target());
        EXPECT_FALSE(out.sync());
    }
    ASSERT_TRUE(out.append(as_bytes("ab")));
    ASSERT_TRUE(out.close());
    EXPECT_EQ(written_.content(), "0123456789ab");
}

// However far the kernel gets, an append that fails says how much of it was taken, and appending
// the others then gives the whole.
TEST_F(BufferedAppender, AFailedAppendTellsHowMuchOfItWasTaken) {
    auto content = pattern(30'000);
    for (std::size_t size : {1, 60, 3000, 4096, 9000, 20'000}) {
        for (std::size_t spared : {0, 1, 5}) {
            written_.resize(0);
            auto out = small();
            fault_script faults;
            faults.cut(sys::call::pwrite, 1500);
            faults.fail(sys::call::pwrite, ENOSPC, 1, static_cast<unsigned>(spared));
            unsigned failures = 0;
            std::size_t at = 0;
            while (at < content.size()) {
                auto part = as_bytes(std::string_view(content).substr(at, size));
                std::array<bytes_view, 2> parts{part.first(part.size() / 2),
                                                part.subspan(part.size() / 2)};
                auto done = failures % 2 == 0 ? out.append(part) : out.append(parts);
                at += done ? part.size() : done.error().bytes_done();
                failures += done ? 0 : 1;
                ASSERT_EQ(out.position(), at);
                if (!done) faults.fail(sys::call::pwrite, ENOSPC, failures < 4 ? 1 : 0, 3);
            }
            EXPECT_GT(failures, 0u);
            faults.clear();
            ASSERT_TRUE(out.close());
            EXPECT_EQ(difference(written_.content(), content), "") << size << " " << spared;
        }
    }
}

TEST_F(BufferedAppender, BeginsWhereItIsTold) {
    written_.write_at(0, "0123456789");
    auto out = small(4);
    EXPECT_EQ(out.position(), 4u);
    ASSERT_TRUE(out.append(as_bytes("ab")));
    ASSERT_TRUE(out.sync(sync_scope::all));
    EXPECT_EQ(written_.content(), "0123ab6789");
}

TEST_F(BufferedAppender, BeginsBeyond32Bits) {
    constexpr std::uint64_t far = (std::uint64_t{1} << 33) + 5;
    auto out = small(far);
    ASSERT_TRUE(out.append(as_bytes("far")));
    ASSERT_TRUE(out.close());
    EXPECT_EQ(target().size(), far + 3);
}

TEST_F(BufferedAppender, MovesAndWritesTheRestWhenItGoes) {
    {
        auto one = small();
        ASSERT_TRUE(one.append(as_bytes("one")));
        auto two = std::move(one);
        EXPECT_EQ(one.buffered(), 0u);
        ASSERT_TRUE(two.append(as_bytes("two")));
        auto three = small(100);
        ASSERT_TRUE(three.append(as_bytes("x")));
        three = std::move(two);  // writes the x
        EXPECT_EQ(target().size(), 101u);
        EXPECT_EQ(three.position(), 6u);
    }
    EXPECT_EQ(written_.content().substr(0, 6), "onetwo");
}

TEST_F(BufferedAppender, SyncErrorsAreTold) {
    auto out = small();
    ASSERT_TRUE(out.append(as_bytes("abc")));
    fault_script faults;
    faults.fail(sys::call::sync, EIO);
    auto done = out.sync();
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().operation(), "fdatasync");
    EXPECT_EQ(out.buffered(), 0u);
}

TEST_F(BufferedAppender, RefusesFilesWhosePositionsItCannotKeep) {
    auto appending = *file::open(written_.path(), {.access = file_access::write, .append = true});
    auto refused = buffered_appender::open(appending);
    ASSERT_FALSE(refused);
    EXPECT_TRUE(refused.error().is(EINVAL));
    fault_script faults;
    faults.fail(sys::call::stat, EIO);
    EXPECT_FALSE(buffered_appender::open(target()));
}

TEST_F(BufferedAppender, RefusesFilesThatItCannotWriteTo) {
    auto refused = buffered_appender::open(*file::open(written_.path()));
    ASSERT_FALSE(refused);
    EXPECT_TRUE(refused.error().is(EBADF));
    EXPECT_EQ(refused.error().object(), written_.path());
    auto direct = file::open(written_.path(), {.access = file_access::read_write, .direct = true});
    if (!direct) GTEST_SKIP() << direct.error().message();
    refused = buffered_appender::open(*direct);
    ASSERT_FALSE(refused);
    EXPECT_TRUE(refused.error().is(EINVAL));
    EXPECT_TRUE(buffered_appender::open(target()));
    EXPECT_EQ(target().size(), 0u);
}

}  // namespace
}  // namespace sluice
