// What counts of an appended file after its process or the machine has ended.
#include <atomic>
#include <csignal>
#include <filesystem>
#include <string>

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sluice/mapped_appender.h>

#include "file/mapped_appender_length.h"
#include "file/mapped_appender_testing.h"
#include "support/comes_true.h"
#include "support/fault_script.h"
#include "support/pattern.h"
#include "sys/mapping.h"

namespace sluice {
namespace {

using ending = mapped_appender::ending;
using mapped_appender_testing::read_file;
using mapped_appender_testing::write_file;
using support::comes_true;
using support::fault_script;
using support::pattern;

const std::size_t page = sys::page_size();

class MappedAppenderRecovery : public mapped_appender_testing::files {};

TEST_F(MappedAppenderRecovery, WithoutCloseEverythingAppendedCounts) {
    {
        auto log = open(small_windows());
        ASSERT_TRUE(log.append(pattern(10 * page + 5)));
    }
    EXPECT_TRUE(side_exists());
    EXPECT_GT(std::filesystem::file_size(path_), 10 * page + 5);
    auto log = open();
    EXPECT_EQ(log.found(), ending::process_ended);
    EXPECT_EQ(log.length(), 10 * page + 5);
    ASSERT_TRUE(log.append("more"));
    ASSERT_TRUE(log.close());
    EXPECT_EQ(read_file(path_), pattern(10 * page + 5) + "more");
}

TEST_F(MappedAppenderRecovery, KilledProcessLosesNothing) {
    constexpr std::size_t record_size = 60;
    using counter = std::atomic<std::uint64_t>;
    void* shared = ::mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(shared, MAP_FAILED);
    auto& appended = *static_cast<counter*>(shared);
    std::uint64_t before = 0;
    for (std::uint64_t round = 0; round < 5; ++round) {
        appended = 0;
        auto child = ::fork();
        if (child == 0) {
            auto log =
                mapped_appender::open(path_, {.window_size = page, .window_size_max = 1 << 20});
            if (!log) ::_exit(1);
            for (std::uint64_t count = before;; ++count) {
                if (!log->append(pattern(record_size, count + 1))) ::_exit(2);
                appended = count + 1;
                if (count % 500 == 100 && !log->sync()) ::_exit(3);
            }
        }
        EXPECT_TRUE(comes_true([&] { return appended > before + 700 * round + 10; }));
        ASSERT_EQ(::kill(child, SIGKILL), 0);
        int status = 0;
        ASSERT_EQ(::waitpid(child, &status, 0), child);
        ASSERT_TRUE(WIFSIGNALED(status));
        auto log = open();
        ASSERT_EQ(log.found(), ending::process_ended);
        ASSERT_EQ(log.length() % record_size, 0u) << "a record came in part";
        ASSERT_GE(log.length(), appended * record_size);
        ASSERT_LE(log.length(), (appended + 1) * record_size);
        auto all = *log.slice(0, log.length());
        for (std::uint64_t count = 0; count < log.length() / record_size; ++count)
            ASSERT_EQ(all.slice(count * record_size, record_size).text(),
                      pattern(record_size, count + 1));
        before = log.length() / record_size;
        if (round % 2 == 1) {
            ASSERT_TRUE(log.close());
        }
    }
    ::munmap(shared, page);
}

TEST_F(MappedAppenderRecovery, AfterTheMachineEndedTheSyncedLengthCounts) {
    {
        auto log = open(small_windows());
        ASSERT_TRUE(log.append("synced, "));
        ASSERT_TRUE(log.sync());
        EXPECT_EQ(log.synced_length(), 8u);
        ASSERT_TRUE(log.append("synced again, "));
        ASSERT_TRUE(log.sync());
        ASSERT_TRUE(log.append(pattern(5 * page)));
    }
    change_boot();
    {
        auto log = open();
        EXPECT_EQ(log.found(), ending::machine_ended);
        EXPECT_EQ(log.length(), 22u);
        EXPECT_EQ(log.synced_length(), 22u);
        EXPECT_EQ(std::filesystem::file_size(path_), 22u) << "what lies behind is cut off";
        ASSERT_TRUE(log.append("and on"));
    }
    auto log = open();
    EXPECT_EQ(log.found(), ending::process_ended);
    ASSERT_TRUE(log.close());
    EXPECT_EQ(read_file(path_), "synced, synced again, and on");
}

TEST_F(MappedAppenderRecovery, WithoutASyncTheLengthAtOpeningCounts) {
    write_file(path_, "before");
    {
        auto log = open();
        ASSERT_TRUE(log.append("lost with the machine"));
    }
    change_boot();
    auto log = open();
    EXPECT_EQ(log.found(), ending::machine_ended);
    ASSERT_TRUE(log.close());
    EXPECT_EQ(read_file(path_), "before");
}

TEST_F(MappedAppenderRecovery, TornSlotLeavesTheOneBefore) {
    for (std::size_t torn : {offsetof(length_page, first), offsetof(length_page, second)}) {
        std::filesystem::remove(path_);
        std::filesystem::remove(side_);
        {
            auto log = open();
            for (const char* text : {"a", "b", "c"}) {  // slots: opening, a, b, c
                ASSERT_TRUE(log.append(text));
                ASSERT_TRUE(log.sync());
            }
        }
        change_boot();
        break_slot(torn);
        auto log = open();
        EXPECT_EQ(log.found(), ending::machine_ended);
        EXPECT_EQ(log.length(), torn == offsetof(length_page, second) ? 2u : 3u);
    }
}

TEST_F(MappedAppenderRecovery, BothSlotsTornIsAnErrorThatChangesNothing) {
    {
        auto log = open();
        ASSERT_TRUE(log.append("abc"));
        ASSERT_TRUE(log.sync());
    }
    change_boot();
    break_slot(offsetof(length_page, first));
    break_slot(offsetof(length_page, second));
    auto before = read_file(path_);
    auto log = mapped_appender::open(path_);
    ASSERT_FALSE(log);
    EXPECT_TRUE(log.error().is(EBADMSG));
    EXPECT_EQ(log.error().object(), side_);
    EXPECT_EQ(read_file(path_), before);
    std::filesystem::remove(side_);
    EXPECT_EQ(open().length(), before.size());
}

TEST_F(MappedAppenderRecovery, TornPageOfTheSameBootStillCounts) {
    {
        auto log = open();
        ASSERT_TRUE(log.append("abc"));
    }
    break_slot(offsetof(length_page, first));
    break_slot(offsetof(length_page, second));
    EXPECT_EQ(open().length(), 3u) << "the page cache was not torn";
}

// The process or the machine ended while it opened: the file was not made longer yet.
TEST_F(MappedAppenderRecovery, PageThatWasNeverFinishedDoesNotCount) {
    write_file(path_, "content");
    length_page unfinished;
    std::string text(page, '\0');
    for (auto slot : {length_slot(), length_slot::of(1, 7)}) {
        unfinished.first = slot;
        text.replace(0, sizeof unfinished, reinterpret_cast<const char*>(&unfinished),
                     sizeof unfinished);
        write_file(side_, text);
        auto log = open();
        EXPECT_EQ(log.found(), ending::closed);
        EXPECT_EQ(log.length(), 7u);
        ASSERT_TRUE(log.close());
    }
    write_file(side_, "");
    EXPECT_EQ(open().length(), 7u);
}

// What no appender leaves, whenever it ends.
TEST_F(MappedAppenderRecovery, DamagedPageIsAnErrorThatChangesNothing) {
    write_file(path_, "content");
    length_page another_length;
    another_length.first = length_slot::of(1, 3);
    length_page without_slots;
    without_slots.magic = length_page::magic_now;
    length_page unknown;
    unknown.magic = length_page::magic_now + 1;
    for (const auto& damaged : {&another_length, &without_slots, &unknown}) {
        std::string text(reinterpret_cast<const char*>(damaged), sizeof *damaged);
        text.resize(page);
        write_file(side_, text);
        auto log = mapped_appender::open(path_);
        ASSERT_FALSE(log);
        EXPECT_TRUE(log.error().is(EBADMSG));
        EXPECT_EQ(log.error().object(), side_);
        EXPECT_EQ(read_file(path_), "content");
        EXPECT_EQ(read_file(side_), text);
    }
    std::filesystem::remove(side_);
    EXPECT_EQ(open().length(), 7u);
}

// Ends the process at a flush of the page beside.
class ends_at_flush : public sys::fault_injector {
  public:
    explicit ends_at_flush(int number) : left_(number) {}
    sys::fault decide(sys::call made) override {
        if (made == sys::call::msync && --left_ == 0) ::_exit(9);
        return {};
    }

  private:
    int left_;
};

// Whoever goes on with a page that is only in memory must bring it to the disk: the machine may end
// next, and what was appended since would count wholly or not at all.
TEST_F(MappedAppenderRecovery, ProcessThatEndedWhileItOpenedLeavesNothingUnsafe) {
    for (int flush : {1, 2}) {
        std::filesystem::remove(side_);
        write_file(path_, "content");
        auto child = ::fork();
        if (child == 0) {
            ends_at_flush end(flush);
            sys::scoped_injector injected(end);
            auto log = mapped_appender::open(path_);
            ::_exit(1);
        }
        int status = 0;
        ASSERT_EQ(::waitpid(child, &status, 0), child);
        ASSERT_EQ(WEXITSTATUS(status), 9);
        {
            fault_script calls;
            auto log = open();
            EXPECT_EQ(log.found(), flush == 1 ? ending::closed : ending::process_ended);
            EXPECT_GE(calls.count(sys::call::msync), 1u);
            EXPECT_GE(calls.count(sys::call::sync), 1u) << "the directory";
            ASSERT_TRUE(log.append(", and more"));
        }
        change_boot();
        auto log = open();
        EXPECT_EQ(log.found(), ending::machine_ended);
        EXPECT_EQ(log.length(), 7u);
    }
}

TEST_F(MappedAppenderRecovery, FileShorterThanItsLengthIsAnError) {
    {
        auto log = open();
        ASSERT_TRUE(log.append("abcdef"));
    }
    std::filesystem::resize_file(path_, 5);
    auto log = mapped_appender::open(path_);
    ASSERT_FALSE(log);
    EXPECT_TRUE(log.error().is(ENODATA));
    EXPECT_EQ(std::filesystem::file_size(path_), 5u);
}

TEST_F(MappedAppenderRecovery, BootIsKnown) {
    EXPECT_NE(boot_of_machine(), boot_identity{});
    EXPECT_EQ(boot_of_machine(), boot_of_machine());
    fault_script faults;
    faults.fail(sys::call::open, EACCES);
    EXPECT_EQ(boot_of_machine(), boot_identity{});
}

TEST_F(MappedAppenderRecovery, UnknownBootIsAnotherOne) {
    {
        auto log = open();
        ASSERT_TRUE(log.append("synced"));
        ASSERT_TRUE(log.sync());
        ASSERT_TRUE(log.append("not synced"));
    }
    auto text = read_file(side_);
    text.replace(8, 16, 16, '\0');
    write_file(side_, text);
    auto log = open();
    EXPECT_EQ(log.found(), ending::machine_ended);
    EXPECT_EQ(log.length(), 6u);
}

TEST(LengthSlot, EveryChangedBitShows) {
    auto whole = length_slot::of(7, 123'456'789);
    EXPECT_TRUE(whole.is_whole());
    EXPECT_FALSE(length_slot{}.is_whole());
    for (unsigned bit = 0; bit < 160; ++bit) {
        auto torn = whole;
        if (bit < 64) torn.sequence ^= std::uint64_t{1} << bit;
        if (bit >= 64 && bit < 128) torn.length ^= std::uint64_t{1} << (bit - 64);
        if (bit >= 128) torn.checksum ^= 1U << (bit - 128);
        EXPECT_FALSE(torn.is_whole()) << bit;
    }
    // The CRC-32 of zip and Ethernet, of the bytes 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0.
    EXPECT_EQ(length_slot::of(1, 0).checksum, 0x42d3dac4U);
}

}  // namespace
}  // namespace sluice
