#include <gtest/gtest.h>
#include <sys/stat.h>

#include <sluice/file.h>

#include "support/fault_script.h"
#include "support/pattern.h"
#include "support/temporary_file.h"
#include "sys/files.h"

namespace sluice {
namespace {

constexpr std::uint64_t block = 64 << 10;  // a multiple of every file system's block

class FileSpace : public testing::Test {
  protected:
    FileSpace() : target_(*file::open(written_.path(), {.access = file_access::read_write})) {}

    [[nodiscard]] std::uint64_t bytes_on_disk() const {
        return static_cast<std::uint64_t>(sys::status(target_.fd())->st_blocks) * 512;
    }
    [[nodiscard]] static bool is_unsupported(const result<void>& done) {
        return !done && done.error().is(EOPNOTSUPP);
    }

    support::temporary_file written_;
    file target_;
};

TEST_F(FileSpace, TruncateCutsAndGrows) {
    written_.write_at(0, "abcdef");
    ASSERT_TRUE(target_.truncate(3));
    ASSERT_TRUE(target_.truncate(5));
    EXPECT_EQ(written_.content(), std::string("abc\0\0", 5));
    ASSERT_TRUE(target_.truncate(std::uint64_t{5} << 30));
    EXPECT_EQ(target_.size(), std::uint64_t{5} << 30);
}

TEST_F(FileSpace, PreallocateTakesBlocksAndGrowsTheFileWhenTold) {
    auto done = target_.preallocate(0, 4 * block, file_size_is::kept);
    if (is_unsupported(done)) GTEST_SKIP() << done.error().message();
    ASSERT_TRUE(done) << done.error().message();
    EXPECT_EQ(target_.size(), 0u);
    EXPECT_GE(bytes_on_disk(), 4 * block);
    ASSERT_TRUE(target_.preallocate(0, 4 * block));
    EXPECT_EQ(target_.size(), 4 * block);
    EXPECT_EQ(written_.content(), std::string(4 * block, '\0'));
}

TEST_F(FileSpace, HolesReadAsZerosAndAreFound) {
    auto content = support::pattern(4 * block);
    written_.write_at(0, content);
    auto done = target_.punch_hole(block, block);
    if (is_unsupported(done)) GTEST_SKIP() << done.error().message();
    ASSERT_TRUE(done) << done.error().message();
    content.replace(block, block, block, '\0');
    EXPECT_EQ(support::difference(written_.content(), content), "");
    EXPECT_EQ(target_.next_hole(0), block);
    EXPECT_EQ(target_.next_hole(block + 5), block + 5);
    EXPECT_EQ(target_.next_data(block), 2 * block);
    EXPECT_EQ(target_.next_hole(2 * block), 4 * block);
    EXPECT_EQ(target_.next_data(4 * block), std::nullopt);
    EXPECT_EQ(target_.next_hole(4 * block), std::nullopt);
    EXPECT_EQ(target_.next_data(~std::uint64_t{0}), std::nullopt);
}

TEST_F(FileSpace, ASparseFileHasItsDataWhereItWasWritten) {
    constexpr std::uint64_t far = std::uint64_t{6} << 30;
    ASSERT_TRUE(target_.write_at(far, as_bytes("end")));
    auto data = target_.next_data(0);
    ASSERT_TRUE(data && *data);
    if (**data == 0) GTEST_SKIP() << "a file system without holes";
    EXPECT_LE(**data, far);
    EXPECT_GT(**data, far - (1 << 20));
}

TEST_F(FileSpace, ZeroRangeAndCollapse) {
    auto content = support::pattern(4 * block);
    written_.write_at(0, content);
    auto done = target_.zero_range(0, 10);
    if (is_unsupported(done)) GTEST_SKIP() << done.error().message();
    ASSERT_TRUE(done) << done.error().message();
    content.replace(0, 10, 10, '\0');
    EXPECT_EQ(support::difference(written_.content(), content), "");
    auto cut = target_.collapse_range(block, block);
    if (is_unsupported(cut)) GTEST_SKIP() << cut.error().message();
    ASSERT_TRUE(cut) << cut.error().message();
    content.erase(block, block);
    EXPECT_EQ(support::difference(written_.content(), content), "");
}

TEST_F(FileSpace, SyncsAndAdvises) {
    written_.write_at(0, support::pattern(3 * block));
    EXPECT_TRUE(target_.sync_range(0, block, range_sync::start));
    EXPECT_TRUE(target_.sync_range(block, 0, range_sync::wait));
    EXPECT_TRUE(target_.sync(sync_scope::data));
    EXPECT_TRUE(target_.sync());
    for (auto advice : {file_advice::normal, file_advice::sequential, file_advice::random,
                        file_advice::will_need, file_advice::dont_need, file_advice::no_reuse})
        EXPECT_TRUE(target_.advise(advice, block, block));
}

TEST_F(FileSpace, DontNeedDropsPagesThatAreOnTheDisk) {
    written_.write_at(0, support::pattern(3 * block));
    ASSERT_TRUE(target_.sync(sync_scope::data));
    auto before = sys::cached_pages(target_.fd(), 0, 3 * block);
    if (!before) GTEST_SKIP() << before.error().message();
    ASSERT_TRUE(target_.advise(file_advice::dont_need));
    auto after = sys::cached_pages(target_.fd(), 0, 3 * block);
    if (*after == *before) GTEST_SKIP() << "a file system in memory";
    EXPECT_EQ(*after, 0u);
}

TEST_F(FileSpace, ErrorsNameTheFile) {
    support::fault_script faults;
    faults.fail(sys::call::sync, EIO);
    faults.fail(sys::call::allocate, ENOSPC);
    faults.fail(sys::call::truncate, EPERM);
    auto fails_with = [&](int reason, const result<void>& done) {
        ASSERT_FALSE(done);
        EXPECT_TRUE(done.error().is(reason)) << done.error().message();
        EXPECT_EQ(done.error().object(), written_.path());
    };
    fails_with(EIO, target_.sync());
    fails_with(EIO, target_.sync(sync_scope::data));
    fails_with(EIO, target_.sync_range(0, 0, range_sync::wait));
    fails_with(ENOSPC, target_.preallocate(0, 1));
    fails_with(ENOSPC, target_.punch_hole(0, 1));
    fails_with(EPERM, target_.truncate(0));
}

TEST_F(FileSpace, RangesThatNoFileHasAreErrors) {
    constexpr auto beyond = std::uint64_t{1} << 63;
    EXPECT_FALSE(target_.truncate(beyond));
    EXPECT_FALSE(target_.preallocate(beyond, 1));
    EXPECT_FALSE(target_.preallocate(0, beyond));
    EXPECT_FALSE(target_.punch_hole(beyond - 1, 2));
    EXPECT_FALSE(target_.sync_range(beyond, 1, range_sync::start));
    EXPECT_FALSE(target_.advise(file_advice::normal, 0, beyond));
    EXPECT_EQ(target_.size(), 0u);
}

}  // namespace
}  // namespace sluice
