#include "file/mapping_faults.h"

#include <atomic>
#include <csignal>
#include <initializer_list>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sluice/file_region.h>

#include "support/comes_true.h"
#include "support/fault_script.h"
#include "support/pattern.h"
#include "support/temporary_file.h"
#include "sys/mapping.h"

namespace sluice {
namespace {

using support::comes_true;
using support::pattern;
using support::temporary_file;

const std::size_t page = sys::page_size();

file writable_file(const temporary_file& written) {
    return file(unique_fd(::fcntl(written.fd(), F_DUPFD_CLOEXEC, 0)), written.path());
}

mapped_region map(const temporary_file& written, std::size_t size, mapping_options options = {}) {
    auto mapped = mapped_region::map(writable_file(written).region(0, size), options);
    EXPECT_TRUE(mapped) << mapped.error().message();
    return *std::move(mapped);
}

// A load that the compiler cannot leave out.
std::byte touch(const std::byte& at) {
    return *static_cast<const volatile std::byte*>(&at);
}

TEST(MappingFaults, UnguardedAccessSurvivesAndReadsZeros) {
    temporary_file written(pattern(4 * page));
    auto mapped = map(written, 4 * page);
    auto before = mapping_faults_taken();
    written.resize(page + 10);
    EXPECT_EQ(touch(mapped.bytes()[2 * page + 5]), std::byte{0});
    EXPECT_EQ(touch(mapped.bytes()[3 * page]), std::byte{0});
    EXPECT_EQ(touch(mapped.bytes()[4 * page - 1]), std::byte{0});
    EXPECT_EQ(mapping_faults_taken() - before, 1u) << "one signal is enough for all behind the end";
    auto fault = mapped.fault_in(0, 4 * page);
    ASSERT_TRUE(fault);
    EXPECT_EQ(fault->reason, ENODATA);
    EXPECT_EQ(fault->position, page + 10);
}

TEST(MappingFaults, ErrorNamesFilePositionAndCause) {
    temporary_file written(pattern(4 * page));
    auto mapped = mapped_region::map(writable_file(written).region(100, 3 * page));
    ASSERT_TRUE(mapped);
    written.resize(page);
    std::string room(page, '?');
    auto got = mapped->read_at(2 * page, std::as_writable_bytes(std::span(room)));
    ASSERT_FALSE(got);
    EXPECT_TRUE(got.error().is(ENODATA));
    EXPECT_EQ(got.error().message(), "access mapped " + written.path() + ", byte " +
                                         std::to_string(100 + 2 * page) +
                                         ", which the file no longer has: No data available");
}

TEST(MappingFaults, AccessesInFrontOfTheLossAreFine) {
    auto content = pattern(8 * page);
    for (std::size_t cut : {std::size_t{0}, std::size_t{1}, page - 1, page, 3 * page + 7}) {
        temporary_file written(content);
        auto mapped = map(written, 8 * page);
        written.resize(cut);
        touch(mapped.bytes()[7 * page]);
        if (cut > 0) {
            EXPECT_TRUE(mapped.check(0, cut)) << cut;
            std::string text(cut, '?');
            ASSERT_TRUE(mapped.read_at(0, std::as_writable_bytes(std::span(text)))) << cut;
            EXPECT_EQ(text, content.substr(0, cut));
            EXPECT_FALSE(mapped.fault_in(cut - 1, 1)) << cut;
        }
        EXPECT_FALSE(mapped.check(cut, 1)) << cut;
        EXPECT_TRUE(mapped.fault_in(cut, 1)) << cut;
        EXPECT_FALSE(mapped.check(0, cut + 1)) << cut;
        EXPECT_TRUE(mapped.check(8 * page, 0));
    }
}

TEST(MappingFaults, EndWithinTheLastPageIsSeenWithoutAFault) {
    temporary_file written(pattern(100));
    auto mapped = map(written, 100);
    auto before = mapping_faults_taken();
    written.resize(50);
    std::string text(20, '?');
    EXPECT_TRUE(mapped.read_at(30, std::as_writable_bytes(std::span(text))));
    auto got = mapped.read_at(31, std::as_writable_bytes(std::span(text)));
    ASSERT_FALSE(got);
    EXPECT_TRUE(got.error().is(ENODATA));
    EXPECT_EQ(mapping_faults_taken(), before);
}

TEST(MappingFaults, LostStoresAreReported) {
    for (auto mode : {mapping_mode::read_write, mapping_mode::copy_on_write}) {
        temporary_file written(pattern(4 * page));
        auto mapped = map(written, 4 * page, {.mode = mode});
        ASSERT_TRUE(mapped.write_at(page, as_bytes("stored")));
        written.resize(2 * page);
        EXPECT_TRUE(mapped.write_at(page, as_bytes("again")));
        auto stored = mapped.write_at(3 * page, as_bytes("lost"));
        ASSERT_FALSE(stored);
        EXPECT_TRUE(stored.error().is(ENODATA));
        EXPECT_FALSE(mapped.write_at(2 * page - 1, as_bytes("xx")));
        if (mode == mapping_mode::read_write) {
            EXPECT_FALSE(mapped.flush(0, 4 * page));
            EXPECT_TRUE(mapped.flush(0, 2 * page));
        }
    }
}

TEST(MappingFaults, GuardedAccessGivesItsValueOrTheError) {
    temporary_file written(pattern(4 * page));
    auto mapped = map(written, 4 * page);
    auto sum = [](bytes_view bytes) {
        unsigned total = 0;
        for (auto each : bytes)
            total += std::to_integer<unsigned>(each);
        return total;
    };
    auto whole = mapped.guarded(0, 4 * page, sum);
    ASSERT_TRUE(whole);
    EXPECT_GT(*whole, 0u);
    written.resize(page);
    EXPECT_TRUE(mapped.guarded(0, page, sum));
    auto cut = mapped.guarded(0, 4 * page, sum);
    ASSERT_FALSE(cut);
    EXPECT_TRUE(cut.error().is(ENODATA));
    EXPECT_FALSE(mapped.guarded(page, 1, [](bytes_view) {}));
}

TEST(MappingFaults, LossLastsUntilRefreshed) {
    auto content = pattern(4 * page);
    temporary_file written(content);
    auto mapped = map(written, 4 * page, {.mode = mapping_mode::read_write});
    written.resize(page / 2);
    touch(mapped.bytes()[3 * page]);
    auto early = mapped.refresh();
    ASSERT_FALSE(early);
    EXPECT_TRUE(early.error().is(ENODATA));
    EXPECT_EQ(early.error().object(), written.path());
    written.write_at(0, content);
    EXPECT_FALSE(mapped.check(2 * page, 10)) << "sticky, although the file is whole again";
    EXPECT_EQ(touch(mapped.bytes()[3 * page]), std::byte{0});
    ASSERT_TRUE(mapped.refresh());
    EXPECT_TRUE(mapped.check(0, 4 * page));
    EXPECT_EQ(as_text(mapped.bytes()), content);
    ASSERT_TRUE(mapped.write_at(3 * page, as_bytes("into the file")));
    EXPECT_EQ(written.content().substr(3 * page, 13), "into the file");
    EXPECT_TRUE(mapped.refresh());
}

TEST(MappingFaults, SliceAloneCanBeAsked) {
    temporary_file written(pattern(4 * page));
    auto slice = map(written, 4 * page).slice(page, 3 * page);
    EXPECT_FALSE(mapping_fault_of(slice.bytes()));
    written.resize(2 * page);
    touch(slice.bytes()[2 * page]);
    auto fault = mapping_fault_of(slice.bytes());
    ASSERT_TRUE(fault);
    EXPECT_EQ(fault->reason, ENODATA);
    EXPECT_EQ(fault->position, 2 * page);
    EXPECT_FALSE(mapping_fault_of(slice.slice(0, page).bytes()));
    EXPECT_TRUE(mapping_fault_of(slice.slice(page + 7, 1).bytes()));
    std::string elsewhere(10, 'x');
    EXPECT_FALSE(mapping_fault_of(as_bytes(elsewhere)));
    EXPECT_FALSE(mapping_fault_of({}));
}

TEST(MappingFaults, WatchesAreUsedAgainWithoutTheirPast) {
    for (int round = 0; round < 3; ++round) {
        temporary_file written(pattern(2 * page));
        auto one = map(written, 2 * page);
        auto other = map(written, 2 * page);
        EXPECT_TRUE(one.check(0, 2 * page));
        written.resize(page);
        touch(one.bytes()[page]);
        EXPECT_TRUE(one.fault_in(page, 1));
        EXPECT_FALSE(other.fault_in(page, 1));
        touch(other.bytes()[page]);
        EXPECT_TRUE(other.fault_in(page, 1));
    }
}

TEST(MappingFaults, ErrnoIsLeftAsItWas) {
    temporary_file written(pattern(2 * page));
    auto mapped = map(written, 2 * page);
    written.resize(0);
    errno = EXDEV;
    touch(mapped.bytes()[page]);
    EXPECT_EQ(errno, EXDEV);
}

TEST(MappingFaults, TruncationHitsTheThreadThatReadsAndNoOther) {
    constexpr std::size_t pages = 64;
    auto content = pattern(pages * page);
    temporary_file written(content);
    auto mapped = map(written, content.size());
    std::atomic<bool> cut{false};
    std::atomic<int> rounds_behind{0};
    std::atomic<int> rounds_in_front{0};
    std::atomic<int> wrong_in_front{0};
    std::optional<error> met;
    std::jthread behind([&, own = mapped] {
        std::string room(8 * page, '?');
        while (!met) {
            auto got = own.read_at((pages - 8) * page, std::as_writable_bytes(std::span(room)));
            if (!got) met = got.error();
            ++rounds_behind;
        }
    });
    std::jthread in_front([&, own = mapped](const std::stop_token& stop) {
        std::string room(8 * page, '?');
        while (!stop.stop_requested()) {
            auto got = own.read_at(0, std::as_writable_bytes(std::span(room)));
            if (!got || room != content.substr(0, room.size())) ++wrong_in_front;
            ++rounds_in_front;
        }
    });
    EXPECT_TRUE(comes_true([&] { return rounds_behind > 10 && rounds_in_front > 10; }));
    written.resize(32 * page);
    behind.join();
    auto rounds = rounds_in_front.load();
    EXPECT_TRUE(comes_true([&] { return rounds_in_front > rounds + 10; }));
    in_front.request_stop();
    in_front.join();
    ASSERT_TRUE(met);
    EXPECT_TRUE(met->is(ENODATA));
    EXPECT_EQ(wrong_in_front, 0);
}

// Readers of a file that is cut and made whole again all the time: a read either gives the file's
// bytes or an error, and the mapping can be had back.
TEST(MappingFaults, ManyCutsUnderManyReaders) {
    constexpr std::size_t pages = 16;
    std::string content(pages * page, 'x');
    auto wanted = content.substr(0, 4 * page);
    temporary_file written(content);
    std::atomic<int> made_up{0};
    std::atomic<int> errors{0};
    std::atomic<int> refreshed{0};
    std::vector<std::jthread> readers;
    for (int number = 0; number < 3; ++number) {
        readers.emplace_back([&, own = map(written, pages * page)](const std::stop_token& stop) {
            std::string room(wanted.size(), '?');
            for (std::size_t at = 0; !stop.stop_requested(); at = (at + 4) % pages) {
                auto got = own.read_at(at * page, std::as_writable_bytes(std::span(room)));
                if (got && room != wanted) ++made_up;
                if (got) continue;
                ++errors;
                if (own.refresh()) ++refreshed;
            }
        });
    }
    int rounds = 0;
    EXPECT_TRUE(comes_true([&] {
        written.resize(page);
        written.write_at(page, std::string_view(content).substr(page));
        return ++rounds > 200 && errors > 20 && refreshed > 20;
    }));
    readers.clear();
    EXPECT_EQ(made_up, 0) << "the file never held anything else";
}

// Pages that cannot be read, as the handler is told of them.
void lose(const mapped_region& mapped, std::initializer_list<std::size_t> pages) {
    for (auto number : pages)
        ASSERT_TRUE(mapping_watch::repair(mapped.bytes().data() + number * page));
}

TEST(MappingFaults, PagesBetweenLostOnesAreNotLost) {
    auto content = pattern(12 * page);
    temporary_file written(content);
    auto mapped = map(written, 12 * page, {.mode = mapping_mode::copy_on_write});
    for (std::size_t number : {0, 2, 5, 11})
        ASSERT_TRUE(mapped.write_at(number * page, as_bytes("mine")));
    lose(mapped, {2, 8});
    EXPECT_TRUE(mapped.check(3 * page, 5 * page));
    EXPECT_FALSE(mapped.check(2 * page, 1));
    EXPECT_FALSE(mapped.check(8 * page, 1));
    EXPECT_EQ(mapped.fault_in(5 * page, 7 * page)->position, 8 * page);
    EXPECT_EQ(mapped.fault_in(0, 12 * page)->position, 2 * page);
    ASSERT_TRUE(mapped.refresh());
    EXPECT_TRUE(mapped.check(0, 12 * page));
    for (std::size_t number : {0, 5, 11})
        content.replace(number * page, 4, "mine");  // and not the one that was lost
    EXPECT_EQ(support::difference(std::string(as_text(mapped.bytes())), content), "");
}

TEST(MappingFaults, ManyLostPlacesAreTakenForOneBehindTheEighth) {
    auto content = pattern(32 * page);
    temporary_file written(content);
    auto mapped = map(written, 32 * page, {.mode = mapping_mode::copy_on_write});
    ASSERT_TRUE(mapped.write_at(1 * page, as_bytes("kept")));
    ASSERT_TRUE(mapped.write_at(23 * page, as_bytes("lost")));
    lose(mapped, {0, 2, 4, 6, 8, 10, 12, 14, 2, 4});
    lose(mapped, {22, 26});
    EXPECT_TRUE(mapped.check(15 * page, 7 * page));
    EXPECT_TRUE(mapped.check(13 * page, page));
    EXPECT_TRUE(mapped.check(27 * page, 5 * page));
    for (std::size_t number : {0, 2, 4, 6, 8, 10, 12, 14, 22, 24, 26})
        EXPECT_FALSE(mapped.check(number * page, page)) << number;
    ASSERT_TRUE(mapped.refresh());
    EXPECT_TRUE(mapped.check(0, 32 * page));
    content.replace(page, 4, "kept");
    EXPECT_EQ(support::difference(std::string(as_text(mapped.bytes())), content), "");
    // Places are kept apart again.
    lose(mapped, {1, 3});
    EXPECT_TRUE(mapped.check(2 * page, page));
}

// Another thread loses a page while refresh() maps: as it makes the call.
class loses_a_page : public sys::fault_injector {
  public:
    explicit loses_a_page(const mapped_region& mapped) : mapped_(&mapped) {}
    sys::fault decide(sys::call made) override {
        if (made == sys::call::mmap) lose(*mapped_, {7});
        return {};
    }

  private:
    const mapped_region* mapped_;
};

TEST(MappingFaults, WhatIsLostDuringRefreshStaysLost) {
    temporary_file written(pattern(8 * page));
    auto mapped = map(written, 8 * page);
    lose(mapped, {3});
    {
        loses_a_page another(mapped);
        sys::scoped_injector injected(another);
        ASSERT_TRUE(mapped.refresh());
    }
    EXPECT_TRUE(mapped.check(0, 7 * page));
    EXPECT_FALSE(mapped.check(7 * page, page));
    support::fault_script faults;
    faults.fail(sys::call::mmap, ENOMEM);
    EXPECT_FALSE(mapped.refresh());
    EXPECT_FALSE(mapped.check(7 * page, page)) << "and after a refresh that failed";
    faults.clear();
    ASSERT_TRUE(mapped.refresh());
    EXPECT_TRUE(mapped.check(0, 8 * page));
}

TEST(MappingFaults, WriteFromTheMappingUnderWayEndsWithEfaultOrLess) {
    constexpr std::size_t size = 16 << 20;
    temporary_file written(std::string(size, 'x'));
    auto mapped = map(written, size);
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    unique_fd read_end(ends[0]);
    unique_fd write_end(ends[1]);
    std::atomic<std::size_t> received{0};
    std::atomic<bool> zeros_seen{false};
    std::jthread writer([&, own = mapped] {
        // One call that cannot end before the reader has taken nearly all of it.
        auto sent = ::write(write_end.get(), own.bytes().data(), size);
        EXPECT_LT(sent, static_cast<ssize_t>(size));
        errno = 0;
        EXPECT_EQ(::write(write_end.get(), own.bytes().data() + size - page, page), -1);
        EXPECT_EQ(errno, EFAULT);
        write_end.reset();
    });
    std::string room(64 * 1024, '?');
    auto take = [&] {
        auto got = ::read(read_end.get(), room.data(), room.size());
        if (got <= 0) return false;
        auto text = std::string_view(room).substr(0, static_cast<std::size_t>(got));
        if (text.find('\0') != text.npos) zeros_seen = true;
        received += static_cast<std::size_t>(got);
        return true;
    };
    while (received < size / 4)
        ASSERT_TRUE(take());
    written.resize(size / 2);
    while (take()) {
    }
    writer.join();
    EXPECT_GE(received, size / 4);
    EXPECT_LE(received, size / 2 + 64 * 1024);
    EXPECT_FALSE(zeros_seen) << "nobody touched the lost bytes, so none were made up";
    auto checked = mapped.check(0, size);
    ASSERT_FALSE(checked);
    EXPECT_TRUE(checked.error().is(ENODATA));
    EXPECT_TRUE(mapped.check(0, size / 2));
}

// What is not about a mapping of ours goes to the handler that was there before. Each in a child,
// since the process has one handler.
using handler = void (*)(int, siginfo_t*, void*);

[[noreturn]] void touch_foreign_mapping(handler before) {
    if (before != nullptr) {
        struct sigaction theirs {};
        theirs.sa_sigaction = before;
        theirs.sa_flags = SA_SIGINFO;
        ::sigaction(SIGBUS, &theirs, nullptr);
    }
    temporary_file written(pattern(2 * page));
    auto mapped = map(written, 2 * page);
    auto* foreign =
        static_cast<std::byte*>(::mmap(nullptr, 2 * page, PROT_READ, MAP_SHARED, written.fd(), 0));
    written.resize(0);
    written.remove();
    touch(mapped.bytes()[0]);  // ours: nobody else hears of it
    touch(foreign[page]);
    ::_exit(1);  // not reached
}

TEST(MappingFaultsDeathTest, ForeignAddressesGoToTheHandlerBefore) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    auto own = [](int, siginfo_t* info, void*) {
        ::_exit(info->si_code == BUS_ADRERR && info->si_addr != nullptr ? 77 : 78);
    };
    EXPECT_EXIT(touch_foreign_mapping(own), testing::ExitedWithCode(77), "");
}

TEST(MappingFaultsDeathTest, SentSignalsGoToTheHandlerBefore) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_EXIT(
        {
            std::signal(SIGBUS, [](int) { ::_exit(79); });
            temporary_file written("abc");
            auto mapped = map(written, 3);
            written.remove();
            ::raise(SIGBUS);
            ::_exit(1);
        },
        testing::ExitedWithCode(79), "");
}

TEST(MappingFaultsDeathTest, IgnoredSignalsStayIgnored) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_EXIT(
        {
            std::signal(SIGBUS, SIG_IGN);
            temporary_file written("abc");
            auto mapped = map(written, 3);
            written.remove();
            ::raise(SIGBUS);
            ::_exit(80);
        },
        testing::ExitedWithCode(80), "");
}

TEST(MappingFaultsDeathTest, WithoutAHandlerBeforeTheProcessEndsAsUsual) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    auto by_default = [] {
        std::signal(SIGBUS, SIG_DFL);
        touch_foreign_mapping(nullptr);
    };
    EXPECT_EXIT(by_default(), testing::KilledBySignal(SIGBUS), "");
    auto sent = [] {
        std::signal(SIGBUS, SIG_DFL);
        temporary_file written("abc");
        auto mapped = map(written, 3);
        written.remove();
        ::raise(SIGBUS);
        ::_exit(1);
    };
    EXPECT_EXIT(sent(), testing::KilledBySignal(SIGBUS), "");
}

}  // namespace
}  // namespace sluice
