#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sluice/mapped_region.h>

#include "support/comes_true.h"
#include "support/fault_script.h"
#include "support/pattern.h"
#include "support/temporary_file.h"
#include "sys/mapping.h"

namespace sluice {
namespace {

using support::pattern;
using support::temporary_file;

TEST(MappedRegion, ShowsTheBytesAtAnyPosition) {
    auto content = pattern(20'000);
    temporary_file written(content);
    auto opened = written.open();
    auto copied_before = bytes_copied_by_thread();
    for (std::size_t position : {0, 1, 4095, 4096, 4097, 19'999}) {
        for (std::size_t size : {1, 4096, 9000}) {
            if (position + size > content.size()) continue;
            auto mapped = map_for_reading(opened.region(position, size));
            ASSERT_TRUE(mapped) << mapped.error().message();
            EXPECT_EQ(mapped->text(), content.substr(position, size)) << position;
        }
    }
    EXPECT_EQ(bytes_copied_by_thread(), copied_before);
}

TEST(MappedRegion, BeyondFourGib) {
    constexpr auto position = (std::uint64_t{1} << 32) + 4097;
    temporary_file written;
    written.write_at(position, "far");
    auto mapped = map_for_reading(written.open().region(position, 3));
    ASSERT_TRUE(mapped);
    EXPECT_EQ(mapped->text(), "far");
}

TEST(MappedRegion, LivesAsLongAsItsSlices) {
    temporary_file written("abcdef");
    auto mapped = map_for_reading(written.open().region(0, 6));  // the file is closed here
    ASSERT_TRUE(mapped);
    auto part = mapped->slice(2, 2);
    *mapped = {};
    EXPECT_EQ(part.text(), "cd");
}

TEST(MappedRegion, SeesWhatIsWrittenLater) {
    temporary_file written("abcdef");
    auto mapped = map_for_reading(written.open().region(0, 6));
    ASSERT_TRUE(mapped);
    written.write_at(1, "BC");
    EXPECT_EQ(mapped->text(), "aBCdef");
}

TEST(MappedRegion, NothingNeedsNoMapping) {
    support::fault_script faults;
    temporary_file written("abc");
    auto mapped = map_for_reading(written.open().region(1, 0));
    ASSERT_TRUE(mapped);
    EXPECT_TRUE(mapped->empty());
    EXPECT_EQ(faults.count(sys::call::mmap), 0u);
}

TEST(MappedRegion, FailureNamesTheFile) {
    temporary_file written("abc");
    support::fault_script faults;
    faults.fail(sys::call::mmap, ENOMEM);
    auto mapped = map_for_reading(written.open().region(0, 3));
    ASSERT_FALSE(mapped);
    EXPECT_TRUE(mapped.error().is(ENOMEM));
    EXPECT_EQ(mapped.error().object(), written.path());
}

// The mode, the rest of the region and the life of a mapping, on a file that can be written.
class MappedFile : public testing::Test {
  protected:
    MappedFile() : source_(*file::open(written_.path(), {.access = file_access::read_write})) {}

    mapped_region map(std::uint64_t position, std::uint64_t size, mapping_options options = {}) {
        auto mapped = mapped_region::map(source_.region(position, size), options);
        EXPECT_TRUE(mapped) << mapped.error().message();
        return *std::move(mapped);
    }

    // What /proc/self/maps says about the file: the number of mappings of it.
    [[nodiscard]] std::size_t mappings() const {
        std::ifstream maps("/proc/self/maps");
        std::size_t found = 0;
        for (std::string line; std::getline(maps, line);) {
            if (line.find(written_.path()) != line.npos) ++found;
        }
        return found;
    }

    const std::size_t page_ = sys::page_size();
    std::string content_ = pattern(8 * page_);
    temporary_file written_{content_};
    file source_;
};

TEST_F(MappedFile, ReadWriteChangesTheFile) {
    auto mapped = map(page_ + 5, 2 * page_, {.mode = mapping_mode::read_write});
    ASSERT_TRUE(mapped.write_at(3, as_bytes("hello")));
    mapped.writable()[0] = std::byte{'!'};
    EXPECT_EQ(written_.content().substr(page_ + 8, 5), "hello");
    EXPECT_EQ(written_.content()[page_ + 5], '!');
    written_.write_at(page_ + 9, "E");
    EXPECT_EQ(as_text(mapped.bytes()).substr(3, 5), "hEllo");
}

TEST_F(MappedFile, CopyOnWriteDoesNot) {
    auto mapped = map(5, 2 * page_, {.mode = mapping_mode::copy_on_write});
    ASSERT_TRUE(mapped.write_at(3, as_bytes("hello")));
    EXPECT_EQ(as_text(mapped.bytes()).substr(3, 5), "hello");
    EXPECT_EQ(written_.content(), content_);
    auto flushed = mapped.flush(0, page_);
    ASSERT_FALSE(flushed);
    EXPECT_TRUE(flushed.error().is(EINVAL));
    EXPECT_EQ(flushed.error().object(), written_.path());
    ASSERT_TRUE(mapped.advise(mapping_advice::dont_need, 0, page_));
    EXPECT_EQ(as_text(mapped.bytes()), content_.substr(5, 2 * page_)) << "stores are dropped";
}

TEST_F(MappedFile, ReadOnlyRefusesStores) {
    auto mapped = map(0, page_);
    auto stored = mapped.write_at(0, as_bytes("x"));
    ASSERT_FALSE(stored);
    EXPECT_TRUE(stored.error().is(EACCES));
    auto populated = mapped.populate_for_writing(0, page_);
    ASSERT_FALSE(populated);
    EXPECT_TRUE(populated.error().is(EACCES));
}

TEST_F(MappedFile, FileOpenedForReadingCannotBeMappedForWriting) {
    auto mapped =
        mapped_region::map(written_.open().region(0, 10), {.mode = mapping_mode::read_write});
    ASSERT_FALSE(mapped);
    EXPECT_TRUE(mapped.error().is(EACCES));
    EXPECT_EQ(mapped.error().object(), written_.path());
    EXPECT_TRUE(
        mapped_region::map(written_.open().region(0, 10), {.mode = mapping_mode::copy_on_write}));
}

TEST_F(MappedFile, CheckedAccessEndsWithTheRegion) {
    auto mapped = map(10, 100, {.mode = mapping_mode::read_write});
    std::string room(50, '?');
    auto to = std::as_writable_bytes(std::span(room));
    EXPECT_EQ(mapped.read_at(80, to), 20u);
    EXPECT_EQ(room.substr(0, 20), content_.substr(90, 20));
    EXPECT_EQ(mapped.read_at(100, to), 0u);
    EXPECT_EQ(mapped.read_at(~std::uint64_t{0}, to), 0u);
    for (std::uint64_t from : {std::uint64_t{99}, std::uint64_t{101}, ~std::uint64_t{0}}) {
        auto stored = mapped.write_at(from, as_bytes("xy"));
        ASSERT_FALSE(stored) << from;
        EXPECT_TRUE(stored.error().is(EINVAL));
    }
    EXPECT_TRUE(mapped.write_at(98, as_bytes("xy")));
    EXPECT_EQ(written_.content().substr(108, 3), "xy" + content_.substr(110, 1));
}

TEST_F(MappedFile, RangeBehindTheEndIsRefused) {
    for (std::uint64_t size : {content_.size() + 1, std::size_t{1} << 40}) {
        auto mapped = mapped_region::map(source_.region(0, size));
        ASSERT_FALSE(mapped);
        EXPECT_TRUE(mapped.error().is(ENODATA));
        EXPECT_EQ(mapped.error().object(), written_.path());
    }
    auto far = mapped_region::map(source_.region(~std::uint64_t{0} - 5, 3));
    ASSERT_FALSE(far);
    EXPECT_TRUE(far.error().is(EOVERFLOW));
    EXPECT_FALSE(mapped_region::map(source_.region(5, ~std::uint64_t{0})));
    auto read_only = mapped_region::map(source_.region(0, 9 * page_), {.extend = true});
    EXPECT_FALSE(read_only) << "only read_write makes files longer";
    EXPECT_EQ(source_.size(), content_.size());
}

TEST_F(MappedFile, ExtendGivesTheRangeSpaceFirst) {
    auto mapped = map(4 * page_, 100 * page_, {.mode = mapping_mode::read_write, .extend = true});
    EXPECT_EQ(source_.size(), 104 * page_);
    ASSERT_TRUE(mapped.write_at(99 * page_, as_bytes("end")));
    EXPECT_EQ(written_.content().substr(103 * page_, 3), "end");
    EXPECT_EQ(written_.content().substr(0, content_.size()), content_);
    struct stat found {};
    ASSERT_EQ(::fstat(written_.fd(), &found), 0);
    EXPECT_GE(static_cast<std::size_t>(found.st_blocks) * 512, 100 * page_);
}

TEST_F(MappedFile, FullDiskIsAnErrorWhenMappingAndGrowing) {
    mapping_options extending{.mode = mapping_mode::read_write, .extend = true};
    auto mapped = map(0, page_, extending);
    support::fault_script faults;
    faults.fail(sys::call::allocate, ENOSPC);
    auto refused = mapped_region::map(source_.region(0, 100 * page_), extending);
    ASSERT_FALSE(refused);
    EXPECT_TRUE(refused.error().is(ENOSPC));
    EXPECT_EQ(refused.error().object(), written_.path());
    auto grown = mapped.grow(100 * page_);
    ASSERT_FALSE(grown);
    EXPECT_TRUE(grown.error().is(ENOSPC));
    EXPECT_EQ(mapped.size(), page_);
    EXPECT_EQ(as_text(mapped.bytes()), content_.substr(0, page_));
}

TEST_F(MappedFile, NothingIsARegionToo) {
    auto nothing = map(content_.size() + 5, 0, {.mode = mapping_mode::read_write});
    EXPECT_TRUE(nothing.empty());
    EXPECT_EQ(mappings(), 0u);
    EXPECT_TRUE(nothing.whole().empty());
    EXPECT_TRUE(nothing.flush(0, 0));
    EXPECT_TRUE(nothing.prefetch(0, 0, completion::wait));
    EXPECT_TRUE(nothing.populate_for_writing(0, 0));
    EXPECT_EQ(nothing.resident(0, 0), 0u);
    EXPECT_TRUE(nothing.lock(0, 0));
    EXPECT_TRUE(nothing.advise(mapping_advice::random, 0, 0));
    EXPECT_TRUE(nothing.check(0, 0));
    EXPECT_TRUE(nothing.refresh());
    EXPECT_TRUE(nothing.write_at(0, {}));
    EXPECT_TRUE(nothing.huge_pages());
    EXPECT_FALSE(nothing.grow(1)) << "the file does not reach there";
    mapped_region none;
    EXPECT_TRUE(none.whole().empty());
    EXPECT_EQ(none.read_at(0, {}), 0u);
    EXPECT_FALSE(none.grow(1));
}

TEST_F(MappedFile, EmptyRegionGrows) {
    auto mapped = map(7, 0);
    ASSERT_TRUE(mapped.grow(20));
    EXPECT_EQ(as_text(mapped.bytes()), content_.substr(7, 20));
}

TEST_F(MappedFile, UnmappedAtOnceWithTheLastOwner) {
    EXPECT_EQ(mappings(), 0u);
    auto slice = map(0, page_).slice(10, 10);
    EXPECT_EQ(mappings(), 1u);
    {
        auto handle = map(0, page_);
        auto copy = handle;
        EXPECT_EQ(mappings(), 2u);
        handle = {};
        EXPECT_EQ(mappings(), 2u);
        EXPECT_EQ(as_text(copy.bytes()), content_.substr(0, page_));
    }
    EXPECT_EQ(mappings(), 1u);
    auto part = slice.slice(2, 3);
    slice = {};
    EXPECT_EQ(part.text(), content_.substr(12, 3));
    part = {};
    EXPECT_EQ(mappings(), 0u);
}

TEST_F(MappedFile, KeepsTheFileOpen) {
    auto slice = mapped_region::map(written_.open().region(0, 10))->whole();
    written_.remove();
    EXPECT_EQ(slice.text(), content_.substr(0, 10));
}

TEST_F(MappedFile, SparseFileOfMoreThanFourGib) {
    constexpr std::uint64_t size = (std::uint64_t{5} << 30) + 123;
    written_.resize(size);
    written_.write_at(size - 3, "end");
    auto mapped = map(0, size, {.mode = mapping_mode::read_write});
    EXPECT_EQ(mapped.size(), size);
    EXPECT_EQ(as_text(mapped.bytes()).substr(size - 3), "end");
    ASSERT_TRUE(mapped.write_at(size - 4, as_bytes(">")));
    EXPECT_EQ(mapped.slice(size - 4, 4).text(), ">end");
    EXPECT_EQ(mapped.resident(std::uint64_t{1} << 32, 10), 0u);
    EXPECT_TRUE(mapped.flush(std::uint64_t{1} << 32, size - (std::uint64_t{1} << 32)));
    std::string room(4, '?');
    ASSERT_TRUE(mapped.read_at(size - 4, std::as_writable_bytes(std::span(room))));
    EXPECT_EQ(room, ">end");
}

TEST_F(MappedFile, FlushMovesStoresToTheDisk) {
    auto mapped = map(0, 8 * page_, {.mode = mapping_mode::read_write});
    ASSERT_TRUE(mapped.write_at(page_ - 2, as_bytes("flush")));
    EXPECT_TRUE(mapped.flush(page_ - 1, 2, completion::start));
    EXPECT_TRUE(mapped.flush(page_ - 1, 2));
    support::fault_script faults;
    faults.fail(sys::call::msync, EIO);
    faults.fail(sys::call::sync, EIO);
    for (auto until : {completion::start, completion::wait}) {
        auto flushed = mapped.flush(0, page_, until);
        ASSERT_FALSE(flushed);
        EXPECT_TRUE(flushed.error().is(EIO));
        EXPECT_EQ(flushed.error().object(), written_.path());
    }
    EXPECT_EQ(faults.count(sys::call::msync), 1u);
}

TEST_F(MappedFile, ResidentCountsWhatIsInMemory) {
    auto mapped = map(100, 7 * page_);
    ASSERT_TRUE(mapped.prefetch(0, 7 * page_, completion::wait));
    EXPECT_EQ(mapped.resident(0, 7 * page_), 7 * page_);
    EXPECT_EQ(mapped.resident(3, 5 * page_), 5 * page_);
    EXPECT_EQ(mapped.resident(page_, 1), 1u);
    mapped = {};
    if (!written_.evict()) GTEST_SKIP() << "the pages of " << written_.path() << " stay cached";
    mapped = map(100, 7 * page_, {.advice = mapping_advice::random});
    EXPECT_EQ(mapped.resident(0, 7 * page_), 0u);
    auto touched = mapped.guarded(2 * page_, 1, [](bytes_view byte) { return byte[0]; });
    ASSERT_TRUE(touched);
    auto some = mapped.resident(0, 7 * page_);
    ASSERT_TRUE(some);
    EXPECT_GE(*some, page_ / 2);
    EXPECT_LT(*some, 7 * page_);
    ASSERT_TRUE(mapped.prefetch(0, 7 * page_, completion::wait));
    EXPECT_EQ(mapped.resident(0, 7 * page_), 7 * page_);
}

TEST_F(MappedFile, PrefetchBeginsWithoutWaiting) {
    if (!written_.evict()) GTEST_SKIP() << "the pages of " << written_.path() << " stay cached";
    auto mapped = map(0, 8 * page_);
    ASSERT_TRUE(mapped.prefetch(0, 8 * page_));
    EXPECT_TRUE(support::comes_true([&] { return mapped.resident(0, 8 * page_) == 8 * page_; }));
}

TEST_F(MappedFile, PopulateWorksWithAndWithoutTheNewCall) {
    for (auto mode : {mapping_mode::read_only, mapping_mode::read_write}) {
        support::fault_script faults;
        map(0, 8 * page_, {.mode = mode, .populate = true});
        EXPECT_EQ(faults.count(sys::call::madvise), 1u);
        faults.fail(sys::call::madvise, EINVAL, 1);
        auto mapped = map(0, 8 * page_, {.mode = mode, .populate = true});
        EXPECT_EQ(faults.count(sys::call::madvise), 3u);
        faults.fail(sys::call::madvise, EINVAL, 1);
        EXPECT_TRUE(mapped.prefetch(0, page_, completion::wait));
    }
    auto mapped = map(0, 8 * page_, {.mode = mapping_mode::read_write});
    EXPECT_TRUE(mapped.populate_for_writing(0, 8 * page_));
    EXPECT_EQ(written_.content(), content_);
}

TEST_F(MappedFile, OptionsThatFailUnmap) {
    struct {
        mapping_options options;
        sys::call made;
        int reason;
    } const cases[] = {{{.lock = true}, sys::call::mlock, ENOMEM},
                       {{.lock = true}, sys::call::mlock, EAGAIN},
                       {{.populate = true}, sys::call::madvise, ENOMEM},
                       {{.huge_pages = true}, sys::call::madvise, ENOMEM},
                       {{.advice = mapping_advice::sequential}, sys::call::madvise, ENOMEM},
                       {{}, sys::call::mmap, ENOMEM},
                       {{}, sys::call::mmap, EAGAIN},
                       {{}, sys::call::stat, EIO}};
    for (const auto& each : cases) {
        support::fault_script faults;
        faults.fail(each.made, each.reason);
        auto mapped = mapped_region::map(source_.region(0, page_), each.options);
        ASSERT_FALSE(mapped);
        EXPECT_TRUE(mapped.error().is(each.reason)) << mapped.error().message();
        EXPECT_EQ(mapped.error().object(), written_.path());
        EXPECT_EQ(mappings(), 0u);
    }
}

TEST_F(MappedFile, CallsOnPagesFailWithTheFilesName) {
    auto mapped = map(0, page_, {.mode = mapping_mode::read_write});
    support::fault_script faults;
    for (auto made : {sys::call::mlock, sys::call::madvise, sys::call::cachestat, sys::call::stat})
        faults.fail(made, ENOMEM);
    auto expect_named = [&](const auto& done) {
        ASSERT_FALSE(done);
        EXPECT_TRUE(done.error().is(ENOMEM));
        EXPECT_EQ(done.error().object(), written_.path());
    };
    expect_named(mapped.lock(0, page_));
    expect_named(mapped.unlock(0, page_));
    expect_named(mapped.advise(mapping_advice::random, 0, page_));
    expect_named(mapped.prefetch(0, page_));
    expect_named(mapped.prefetch(0, page_, completion::wait));
    expect_named(mapped.populate_for_writing(0, page_));
    expect_named(mapped.huge_pages());
    expect_named(mapped.resident(0, page_));
    expect_named(mapped.check(0, page_));
    expect_named(mapped.grow(2 * page_));
}

// The real limit, which holds only for those without CAP_IPC_LOCK: in a child that has given up
// being root.
TEST_F(MappedFile, MoreLockedThanAllowedIsAnError) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "sanitizers make mlock(2) do nothing";
#endif
    written_.resize(4 << 20);
    ASSERT_EQ(::fchmod(written_.fd(), 0666), 0);
    auto child = ::fork();
    if (child == 0) {
        rlimit limit{1 << 20, 1 << 20};
        bool ready = ::setrlimit(RLIMIT_MEMLOCK, &limit) == 0;
        if (::getuid() == 0) ready = ready && ::setresuid(65534, 65534, 65534) == 0;
        if (!ready) ::_exit(2);
        auto mapped = mapped_region::map(source_.region(0, 4 << 20), {.lock = true});
        bool refused = !mapped && (mapped.error().is(ENOMEM) || mapped.error().is(EAGAIN));
        ::_exit(refused && mapped_region::map(source_.region(0, 4096), {.lock = true}) ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST_F(MappedFile, LocksAndAdvises) {
    auto mapped = map(0, 8 * page_, {.lock = true});
    EXPECT_EQ(mapped.resident(0, 8 * page_), 8 * page_);
    EXPECT_TRUE(mapped.unlock(0, 8 * page_));
    EXPECT_TRUE(mapped.lock(page_ + 3, 10));
    EXPECT_TRUE(mapped.unlock(page_ + 3, 10));
    for (auto advice : {mapping_advice::normal, mapping_advice::sequential, mapping_advice::random,
                        mapping_advice::will_need, mapping_advice::dont_need})
        EXPECT_TRUE(mapped.advise(advice, 5, 3 * page_));
    EXPECT_EQ(as_text(mapped.bytes()), content_);
}

TEST_F(MappedFile, HugePagesAreAdvice) {
    auto mapped = map(0, 8 * page_, {.huge_pages = true});
    support::fault_script faults;
    faults.fail(sys::call::madvise, EINVAL);
    EXPECT_EQ(mapped.huge_pages(), false);
    EXPECT_TRUE(mapped_region::map(source_.region(0, page_), {.huge_pages = true}));
    faults.clear();
    auto taken = mapped.huge_pages();
    ASSERT_TRUE(taken);
    EXPECT_EQ(*taken, std::filesystem::exists("/sys/kernel/mm/transparent_hugepage"));
}

TEST_F(MappedFile, GrowsWhereItIsOrElsewhere) {
    for (bool in_place : {true, false}) {
        support::fault_script faults;
        if (!in_place) faults.fail(sys::call::mremap, ENOMEM);
        written_.resize(8 * page_);
        auto mapped = map(page_ + 1, page_, {.mode = mapping_mode::read_write, .extend = true});
        auto early = mapped.slice(5, 100);
        auto copy = mapped;
        ASSERT_TRUE(mapped.grow(50 * page_));
        EXPECT_EQ(mapped.size(), 50 * page_);
        EXPECT_EQ(source_.size(), 51 * page_ + 1);
        EXPECT_EQ(copy.size(), page_);
        ASSERT_TRUE(mapped.write_at(5, as_bytes("seen by all")));
        EXPECT_EQ(early.text().substr(0, 11), "seen by all");
        EXPECT_EQ(as_text(copy.bytes()).substr(5, 11), "seen by all");
        ASSERT_TRUE(mapped.write_at(49 * page_, as_bytes("far")));
        EXPECT_TRUE(mapped.check(0, 50 * page_));
        EXPECT_TRUE(mapped.grow(50 * page_));
        auto smaller = mapped.grow(49 * page_);
        ASSERT_FALSE(smaller);
        EXPECT_TRUE(smaller.error().is(EINVAL));
        mapped = {};
        copy = {};
        EXPECT_GE(mappings(), 1u);
        early = {};
        EXPECT_EQ(mappings(), 0u);
    }
}

TEST_F(MappedFile, GrownMappingIsGuardedToItsEnd) {
    for (bool in_place : {true, false}) {
        support::fault_script faults;
        if (!in_place) faults.fail(sys::call::mremap, ENOMEM);
        written_.resize(100 * page_);
        auto mapped = map(0, page_);
        auto held = mapped.whole();
        ASSERT_TRUE(mapped.grow(100 * page_));
        written_.resize(page_);
        std::string room(10, '?');
        auto got = mapped.read_at(99 * page_, std::as_writable_bytes(std::span(room)));
        ASSERT_FALSE(got);
        EXPECT_TRUE(got.error().is(ENODATA));
        EXPECT_FALSE(mapping_fault_of(held.bytes()));
    }
}

TEST_F(MappedFile, CopyOnWriteKeepsItsStoresWhenItGrows) {
    mapping_options copying{.mode = mapping_mode::copy_on_write};
    auto mapped = map(0, page_, copying);
    ASSERT_TRUE(mapped.write_at(7, as_bytes("mine")));
    ASSERT_TRUE(mapped.grow(8 * page_));
    EXPECT_EQ(as_text(mapped.bytes()).substr(7, 4), "mine");
    EXPECT_EQ(as_text(mapped.bytes()).substr(page_), content_.substr(page_));
    EXPECT_EQ(written_.content(), content_);

    auto lent = map(0, page_, copying);
    auto slice = lent.slice(0, 10);
    support::fault_script faults;
    faults.fail(sys::call::mremap, ENOMEM);
    auto grown = lent.grow(2 * page_);
    ASSERT_FALSE(grown);
    EXPECT_TRUE(grown.error().is(EBUSY));
    EXPECT_EQ(lent.size(), page_);
    auto alone = map(0, page_, copying);
    grown = alone.grow(2 * page_);
    ASSERT_FALSE(grown);
    EXPECT_TRUE(grown.error().is(ENOMEM));
}

TEST_F(MappedFile, HandlesOfOneMappingGrowInDifferentThreads) {
    written_.resize(1024 * page_);
    auto mapped = map(0, page_);
    std::vector<std::jthread> threads;
    for (std::size_t number = 0; number < 4; ++number) {
        threads.emplace_back([this, own = mapped, number]() mutable {
            for (std::size_t pages = 2 + number; pages < 1000; pages += 7) {
                ASSERT_TRUE(own.grow(pages * page_));
                ASSERT_TRUE(own.check(0, own.size()));
                ASSERT_EQ(own.slice(0, 10).text(), content_.substr(0, 10));
            }
        });
    }
    threads.clear();
    EXPECT_EQ(mapped.size(), page_);
}

}  // namespace
}  // namespace sluice
