// transfer_to and transfer_from where there is nothing to vary: callbacks, devices, refusals, and
// what descriptors that are not non-blocking are waited for.
#include <cerrno>
#include <csignal>
#include <thread>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <sluice/file_transfer.h>

#include "support/fault_script.h"
#include "support/pattern.h"
#include "support/stream_pair.h"
#include "support/temporary_file.h"
#include "sys/files.h"

namespace sluice {
namespace {

using support::difference;
using support::pair_kind;
using support::pattern;
using support::stream_pair;

constexpr std::size_t mib = 1024 * 1024;

// A temporary file as a target: open for reading and writing.
file writable(const support::temporary_file& written) {
    return file(*sys::open(written.path(), O_RDWR), written.path());
}

std::uint64_t cursor(int fd) {
    return static_cast<std::uint64_t>(::lseek(fd, 0, SEEK_CUR));
}

TEST(TransferToFile, GoesToThePositionAndMovesNoCursor) {
    auto content = pattern(3 * mib + 5);
    support::temporary_file from(content);
    support::temporary_file to("0123456789");
    auto source = from.open();
    auto target = writable(to);
    auto made = transfer_to(source.region(1, content.size() - 1), *sink::at(target, 4));
    ASSERT_TRUE(made.done()) << made.failed->message();
    EXPECT_EQ(made.bytes, content.size() - 1);
    EXPECT_EQ(difference(to.content(), "0123" + content.substr(1)), "");
    EXPECT_EQ(cursor(source.fd()), 0u);
    EXPECT_EQ(cursor(target.fd()), 0u);
    EXPECT_FALSE(made.failed);
}

TEST(TransferToFile, AtItsCursorMovesIt) {
    auto content = pattern(100'000);
    support::temporary_file from(content);
    support::temporary_file to("0123456789");
    auto target = writable(to);
    ASSERT_EQ(::lseek(target.fd(), 4, SEEK_SET), 4);
    auto made = transfer_to(from.open().region(0, content.size()), *sink::of(target.fd()));
    ASSERT_TRUE(made.done()) << made.failed->message();
    EXPECT_EQ(difference(to.content(), "0123" + content), "");
    EXPECT_EQ(cursor(target.fd()), 4 + content.size());
}

TEST(TransferToFile, OverlappingRangesAreRefused) {
    auto content = pattern(10'000);
    support::temporary_file both(content);
    auto target = writable(both);
    auto other = writable(both);
    for (auto [position, size, place, refused] : {std::tuple{0u, 100u, 99u, true},
                                                  {0u, 100u, 100u, false},
                                                  {100u, 100u, 1u, true},
                                                  {100u, 100u, 0u, false},
                                                  {5u, 10u, 5u, true},
                                                  {5u, 0u, 5u, false}}) {
        SCOPED_TRACE(std::to_string(position) + " " + std::to_string(place));
        auto made = transfer_to(target.region(position, size), *sink::at(other, place));
        EXPECT_EQ(made.state == transfer_state::failed, refused);
        EXPECT_EQ(made.bytes, refused ? 0 : size);
        if (refused) {
            EXPECT_TRUE(made.failed->is(EINVAL)) << made.failed->message();
        }
    }
    ASSERT_EQ(::lseek(other.fd(), 50, SEEK_SET), 50);
    auto at_cursor = transfer_to(target.region(0, 60), *sink::of(other.fd()));
    EXPECT_EQ(at_cursor.state, transfer_state::failed);
}

TEST(TransferToFile, ShorterThanThought) {
    support::temporary_file from("0123456789");
    support::temporary_file to;
    auto made = transfer_to(from.open().region(4, 1000), *sink::at(writable(to), 0));
    EXPECT_EQ(made.state, transfer_state::source_ended);
    EXPECT_EQ(made.bytes, 6u);
    EXPECT_EQ(to.content(), "456789");
}

// Files of /proc have no size, so that copy_file_range(2) takes them for empty.
TEST(TransferToFile, FromAFileWithoutASize) {
    support::temporary_file to;
    auto source = file::open("/proc/self/status");
    ASSERT_TRUE(source);
    auto made = transfer_to(source->region(0, 1 << 20), *sink::at(writable(to), 0));
    EXPECT_EQ(made.state, transfer_state::source_ended) << made.failed->message();
    EXPECT_GT(made.bytes, 100u);
    EXPECT_EQ(to.content().substr(0, 5), "Name:");
}

TEST(TransferToCallback, GetsTheBytesInOrder) {
    auto content = pattern(mib + 3);
    support::temporary_file from(content);
    std::string got;
    auto made = transfer_to(from.open().region(2, content.size() - 2),
                            [&](bytes_view bytes) -> result<std::size_t> {
                                got += as_text(bytes);
                                return bytes.size();
                            });
    EXPECT_TRUE(made.done());
    EXPECT_EQ(made.bytes, content.size() - 2);
    EXPECT_EQ(difference(got, content.substr(2)), "");
    EXPECT_EQ(made.costs.of(mechanism::read_write).copied_user_kernel, made.bytes);
}

TEST(TransferToCallback, StopsWhereItTakesNoMore) {
    support::temporary_file from("0123456789");
    auto made =
        transfer_to(from.open().region(0, 10), [](bytes_view) -> result<std::size_t> { return 3; });
    EXPECT_EQ(made.state, transfer_state::would_block);
    EXPECT_EQ(made.bytes, 3u);
}

TEST(TransferToCallback, PassesItsErrorOn) {
    support::temporary_file from(pattern(mib));
    std::uint64_t got = 0;
    auto made =
        transfer_to(from.open().region(0, mib), [&](bytes_view bytes) -> result<std::size_t> {
            if (got > 0) return failure(ENOSPC, "store");
            got += bytes.size();
            return bytes.size();
        });
    EXPECT_EQ(made.state, transfer_state::failed);
    ASSERT_TRUE(made.failed);
    EXPECT_EQ(made.failed->operation(), "store");
    EXPECT_EQ(made.bytes, got);
}

// The block that the callback reads from is not the one that its own transfer uses.
TEST(TransferToCallback, MayTransferItself) {
    auto content = pattern(300'000);
    support::temporary_file outer(content);
    support::temporary_file inner(pattern(300'000, 2));
    std::string got;
    auto made = transfer_to(
        outer.open().region(0, content.size()), [&](bytes_view bytes) -> result<std::size_t> {
            auto nested =
                transfer_to(inner.open().region(0, 300'000),
                            [](bytes_view all) -> result<std::size_t> { return all.size(); });
            EXPECT_TRUE(nested.done());
            got += as_text(bytes);
            return bytes.size();
        });
    EXPECT_TRUE(made.done());
    EXPECT_EQ(difference(got, content), "");
}

TEST(TransferToDevice, TakesAll) {
    support::temporary_file from(pattern(300'000));
    auto device = sys::open("/dev/null", O_WRONLY);
    auto made = transfer_to(from.open().region(0, 300'000), *sink::of(device->get()));
    EXPECT_TRUE(made.done());
    EXPECT_EQ(made.bytes, 300'000u);
}

TEST(TransferFromDevice, FillsAFile) {
    support::temporary_file to(pattern(1000));
    auto device = sys::open("/dev/zero", O_RDONLY);
    auto from = byte_source::of(device->get());
    ASSERT_TRUE(from);
    EXPECT_EQ(from->kind(), source_kind::character_device);
    for (auto way : {receive_way::read_write, receive_way::splice}) {
        SCOPED_TRACE(name_of(way));
        auto made = transfer_from(*from, writable(to), 1000, mib, {.forced_receive = way});
        ASSERT_TRUE(made.done()) << made.failed->message();
        EXPECT_EQ(made.bytes, mib);
        EXPECT_EQ(difference(to.content(), pattern(1000) + std::string(mib, '\0')), "");
        to.resize(1000);
    }
}

TEST(TransferFromDevice, Ends) {
    support::temporary_file to;
    auto device = sys::open("/dev/null", O_RDONLY);
    auto made = transfer_from(*byte_source::of(device->get()), writable(to), 0, 10);
    EXPECT_EQ(made.state, transfer_state::source_ended);
    EXPECT_EQ(made.bytes, 0u);
}

TEST(TransferFromCallback, FillsUpToTheCount) {
    support::temporary_file to;
    auto content = pattern(mib);
    std::size_t given = 0;
    auto fill = [&](writable_bytes room) -> result<std::size_t> {
        auto count = std::min<std::size_t>(room.size(), 1001);
        copy_bytes(room, as_bytes(std::string_view(content).substr(given, count)));
        given += count;
        return count;
    };
    auto made = transfer_from(fill, writable(to), 7, 100'000);
    EXPECT_TRUE(made.done());
    EXPECT_EQ(made.bytes, 100'000u);
    EXPECT_EQ(given, 100'000u);
    EXPECT_EQ(difference(to.content().substr(7), content.substr(0, 100'000)), "");
}

TEST(TransferFromCallback, EndsAndFails) {
    support::temporary_file to;
    auto ended =
        transfer_from([](writable_bytes) -> result<std::size_t> { return 0; }, writable(to), 0, 10);
    EXPECT_EQ(ended.state, transfer_state::source_ended);
    auto failed =
        transfer_from([](writable_bytes) -> result<std::size_t> { return failure(EIO, "inflate"); },
                      writable(to), 0, 10);
    EXPECT_EQ(failed.state, transfer_state::failed);
    EXPECT_EQ(failed.failed->operation(), "inflate");
    EXPECT_TRUE(failed.unwritten.empty());
}

TEST(TransferFrom, RegionOfAnotherFile) {
    support::temporary_file from(pattern(100'000));
    support::temporary_file to;
    auto made = transfer_from(from.open().region(10, 1000), writable(to), 5);
    EXPECT_TRUE(made.done());
    EXPECT_EQ(to.content().substr(5), pattern(100'000).substr(10, 1000));
}

// It would read what it has just written, without end.
TEST(TransferFrom, OwnFileIsRefusedWhereRangesOverlap) {
    support::temporary_file both(std::string(1000, 'a'));
    auto target = writable(both);
    unique_fd reader(*sys::open(both.path(), O_RDONLY));
    for (auto [place, count, refused] :
         {std::tuple{1000u, std::uint64_t{1001}, true}, std::tuple{1000u, UINT64_MAX, true},
          std::tuple{0u, std::uint64_t{1}, true}, std::tuple{1000u, std::uint64_t{1000}, false}}) {
        auto made = transfer_from(*byte_source::of(reader.get()), target, place, count);
        EXPECT_EQ(made.state == transfer_state::failed, refused);
        EXPECT_EQ(made.bytes, refused ? 0u : 1000u);
        if (refused) {
            EXPECT_TRUE(made.failed->is(EINVAL));
        }
    }
    EXPECT_EQ(both.content(), std::string(2000, 'a'));
}

TEST(TransferFrom, UnfitTargetsAreRefusedBeforeAnythingIsTaken) {
    constexpr auto beyond = std::uint64_t{1} << 63;
    support::temporary_file to;
    auto pair = *stream_pair::make(pair_kind::tcp);
    ASSERT_EQ(::write(pair.sending_end(), "content", 7), 7);
    ASSERT_TRUE(pair.wait_for_either());
    auto source = *byte_source::of(pair.receiving_end());
    refused_ways remembered;
    for (auto way : {receive_way::read_write, receive_way::splice, receive_way::mapped_receive}) {
        file_transfer_options options{.forced_receive = way, .remembered = &remembered};
        auto far = transfer_from(source, writable(to), beyond, 7, options);
        ASSERT_TRUE(far.failed);
        EXPECT_TRUE(far.failed->is(EINVAL));
        auto locked = transfer_from(source, to.open(), 0, 7, options);
        ASSERT_TRUE(locked.failed);
        EXPECT_TRUE(locked.failed->is(EBADF));
    }
    EXPECT_TRUE(transfer_from(to.open().region(0, 0), to.open(), 0).failed->is(EBADF));
    EXPECT_TRUE(transfer_from(to.open().region(0, 0), writable(to), beyond).failed->is(EINVAL));
    for (auto reason : remembered.receiving_reason)
        EXPECT_EQ(reason, 0);
    EXPECT_EQ(pair.take_arrived(), "content");
}

TEST(TransferFrom, RefusalsOfTheMomentAreNotRemembered) {
    support::temporary_file to;
    auto target = writable(to);
    for (int reason : {ENOSPC, EFAULT, EBADF, EMFILE}) {
        auto pair = *stream_pair::make(pair_kind::tcp);
        ASSERT_EQ(::write(pair.sending_end(), "content", 7), 7);
        ASSERT_TRUE(pair.wait_for_either());
        refused_ways remembered;
        support::fault_script faults;
        faults.fail(sys::call::mmap, reason);
        auto made = transfer_from(
            *byte_source::of(pair.receiving_end()), target, 0, 7,
            {.forced_receive = receive_way::mapped_receive, .remembered = &remembered});
        ASSERT_TRUE(made.done());
        ASSERT_EQ(made.costs.fallbacks().size(), 1u);
        EXPECT_EQ(made.costs.fallbacks()[0].reason, reason);
        EXPECT_FALSE(remembered.receiving.contains(receive_way::mapped_receive)) << reason;
    }
}

TEST(TransferFrom, EinvalNearTheLastPositionIsNotRemembered) {
    support::temporary_file to;
    auto pair = *stream_pair::make(pair_kind::tcp);
    ASSERT_EQ(::write(pair.sending_end(), "content", 7), 7);
    ASSERT_TRUE(pair.wait_for_either());
    refused_ways remembered;
    auto made =
        transfer_from(*byte_source::of(pair.receiving_end()), writable(to), INT64_MAX - 3, 7,
                      {.forced_receive = receive_way::splice, .remembered = &remembered});
    EXPECT_FALSE(made.done());
    EXPECT_FALSE(remembered.receiving.contains(receive_way::splice));
    EXPECT_EQ(std::string(as_text(made.unwritten.bytes())) + pair.take_arrived(), "content");
}

TEST(TransferFromCallback, MoreThanThereIsRoomForIsAnError) {
    support::temporary_file to;
    auto overrun = [](writable_bytes room) -> result<std::size_t> { return room.size() + 1; };
    auto made = transfer_from(overrun, writable(to), 0, 10);
    ASSERT_TRUE(made.failed);
    EXPECT_TRUE(made.failed->is(EINVAL));
    EXPECT_EQ(made.bytes, 0u);
}

TEST(TransferToCallback, MoreThanThereIsIsAnError) {
    support::temporary_file from("0123456789");
    auto overrun = [](bytes_view bytes) -> result<std::size_t> { return bytes.size() + 1; };
    auto made = transfer_to(from.open().region(0, 10), overrun);
    ASSERT_TRUE(made.failed);
    EXPECT_TRUE(made.failed->is(EINVAL));
    EXPECT_EQ(made.bytes, 0u);
}

TEST(TransferFrom, FileOpenedForAppendingIsRefused) {
    support::temporary_file to("x");
    file log(*sys::open(to.path(), O_WRONLY | O_APPEND), "log");
    auto device = sys::open("/dev/zero", O_RDONLY);
    auto made = transfer_from(*byte_source::of(device->get()), log, 0, 10);
    EXPECT_EQ(made.state, transfer_state::failed);
    EXPECT_TRUE(made.failed->is(EINVAL));
    EXPECT_EQ(made.failed->object(), "log");
    auto filled = transfer_from(
        [](writable_bytes room) -> result<std::size_t> { return room.size(); }, log, 0, 10);
    EXPECT_TRUE(filled.failed->is(EINVAL));
    EXPECT_EQ(to.content(), "x");
}

}  // namespace
}  // namespace sluice
