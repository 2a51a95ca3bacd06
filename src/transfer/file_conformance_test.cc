// From file to file, by every mechanism that can, at a position and at the cursor; and what is said
// to have been moved when a call fails half way.
#include <array>
#include <cerrno>
#include <csignal>
#include <thread>
#include <tuple>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <sluice/file_transfer.h>

#include "support/delivery.h"
#include "support/fault_script.h"
#include "support/pattern.h"
#include "support/stream_pair.h"
#include "support/temporary_file.h"
#include "sys/files.h"

namespace sluice {
namespace {

using support::difference;
using support::fault_script;
using support::pair_kind;
using support::pattern;
using support::stream_pair;

constexpr std::size_t mib = 1024 * 1024;
constexpr std::array<std::size_t, 12> sizes{0,     1,     4095,    4096,    4097,        65535,
                                            65536, 65537, mib - 1, mib + 1, 2 * mib + 7, 100'003};
constexpr std::array<std::uint64_t, 5> positions{0, 1, 4096, (std::uint64_t{1} << 31) + 5,
                                                 (std::uint64_t{1} << 32) + 4097};
constexpr std::size_t size_max = 3 * mib;

enum class placing { at_position, at_cursor };
void PrintTo(placing which, std::ostream* out) {
    *out << (which == placing::at_position ? "at_position" : "at_cursor");
}

constexpr auto all_mechanisms = {mechanism::reflink,      mechanism::copy_file_range,
                                 mechanism::sendfile,     mechanism::splice,
                                 mechanism::mapped_write, mechanism::read_write};

file writable(const std::string& path) {
    return file(*sys::open(path, O_RDWR), path);
}

class FileToFile : public testing::TestWithParam<std::tuple<mechanism, placing>> {
  protected:
    static mechanism way() { return std::get<0>(GetParam()); }
    static placing placed() { return std::get<1>(GetParam()); }

    void SetUp() override {
        if (placed() == placing::at_position && !traits_of(way()).at_positions)
            GTEST_SKIP() << name_of(way()) << " knows no positions of its target";
        from_.write_at(0, content_);
        for (auto position : {positions[3], positions[4]})
            from_.write_at(position, content_.substr(0, size_max));
    }

    [[nodiscard]] std::string expected(std::uint64_t position, std::size_t size) const {
        return content_.substr(position > 4096 ? 0 : static_cast<std::size_t>(position), size);
    }
    [[nodiscard]] sink target(std::uint64_t place) const {
        if (placed() == placing::at_position) return *sink::at(target_, place);
        EXPECT_EQ(::lseek(target_.fd(), static_cast<off_t>(place), SEEK_SET),
                  static_cast<off_t>(place));
        return *sink::of(target_.fd());
    }
    [[nodiscard]] send_report move(std::uint64_t position, std::size_t size,
                                   std::uint64_t place) const {
        return transfer_to(from_.open().region(position, size), target(place), {.forced = way()});
    }
    [[nodiscard]] std::string written(std::uint64_t place, std::size_t size) const {
        std::string got(size, '\0');
        auto count = target_.read_at(place, std::as_writable_bytes(std::span(got)));
        EXPECT_TRUE(count);
        got.resize(*count);
        return got;
    }
    [[nodiscard]] std::uint64_t cursor() const {
        return static_cast<std::uint64_t>(::lseek(target_.fd(), 0, SEEK_CUR));
    }

    std::string content_ = pattern(4096 + size_max);
    support::temporary_file from_;
    support::temporary_file to_;
    file target_ = writable(to_.path());
    fault_script faults_;
};

TEST_P(FileToFile, EverySizeAtEveryPosition) {
    for (auto position : positions) {
        for (auto size : sizes) {
            SCOPED_TRACE(std::to_string(size) + " bytes from " + std::to_string(position));
            std::uint64_t place = position ^ 4096;  // far places as well, and never the same
            to_.resize(0);
            auto made = move(position, size, place);
            ASSERT_TRUE(made.done()) << made.failed->message();
            ASSERT_EQ(made.bytes, size);
            ASSERT_EQ(difference(written(place, size + 1), expected(position, size)), "");
            ASSERT_EQ(cursor(), placed() == placing::at_cursor ? place + size : 0);
            EXPECT_EQ(made.costs.total().bytes, size);
            // Sharing blocks falls to the next way here unless file system and position allow it.
            if (size > 0 && way() != mechanism::reflink) {
                EXPECT_EQ(made.way, way());
                EXPECT_EQ(made.costs.fallback_count, 0u);
                EXPECT_EQ(made.costs.of(way()).copied_user_kernel,
                          traits_of(way()).user_kernel_copies * size);
            }
        }
    }
}

TEST_P(FileToFile, ShortCalls) {
    auto whole = expected(1, 10'000);
    for (std::size_t cut : {1000, 4096, 9999}) {
        faults_.cut_all(cut);
        to_.resize(0);
        auto made = move(1, whole.size(), 3);
        ASSERT_TRUE(made.done()) << made.failed->message();
        ASSERT_EQ(difference(written(3, whole.size()), whole), "");
    }
}

// Whichever call fails: what is reported is there, and a second transfer does the rest.
TEST_P(FileToFile, ErrorAtEachCallLosesNothing) {
    auto whole = expected(0, 10'000);
    for (auto call :
         {sys::call::copy_file_range, sys::call::clone, sys::call::sendfile, sys::call::splice,
          sys::call::pread, sys::call::pwrite, sys::call::writev, sys::call::mmap}) {
        for (unsigned spared = 0; spared < 8; ++spared) {
            SCOPED_TRACE(std::to_string(static_cast<int>(call)) + " after " +
                         std::to_string(spared));
            faults_.clear();
            faults_.cut_all(3000);
            faults_.fail(call, EIO, 1, spared);
            to_.resize(0);
            auto made = move(0, whole.size(), 5);
            faults_.clear();
            if (made.state == transfer_state::failed) {
                EXPECT_TRUE(made.failed->is(EIO));
            }
            auto first = static_cast<std::size_t>(made.bytes);
            ASSERT_EQ(difference(written(5, first), whole.substr(0, first)), "");
            auto rest = move(first, whole.size() - first, 5 + first);
            ASSERT_TRUE(rest.done());
            ASSERT_EQ(difference(written(5, whole.size()), whole), "");
        }
    }
}

TEST_P(FileToFile, RefusedWaysFallToOneThatWorks) {
    auto whole = expected(0, 100'000);
    for (int reason : {EXDEV, EOPNOTSUPP, ENOSYS, EPERM, EINVAL}) {
        faults_.clear();
        for (auto call : {sys::call::copy_file_range, sys::call::clone, sys::call::sendfile,
                          sys::call::splice, sys::call::mmap})
            faults_.fail(call, call == sys::call::mmap ? ENODEV : reason);
        if (reason == EXDEV) {  // file to file only
            faults_.clear();
            faults_.fail(sys::call::copy_file_range, reason);
            faults_.fail(sys::call::clone, reason);
        }
        to_.resize(0);
        refused_ways remembered;
        file_transfer_options options{.forced = way(), .remembered = &remembered};
        auto made = transfer_to(from_.open().region(0, whole.size()), target(0), options);
        ASSERT_TRUE(made.done()) << made.failed->message();
        ASSERT_EQ(difference(written(0, whole.size() + 1), whole), "");
        for (const auto& taken : made.costs.fallbacks()) {
            bool depends_on_place = taken.from == mechanism::reflink && taken.reason == EINVAL;
            EXPECT_EQ(remembered.sending.contains(taken.from), !depends_on_place);
            EXPECT_NE(taken.reason, 0);
        }
        auto again = transfer_to(from_.open().region(0, whole.size()), target(0), options);
        ASSERT_TRUE(again.done());
        EXPECT_LE(again.costs.fallback_count, reason == EINVAL ? 1u : 0u) << "tried again";
    }
}

TEST_P(FileToFile, SourceCutUnderWay) {
    for (auto call : {sys::call::copy_file_range, sys::call::sendfile, sys::call::splice,
                      sys::call::pread, sys::call::pwrite, sys::call::writev}) {
        from_.write_at(0, content_.substr(0, 200'000));
        to_.resize(0);
        faults_.clear();
        faults_.cut_all(50'000);
        faults_.fail(sys::call::clone, EOPNOTSUPP);
        unsigned calls = 0;
        faults_.before(call, [&] {
            if (++calls == 3) from_.resize(60'000);
        });
        auto made = move(0, 200'000, 0);
        if (calls < 3) continue;  // not a call of this mechanism
        EXPECT_EQ(made.state, transfer_state::source_ended);
        EXPECT_GE(made.bytes, 60'000u);
        EXPECT_LT(made.bytes, 200'000u);
        auto got = written(0, 200'000);
        EXPECT_EQ(got.size(), made.bytes);
        EXPECT_EQ(difference(got.substr(0, 60'000), content_.substr(0, 60'000)), "");
    }
}

INSTANTIATE_TEST_SUITE_P(
    Files, FileToFile,
    testing::Combine(testing::ValuesIn(all_mechanisms),
                     testing::Values(placing::at_position, placing::at_cursor)),
    [](const auto& each) {
        return std::string(name_of(std::get<0>(each.param))) +
               (std::get<1>(each.param) == placing::at_cursor ? "_at_cursor" : "_at_position");
    });

// Into streams: the transfers' own conformance tests say that each mechanism moves the right bytes;
// here it is that transfer_to waits where it should, and says what has arrived.
class FileToStream : public testing::TestWithParam<std::tuple<mechanism, pair_kind>> {
  protected:
    static mechanism way() { return std::get<0>(GetParam()); }
    void SetUp() override {
        std::signal(SIGPIPE, SIG_IGN);
        auto made = stream_pair::make(std::get<1>(GetParam()));
        if (!made) GTEST_SKIP() << made.error().message();
        pair_ = std::make_unique<stream_pair>(*std::move(made));
    }
    [[nodiscard]] sink target() const { return *sink::of(pair_->sending_end()); }
    void let_it_wait() const {
        int flags = ::fcntl(pair_->sending_end(), F_GETFL);
        ASSERT_EQ(::fcntl(pair_->sending_end(), F_SETFL, flags & ~O_NONBLOCK), 0);
    }

    std::string content_ = pattern(6 * mib + 11);
    support::temporary_file from_{content_};
    std::unique_ptr<stream_pair> pair_;
    fault_script faults_;
};

TEST_P(FileToStream, WaitsForASinkThatIsNotNonBlocking) {
    let_it_wait();
    send_report made;
    std::thread sender([&] {
        made = transfer_to(from_.open().region(0, content_.size()), target(), {.forced = way()});
    });
    auto got = pair_->take(content_.size());
    sender.join();
    ASSERT_TRUE(made.done()) << made.failed->message();
    EXPECT_EQ(made.bytes, content_.size());
    EXPECT_EQ(made.way, way());
    EXPECT_EQ(difference(got, content_), "");
}

TEST_P(FileToStream, StopsAtOneThatIs) {
    std::uint64_t sent = 0;
    std::string got;
    for (int rounds = 0; sent < content_.size() && rounds < 100'000; ++rounds) {
        auto made = transfer_to(from_.open().region(sent, content_.size() - sent), target(),
                                {.forced = way()});
        ASSERT_NE(made.state, transfer_state::failed) << made.failed->message();
        sent += made.bytes;
        EXPECT_EQ(made.done(), sent == content_.size());
        got += pair_->take(made.bytes);
        ASSERT_EQ(got.size(), sent);
    }
    EXPECT_EQ(difference(got, content_), "");
}

TEST_P(FileToStream, ErrorAtEachCallLosesNothing) {
    std::string_view whole = std::string_view(content_).substr(0, 40'000);
    for (auto call : {sys::call::sendfile, sys::call::splice, sys::call::pread, sys::call::sendmsg,
                      sys::call::writev}) {
        for (unsigned spared = 0; spared < 6; ++spared) {
            faults_.clear();
            faults_.cut_all(9'000);
            faults_.fail(call, EIO, 1, spared);
            auto made =
                transfer_to(from_.open().region(0, whole.size()), target(), {.forced = way()});
            faults_.clear();
            auto got = pair_->take(made.bytes);
            ASSERT_EQ(difference(got, std::string(whole.substr(0, made.bytes))), "");
            ASSERT_EQ(pair_->take_arrived(), "") << "more has arrived than was reported";
            if (made.done()) {
                EXPECT_EQ(made.bytes, whole.size());
            } else {
                EXPECT_EQ(made.state, transfer_state::failed);
                EXPECT_TRUE(made.failed && made.failed->is(EIO));
            }
        }
    }
}

TEST_P(FileToStream, PeerThatHasGoneFailsIt) {
    let_it_wait();
    pair_->drop_receiver();
    auto made = transfer_to(from_.open().region(0, content_.size()), target(), {.forced = way()});
    ASSERT_EQ(made.state, transfer_state::failed);
    EXPECT_TRUE(made.failed->is(EPIPE) || made.failed->is(ECONNRESET)) << made.failed->message();
    EXPECT_LT(made.bytes, content_.size());
}

INSTANTIATE_TEST_SUITE_P(
    Streams, FileToStream,
    testing::Combine(testing::Values(mechanism::sendfile, mechanism::splice,
                                     mechanism::mapped_write, mechanism::read_write),
                     testing::Values(pair_kind::tcp, pair_kind::unix_socket, pair_kind::pipe)),
    [](const auto& each) {
        return std::string(name_of(std::get<0>(each.param))) + "_into_" +
               std::string(support::name_of(std::get<1>(each.param)));
    });

// What is chosen when nothing is asked for.
TEST(FileToSocket, LargeOnesGoThroughAPipe) {
    auto content = pattern(2 * mib);
    support::temporary_file from(content);
    auto pair = stream_pair::make(pair_kind::tcp);
    ASSERT_TRUE(pair);
    std::uint64_t sent = 0;
    std::array<std::uint64_t, mechanism_count> by_way{};
    while (sent < content.size()) {
        auto made = transfer_to(from.open().region(sent, content.size() - sent),
                                *sink::of(pair->sending_end()));
        ASSERT_NE(made.state, transfer_state::failed);
        sent += made.bytes;
        for (const auto& each : mechanism_table)
            by_way[static_cast<std::size_t>(each.id)] += made.costs.of(each.id).bytes;
        pair->take(made.bytes);
    }
    EXPECT_GT(by_way[static_cast<std::size_t>(mechanism::splice)], mib / 2);
    EXPECT_EQ(by_way[static_cast<std::size_t>(mechanism::read_write)], 0u);
    auto small = transfer_to(from.open().region(0, 100'000), *sink::of(pair->sending_end()));
    EXPECT_EQ(small.way, mechanism::sendfile);
}

}  // namespace
}  // namespace sluice
