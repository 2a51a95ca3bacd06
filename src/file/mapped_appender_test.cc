#include <atomic>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

#include <sluice/file_region.h>
#include <sluice/mapped_appender.h>

#include "file/mapped_appender_testing.h"
#include "support/fault_script.h"
#include "support/mounted.h"
#include "support/pattern.h"
#include "support/temporary_file.h"
#include "sys/mapping.h"

namespace sluice {
namespace {

using ending = mapped_appender::ending;
using mapped_appender_testing::read_file;
using mapped_appender_testing::write_file;
using support::fault_script;
using support::pattern;

const std::size_t page = sys::page_size();

class MappedAppender : public mapped_appender_testing::files {};

TEST_F(MappedAppender, AppendsAndCloses) {
    auto log = open();
    EXPECT_EQ(log.found(), ending::closed);
    EXPECT_EQ(log.length(), 0u);
    EXPECT_EQ(log.append("one"), 0u);
    EXPECT_EQ(log.append(""), 3u);
    EXPECT_EQ(log.append("two"), 3u);
    EXPECT_EQ(log.length(), 6u);
    EXPECT_EQ(log.slice(1, 4)->text(), "netw");
    EXPECT_GT(std::filesystem::file_size(path_), 6u) << "preallocated";
    EXPECT_TRUE(side_exists());
    ASSERT_TRUE(log.close());
    EXPECT_EQ(read_file(path_), "onetwo");
    EXPECT_FALSE(side_exists());
    for (const char* text : {"late", ""}) {
        auto late = log.append(text);
        ASSERT_FALSE(late);
        EXPECT_TRUE(late.error().is(EBADF));
    }
    EXPECT_TRUE(log.close());
    EXPECT_TRUE(log.sync());
    EXPECT_EQ(log.length(), 6u);
    EXPECT_EQ(log.slice(0, 6)->text(), "onetwo");
}

TEST_F(MappedAppender, GoesOnBehindWhatIsThere) {
    write_file(path_, "before");
    auto log = open();
    EXPECT_EQ(log.append(""), 6u);
    EXPECT_EQ(log.append(", behind"), 6u);
    EXPECT_EQ(log.slice(0, 14)->text(), "before, behind");
    ASSERT_TRUE(log.close());
    auto again = open();
    EXPECT_EQ(again.found(), ending::closed);
    EXPECT_EQ(again.append("!"), 14u);
    ASSERT_TRUE(again.close());
    EXPECT_EQ(read_file(path_), "before, behind!");
}

TEST_F(MappedAppender, EmptyFileStaysEmpty) {
    {
        auto log = open();
        ASSERT_TRUE(log.sync());
        EXPECT_TRUE(log.slice(0, 0)->empty());
        ASSERT_TRUE(log.close());
    }
    EXPECT_EQ(std::filesystem::file_size(path_), 0u);
    EXPECT_FALSE(side_exists());
}

TEST_F(MappedAppender, GrowsAcrossWindowsAndKeepsSlices) {
    auto log = open(small_windows());
    std::string oracle;
    std::vector<buffer_slice> slices;
    for (std::size_t size = 0; oracle.size() < 60 * page; size = (size + 331) % (3 * page)) {
        auto record = pattern(size, size + 1);
        ASSERT_EQ(log.append(record), oracle.size());
        slices.push_back(*log.slice(oracle.size(), size));
        oracle += record;
    }
    ASSERT_EQ(log.append(std::string(9 * page, 'x')), oracle.size()) << "more than a window has";
    oracle.append(9 * page, 'x');
    std::size_t at = 0;
    for (const auto& each : slices) {
        ASSERT_EQ(each.text(), std::string_view(oracle).substr(at, each.size()));
        at += each.size();
    }
    EXPECT_EQ(support::difference(std::string(log.slice(0, oracle.size())->text()), oracle), "");
    ASSERT_TRUE(log.close());
    EXPECT_EQ(support::difference(read_file(path_), oracle), "");
    EXPECT_EQ(slices[3].text(), std::string_view(oracle).substr(slices[1].size() + slices[2].size(),
                                                                slices[3].size()));
}

TEST_F(MappedAppender, EverySizeAtEveryPlaceOfAWindowsEnd) {
    auto log = open(small_windows());
    std::string oracle;
    for (std::size_t size = 0; size < 150; ++size) {
        auto fill = pattern(page - (oracle.size() + size / 2) % page, size + 1);
        ASSERT_TRUE(log.append(fill));
        auto record = pattern(size, 1000 + size);
        ASSERT_TRUE(log.append(record));
        oracle += fill + record;
    }
    ASSERT_TRUE(log.close());
    EXPECT_EQ(support::difference(read_file(path_), oracle), "");
}

TEST_F(MappedAppender, SlicesLieWithinTheLength) {
    auto log = open();
    ASSERT_TRUE(log.append("abc"));
    for (auto [position, count] : {std::pair<std::uint64_t, std::uint64_t>{0, 4},
                                   {3, 1},
                                   {4, 0},
                                   {1, ~std::uint64_t{0}},
                                   {~std::uint64_t{0}, 2}}) {
        auto slice = log.slice(position, count);
        ASSERT_FALSE(slice);
        EXPECT_TRUE(slice.error().is(ENODATA));
    }
    EXPECT_TRUE(log.slice(3, 0)->empty());
}

TEST_F(MappedAppender, AppendsItsOwnSlices) {
    auto log = open(small_windows());
    ASSERT_TRUE(log.append(pattern(page - 10)));
    auto slice = *log.slice(0, page - 10);
    ASSERT_TRUE(log.append(slice.bytes()));
    ASSERT_TRUE(log.close());
    EXPECT_EQ(read_file(path_), pattern(page - 10) + pattern(page - 10));
}

TEST_F(MappedAppender, CopiesOnceAndCounts) {
    auto log = open();
    ASSERT_TRUE(log.reserve(1000));
    auto before = bytes_copied_by_thread();
    ASSERT_TRUE(log.append(std::string(60, 'x')));
    ASSERT_TRUE(log.append(std::string(600, 'x')));
    EXPECT_EQ(bytes_copied_by_thread() - before, 660u);
}

TEST_F(MappedAppender, ReservedAppendsMakeNoCalls) {
    auto log = open({.populate = true});
    ASSERT_TRUE(log.reserve(10 << 20));
    ASSERT_TRUE(log.reserve(5 << 20));
    fault_script faults;
    for (auto made : {sys::call::mmap, sys::call::allocate, sys::call::stat})
        faults.fail(made, EIO);
    std::string record(1 << 10, 'x');
    for (int count = 0; count < 10 << 10; ++count)
        ASSERT_TRUE(log.append(record));
    EXPECT_EQ(log.length(), 10u << 20);
}

TEST_F(MappedAppender, ReadersFollowTheLength) {
    constexpr std::uint64_t records = 20'000;
    auto log = open(small_windows());
    std::atomic<int> wrong{0};
    std::vector<std::jthread> readers;
    for (int number = 0; number < 2; ++number) {
        readers.emplace_back([&] {
            std::uint64_t seen = 0;
            while (seen < records) {
                auto end = log.length() / 8;
                if (end == seen) std::this_thread::yield();
                if (end == seen) continue;
                auto slice = log.slice(seen * 8, (end - seen) * 8);
                if (!slice) ++wrong;
                for (; slice && seen < end; ++seen) {
                    auto text = slice->text().substr(0, 8);
                    if (std::to_string(10'000'000 + seen) != text) ++wrong;
                    slice->trim_front(8);
                }
                if (wrong > 0) return;
            }
        });
    }
    std::jthread syncer([&](const std::stop_token& stop) {
        while (!stop.stop_requested())
            if (!log.sync()) ++wrong;
    });
    for (std::uint64_t count = 0; count < records; ++count)
        ASSERT_TRUE(log.append(std::to_string(10'000'000 + count)));
    readers.clear();
    syncer.request_stop();
    syncer.join();
    EXPECT_EQ(wrong, 0);
    ASSERT_TRUE(log.close());
    EXPECT_EQ(log.synced_length(), records * 8);
}

TEST_F(MappedAppender, OneAppenderAFile) {
    auto log = open();
    auto other = mapped_appender::open(path_);
    ASSERT_FALSE(other);
    EXPECT_TRUE(other.error().is(EBUSY));
    EXPECT_EQ(other.error().object(), path_);
    ASSERT_TRUE(log.append("x"));
    ASSERT_TRUE(log.close());
    EXPECT_TRUE(mapped_appender::open(path_));
}

TEST_F(MappedAppender, Moves) {
    auto one = open();
    ASSERT_TRUE(one.append("one"));
    auto other = std::move(one);
    ASSERT_TRUE(other.append("two"));
    EXPECT_EQ(one.length(), 0u);
    support::temporary_directory elsewhere;
    auto third = *mapped_appender::open(elsewhere.path() + "/third");
    third = std::move(other);
    ASSERT_TRUE(third.append("three"));
    ASSERT_TRUE(third.close());
    EXPECT_EQ(read_file(path_), "onetwothree");
}

TEST_F(MappedAppender, FullDiskIsAnErrorAndWhatWasAppendedIsWhole) {
    auto log = open(small_windows());
    auto first = pattern(page - 10);
    ASSERT_TRUE(log.append(first));
    {
        fault_script faults;
        faults.fail(sys::call::allocate, ENOSPC);
        auto refused = log.append(std::string(20, 'x'));
        ASSERT_FALSE(refused);
        EXPECT_TRUE(refused.error().is(ENOSPC));
        EXPECT_EQ(refused.error().object(), path_);
        EXPECT_EQ(log.length(), page - 10);
        EXPECT_TRUE(log.append("still fits")) << "ten bytes are left";
        EXPECT_EQ(log.slice(0, page)->text(), first + "still fits");
        EXPECT_TRUE(log.sync());
        EXPECT_FALSE(log.reserve(1));
    }
    ASSERT_TRUE(log.append("again"));
    ASSERT_TRUE(log.close());
    EXPECT_EQ(read_file(path_), first + "still fits" + "again");
}

TEST_F(MappedAppender, NearlyFullDiskGivesSmallerWindows) {
    auto log = open({.window_size = 64 * page});
    fault_script faults;
    faults.fail(sys::call::allocate, ENOSPC, 3);
    ASSERT_TRUE(log.append("x"));
    EXPECT_EQ(faults.count(sys::call::allocate), 4u);
    EXPECT_EQ(std::filesystem::file_size(path_), 8 * page);
}

TEST_F(MappedAppender, FileSystemWithoutPreallocationGetsZerosWritten) {
    fault_script faults;
    faults.fail(sys::call::allocate, EOPNOTSUPP);
    auto log = open({.window_size = 100 * page});
    ASSERT_TRUE(log.append(pattern(1000)));
    ASSERT_TRUE(log.append(pattern(150 * page)));
    struct stat found {};
    ASSERT_EQ(::stat(path_.c_str(), &found), 0);
    EXPECT_GE(static_cast<std::size_t>(found.st_blocks) * 512, 200 * page);
    ASSERT_TRUE(log.close());
    EXPECT_EQ(support::difference(read_file(path_), pattern(1000) + pattern(150 * page)), "");
}

TEST_F(MappedAppender, PopulatesWhereItCan) {
    fault_script faults;
    auto log = open({.window_size = 16 * page, .populate = true});
    ASSERT_TRUE(log.append("x"));
    EXPECT_EQ(faults.count(sys::call::madvise), 1u);
    faults.fail(sys::call::madvise, EINVAL);
    ASSERT_FALSE(log.append(std::string(16 * page, 'x'))) << "neither call works";
    faults.fail(sys::call::madvise, EINVAL, 1);
    ASSERT_TRUE(log.append(std::string(16 * page, 'x')));
    EXPECT_EQ(log.length(), 16 * page + 1);
}

TEST_F(MappedAppender, LostStoresShowInSyncAndClose) {
    auto log = open(small_windows());
    ASSERT_TRUE(log.append(pattern(100)));
    ASSERT_TRUE(log.sync());
    std::filesystem::resize_file(path_, 50);  // by somebody else
    EXPECT_TRUE(log.append("into nothing"));
    for (int times = 0; times < 2; ++times) {
        auto synced = log.sync();
        ASSERT_FALSE(synced);
        EXPECT_TRUE(synced.error().is(ENODATA));
    }
    std::filesystem::resize_file(path_, 4096);
    EXPECT_FALSE(log.append(std::string(page, 'x'))) << "for good";
    EXPECT_EQ(log.synced_length(), 100u);
    EXPECT_FALSE(log.close());
    EXPECT_TRUE(side_exists());
    EXPECT_TRUE(log.close()) << "closed in any case";
}

TEST_F(MappedAppender, LostStoresOfTheWindowShowWhenTheNextIsNeeded) {
    auto log = open(small_windows());
    ASSERT_TRUE(log.append(pattern(100)));
    std::filesystem::resize_file(path_, 0);
    EXPECT_TRUE(log.append("into nothing"));
    auto grown = log.append(std::string(page, 'x'));
    ASSERT_FALSE(grown);
    EXPECT_TRUE(grown.error().is(ENODATA));
}

TEST_F(MappedAppender, FailedSyncFailsForGood) {
    for (auto made : {sys::call::sync, sys::call::msync}) {
        support::temporary_directory folder;
        auto log = *mapped_appender::open(folder.path() + "/log");
        ASSERT_TRUE(log.append("abc"));
        ASSERT_TRUE(log.sync());
        ASSERT_TRUE(log.append("def"));
        {
            fault_script faults;
            faults.fail(made, EIO, 1);
            EXPECT_FALSE(log.sync());
        }
        auto synced = log.sync();
        ASSERT_FALSE(synced) << "the kernel may have dropped what it could not write";
        EXPECT_TRUE(synced.error().is(EIO));
        EXPECT_EQ(log.synced_length(), 3u);
        EXPECT_FALSE(log.close());
    }
}

TEST_F(MappedAppender, SyncsWhenThereIsSomethingToSync) {
    auto log = open();
    ASSERT_TRUE(log.append("abc"));
    ASSERT_TRUE(log.sync());
    fault_script faults;
    ASSERT_TRUE(log.sync());
    EXPECT_EQ(faults.count(sys::call::msync), 0u);
}

TEST_F(MappedAppender, OpeningThatFailsChangesNothing) {
    write_file(path_, "content");
    for (auto made : {sys::call::open, sys::call::lock, sys::call::mmap, sys::call::msync,
                      sys::call::sync, sys::call::stat}) {
        for (unsigned spared = 0;; ++spared) {
            fault_script faults;
            faults.fail(made, EIO, 1, spared);
            auto log = mapped_appender::open(path_);
            auto reached = faults.count(made) > spared;
            faults.clear();
            EXPECT_EQ(read_file(path_), "content");
            if (!reached) {
                ASSERT_TRUE(log);
                ASSERT_TRUE(log->close());
                break;
            }
            // Not to know the boot is no failure: every boot is another one then.
            if (log) {
                ASSERT_TRUE(log->close());
            }
        }
    }
    EXPECT_EQ(open().length(), 7u);
}

TEST_F(MappedAppender, ClosingThatFailsLeavesItToTheNextOpening) {
    std::string oracle;
    for (auto made : {sys::call::truncate, sys::call::sync, sys::call::msync}) {
        for (unsigned spared = 0;; ++spared) {
            auto log = open();
            ASSERT_EQ(log.length(), oracle.size());
            ASSERT_TRUE(log.append("more"));
            oracle += "more";
            fault_script faults;
            faults.fail(made, EIO, 1, spared);
            auto closed = log.close();
            if (faults.count(made) <= spared) {
                EXPECT_TRUE(closed);
                break;
            }
            EXPECT_FALSE(closed);
        }
        EXPECT_EQ(read_file(path_), oracle);
    }
}

// A real disk that is full, of a file system without blocks to spare.
TEST(MappedAppenderOnADevice, FullDisk) {
    if (::geteuid() != 0) GTEST_SKIP() << "mounting needs root";
    support::mounted disk("-t tmpfs -o size=256k tmpfs");
    if (!disk.there()) GTEST_SKIP() << "no tmpfs can be mounted here";
    auto log = mapped_appender::open(disk.path("log"), {.window_size = 16 * page});
    ASSERT_TRUE(log) << log.error().message();
    std::string oracle;
    auto record = pattern(1000);
    auto appended = log->append(record);
    for (; appended; appended = log->append(record))
        oracle += record;
    EXPECT_TRUE(appended.error().is(ENOSPC)) << appended.error().message();
    EXPECT_GT(oracle.size(), 200u * 1024);
    EXPECT_EQ(log->length(), oracle.size());
    ASSERT_TRUE(log->close());
    EXPECT_EQ(support::difference(read_file(disk.path("log")), oracle), "");
}

}  // namespace
}  // namespace sluice
