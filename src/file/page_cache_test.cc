#include "file/page_cache.h"

#include <cerrno>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "support/fault_script.h"
#include "support/pattern.h"
#include "support/temporary_file.h"
#include "sys/files.h"
#include "sys/mapping.h"

namespace sluice {
namespace {

using support::fault_script;
using support::pattern;
using support::temporary_file;

constexpr std::size_t size = 1024 * 1024;

class PageCache : public testing::Test {
  protected:
    void evict() {
        if (!written_.evict()) GTEST_SKIP() << "the pages of " << written_.path() << " stay cached";
    }

    temporary_file written_{pattern(size)};
    file_region whole_ = written_.open().region(0, size);
};

TEST_F(PageCache, WrittenPagesAreHot) {
    EXPECT_EQ(residency_of(whole_), residency::hot);
    EXPECT_EQ(residency_of(whole_.slice(0, 1)), residency::hot);
    EXPECT_EQ(residency_of(whole_.slice(1, 4096)), residency::hot);
    EXPECT_EQ(residency_of(whole_.slice(size - 1, 1)), residency::hot);
    EXPECT_EQ(residency_of(whole_.slice(5, 0)), residency::hot);
}

TEST_F(PageCache, EvictedPagesAreCold) {
    evict();
    if (IsSkipped()) return;
    EXPECT_EQ(residency_of(whole_), residency::cold);
    EXPECT_EQ(residency_of(whole_.slice(size - 1, 1)), residency::cold);
}

TEST_F(PageCache, WarmMakesThemHot) {
    evict();
    if (IsSkipped()) return;
    auto copied_before = bytes_copied_by_thread();
    ASSERT_TRUE(warm(whole_));
    EXPECT_EQ(residency_of(whole_), residency::hot);
    EXPECT_EQ(bytes_copied_by_thread(), copied_before);
}

TEST_F(PageCache, OneColdPageMakesTheRangeCold) {
    evict();
    if (IsSkipped()) return;
    // Warm both ends by hand, without readahead into the middle: the probes alone would say hot.
    ASSERT_EQ(::posix_fadvise(written_.fd(), 0, 0, POSIX_FADV_RANDOM), 0);
    auto cached = sys::cached_pages(written_.fd(), 0, size);
    if (!cached) GTEST_SKIP() << cached.error().message();
    char byte = 0;
    ASSERT_EQ(::pread(written_.fd(), &byte, 1, 0), 1);
    ASSERT_EQ(::pread(written_.fd(), &byte, 1, size - 1), 1);
    ASSERT_LT(*sys::cached_pages(written_.fd(), 0, size), size / sys::page_size());
    EXPECT_EQ(residency_of(whole_), residency::cold);
    fault_script faults;
    faults.fail(sys::call::cachestat, EPERM);
    EXPECT_EQ(residency_of(whole_), residency::hot);  // all that the probes can see
}

TEST_F(PageCache, ProbesDecideWithoutCachestat) {
    {
        fault_script faults;
        faults.fail(sys::call::cachestat, EPERM);
        EXPECT_EQ(residency_of(whole_), residency::hot);
        EXPECT_GE(faults.count(sys::call::pread), 2u);
    }
    evict();
    if (IsSkipped()) return;
    fault_script faults;
    faults.fail(sys::call::cachestat, EPERM);
    EXPECT_EQ(residency_of(whole_), residency::cold);
}

TEST_F(PageCache, UnknownWhenNothingTells) {
    fault_script faults;
    faults.fail(sys::call::cachestat, EPERM);
    faults.fail(sys::call::pread, EOPNOTSUPP);
    EXPECT_EQ(residency_of(whole_), residency::unknown);
    EXPECT_EQ(residency_of(whole_.slice(0, 1)), residency::unknown);
}

TEST_F(PageCache, PageUnderReadIsCold) {
    fault_script faults;
    faults.fail(sys::call::pread, EAGAIN);  // counted by cachestat, but not there yet
    EXPECT_EQ(residency_of(whole_), residency::cold);
}

TEST_F(PageCache, RangeBehindTheEndOfTheFileCanBeWarmed) {
    auto beyond = whole_.source().region(size - 10, 100'000);
    ASSERT_TRUE(warm(beyond));
    ASSERT_TRUE(warm(whole_.source().region(2 * size, 10)));
}

TEST_F(PageCache, WarmSurvivesWithoutReadahead) {
    evict();
    if (IsSkipped()) return;
    fault_script faults;
    faults.fail(sys::call::readahead, EINVAL);
    ASSERT_TRUE(warm(whole_));
    EXPECT_EQ(residency_of(whole_), residency::hot);
}

TEST_F(PageCache, WarmSaysWhichFileCannotBeRead) {
    fault_script faults;
    faults.fail(sys::call::sendfile, EIO);
    auto warmed = warm(whole_);
    ASSERT_FALSE(warmed);
    EXPECT_TRUE(warmed.error().is(EIO));
    EXPECT_EQ(warmed.error().object(), written_.path());
}

// Last, since a kernel without cachestat is not asked again for as long as the process lives.
TEST_F(PageCache, WithoutCachestatInTheKernelItIsAskedOnce) {
    fault_script faults;
    faults.fail(sys::call::cachestat, ENOSYS);
    EXPECT_EQ(residency_of(whole_), residency::hot);
    EXPECT_EQ(residency_of(whole_), residency::hot);
    EXPECT_LE(faults.count(sys::call::cachestat), 1u);
}

}  // namespace
}  // namespace sluice
