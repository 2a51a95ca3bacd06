// The calls that move bytes from file to file and from streams into files, and what they need to
// know of descriptors.
#include <array>
#include <cerrno>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/fault_script.h"
#include "support/pattern.h"
#include "support/stream_pair.h"
#include "support/temporary_file.h"
#include "sys/descriptors.h"
#include "sys/event_poll.h"
#include "sys/io.h"
#include "sys/sockets.h"

namespace sluice::sys {
namespace {

using support::fault_script;
using support::pair_kind;
using support::stream_pair;

constexpr std::uint64_t far_away = (std::uint64_t{1} << 33) + 1;

TEST(Pwrite, AtAPosition) {
    support::temporary_file to("0123");
    auto put = pwrite(to.fd(), as_bytes("abc"), 2);
    ASSERT_TRUE(put);
    EXPECT_EQ(put->bytes, 3u);
    EXPECT_EQ(to.content(), "01abc");
    ASSERT_TRUE(pwrite(to.fd(), as_bytes("x"), far_away));
    EXPECT_EQ(*to.open().size(), far_away + 1);
}

TEST(CopyFileRange, AtAPositionAndAtTheCursor) {
    support::temporary_file from("0123456789");
    support::temporary_file to("abc");
    auto moved = copy_file_range(to.fd(), 1, from.fd(), 4, 100);
    ASSERT_TRUE(moved) << moved.error().message();
    EXPECT_EQ(moved->bytes, 6u);
    EXPECT_EQ(to.content(), "a456789");
    EXPECT_EQ(*cursor_of(to.fd()), 0u);
    ASSERT_TRUE(copy_file_range(to.fd(), std::nullopt, from.fd(), 0, 1));
    EXPECT_EQ(*cursor_of(to.fd()), 1u);
    auto at_end = copy_file_range(to.fd(), 0, from.fd(), 10, 100);
    ASSERT_TRUE(at_end);
    EXPECT_TRUE(at_end->at_end());
}

TEST(CopyFileRange, IsCutAndFailed) {
    fault_script faults;
    support::temporary_file from("0123456789");
    support::temporary_file to;
    faults.cut(call::copy_file_range, 3);
    EXPECT_EQ(copy_file_range(to.fd(), 0, from.fd(), 0, 10)->bytes, 3u);
    faults.fail(call::copy_file_range, EXDEV);
    EXPECT_TRUE(copy_file_range(to.fd(), 0, from.fd(), 0, 10).error().is(EXDEV));
}

TEST(CloneRange, SaysWhyNot) {
    support::temporary_file from("0123456789");
    support::temporary_file to;
    auto shared = clone_range(to.fd(), 1, from.fd(), 1, 3);  // no block begins there
    ASSERT_FALSE(shared);
    EXPECT_EQ(shared.error().operation(), "ioctl FICLONERANGE");
    EXPECT_EQ(to.content(), "");
    fault_script faults;
    faults.fail(call::clone, EIO);
    EXPECT_TRUE(clone_range(to.fd(), 0, from.fd(), 0, 10).error().is(EIO));
}

TEST(Splice, FromAStreamThroughAPipeToAFile) {
    auto pair = stream_pair::make(pair_kind::tcp);
    ASSERT_TRUE(pair);
    auto pipe = make_pipe(65536);
    ASSERT_TRUE(pipe);
    auto none = splice_to_pipe(pipe->write_end.get(), pair->receiving_end(), 100);
    ASSERT_TRUE(none) << none.error().message();
    EXPECT_TRUE(none->would_block);
    ASSERT_EQ(::write(pair->sending_end(), "content", 7), 7);
    ASSERT_TRUE(pair->wait_for_either());
    EXPECT_EQ(splice_to_pipe(pipe->write_end.get(), pair->receiving_end(), 100)->bytes, 7u);
    support::temporary_file to("abc");
    EXPECT_EQ(splice_to_file(to.fd(), 1, pipe->read_end.get(), 100)->bytes, 7u);
    EXPECT_EQ(to.content(), "acontent");
    EXPECT_TRUE(splice_to_file(to.fd(), 1, pipe->read_end.get(), 100)->would_block);
    pair->finish_sending();
    ASSERT_TRUE(wait_until(pair->receiving_end(), readiness::to_read, 20'000));
    EXPECT_TRUE(splice_to_pipe(pipe->write_end.get(), pair->receiving_end(), 100)->at_end());
}

TEST(Receive, ForAllWaitsForAll) {
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    unique_fd one(ends[0]);
    unique_fd other(ends[1]);
    ASSERT_EQ(::write(one.get(), "0123456789", 10), 10);
    std::array<std::byte, 20> room;
    EXPECT_EQ(receive(other.get(), std::span(room).first(4), receive_wait::for_all)->bytes, 4u);
    one.reset();  // the end is as good
    EXPECT_EQ(receive(other.get(), room, receive_wait::for_all)->bytes, 6u);
}

TEST(FlagsOf, NonBlockingAndAppending) {
    support::temporary_file written;
    unique_fd plain(::open(written.path().c_str(), O_RDONLY | O_CLOEXEC));
    EXPECT_FALSE(flags_of(plain.get())->nonblocking);
    EXPECT_FALSE(flags_of(plain.get())->appending);
    EXPECT_FALSE(flags_of(plain.get())->writable);
    unique_fd log(::open(written.path().c_str(), O_WRONLY | O_APPEND | O_NONBLOCK | O_CLOEXEC));
    EXPECT_TRUE(flags_of(log.get())->nonblocking);
    EXPECT_TRUE(flags_of(log.get())->appending);
    EXPECT_TRUE(flags_of(log.get())->writable);
    EXPECT_TRUE(flags_of(-1).error().is(EBADF));
}

TEST(Cursor, IsReadAndSet) {
    support::temporary_file written;
    ASSERT_TRUE(set_cursor(written.fd(), far_away));
    EXPECT_EQ(*cursor_of(written.fd()), far_away);
    auto pipe = make_pipe(4096);
    ASSERT_TRUE(pipe);
    EXPECT_TRUE(cursor_of(pipe->read_end.get()).error().is(ESPIPE));
    EXPECT_TRUE(set_cursor(pipe->read_end.get(), 0).error().is(ESPIPE));
}

TEST(SameFile, IsAboutTheFileAndNotItsDescriptor) {
    support::temporary_file one;
    support::temporary_file other;
    EXPECT_TRUE(*same_file(one.fd(), one.open().fd()));
    EXPECT_FALSE(*same_file(one.fd(), other.fd()));
    EXPECT_TRUE(same_file(one.fd(), -1).error().is(EBADF));
}

TEST(WaitUntil, ReadyOrOutOfTime) {
    auto pair = stream_pair::make(pair_kind::pipe);
    ASSERT_TRUE(pair);
    EXPECT_FALSE(*wait_until(pair->receiving_end(), readiness::to_read, 0));
    EXPECT_TRUE(*wait_until(pair->sending_end(), readiness::to_write, 0));
    ASSERT_EQ(::write(pair->sending_end(), "x", 1), 1);
    EXPECT_TRUE(*wait_until(pair->receiving_end(), readiness::to_read, -1));
}

TEST(EventPoll, TellsOfErrorsOnce) {
    auto epoll = make_epoll();
    ASSERT_TRUE(epoll);
    auto pair = stream_pair::make(pair_kind::pipe);
    ASSERT_TRUE(pair);
    ASSERT_TRUE(watch_errors(epoll->get(), pair->sending_end(), 77));
    std::array<std::uint64_t, 4> keys{};
    EXPECT_EQ(*wait_for_news(epoll->get(), keys, 0), 0u);
    pair->drop_receiver();  // an error for the sender
    ASSERT_EQ(*wait_for_news(epoll->get(), keys, 20'000), 1u);
    EXPECT_EQ(keys[0], 77u);
    EXPECT_EQ(*wait_for_news(epoll->get(), keys, 0), 0u);
    EXPECT_FALSE(watch_errors(epoll->get(), -1, 1));
    EXPECT_FALSE(wait_for_news(-1, keys, 0));
}

TEST(Zerocopy, CompletionsCountCalls) {
    auto pair = stream_pair::make(pair_kind::tcp);
    ASSERT_TRUE(pair);
    ASSERT_TRUE(allow_zerocopy(pair->sending_end()));
    EXPECT_EQ(*next_completion(pair->sending_end()), std::nullopt);
    auto content = support::pattern(50'000);
    iovec part{content.data(), content.size()};
    for (int call = 0; call < 3; ++call) {
        auto moved = send_zerocopy(pair->sending_end(), {&part, 1}, more_follows::no);
        ASSERT_TRUE(moved) << moved.error().message();
        ASSERT_EQ(pair->take(moved->bytes).size(), moved->bytes);
    }
    std::uint32_t next = 0;
    while (next < 3) {
        ASSERT_TRUE(*wait_until(pair->sending_end(), readiness::to_read, 20'000));
        auto found = next_completion(pair->sending_end());
        ASSERT_TRUE(found && *found);
        EXPECT_EQ((*found)->first, next);
        EXPECT_TRUE((*found)->copied) << "the receiver is on this machine";
        next = (*found)->last + 1;
    }
    EXPECT_EQ(next, 3u);
    EXPECT_EQ(*next_completion(pair->sending_end()), std::nullopt);
}

TEST(Zerocopy, OnlyWhereItIsKnown) {
    auto pair = stream_pair::make(pair_kind::pipe);
    ASSERT_TRUE(pair);
    EXPECT_TRUE(allow_zerocopy(pair->sending_end()).error().is(ENOTSOCK));
    EXPECT_TRUE(next_completion(pair->sending_end()).error().is(ENOTSOCK));
}

}  // namespace
}  // namespace sluice::sys
