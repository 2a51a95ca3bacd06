#include "sys/io.h"

#include <array>
#include <atomic>
#include <csignal>
#include <thread>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/time.h>
#include <unistd.h>

#include "support/fault_script.h"
#include "support/pattern.h"
#include "support/stream_pair.h"
#include "support/temporary_file.h"
#include "sys/descriptors.h"

namespace sluice::sys {
namespace {

using support::pair_kind;
using support::stream_pair;

std::array<iovec, 3> three_parts() {
    static char texts[3][4] = {"abc", "def", "ghi"};
    return {iovec{texts[0], 3}, iovec{texts[1], 3}, iovec{texts[2], 3}};
}

// Signals that interrupt system calls (no SA_RESTART) while the object lives.
class interruptions {
  public:
    interruptions() {
        count = 0;
        struct sigaction action {};
        action.sa_handler = [](int) { ++count; };
        ::sigaction(SIGALRM, &action, &before_);
        itimerval often{.it_interval = {0, 1000}, .it_value = {0, 1000}};
        ::setitimer(ITIMER_REAL, &often, nullptr);
    }
    interruptions(const interruptions&) = delete;
    interruptions& operator=(const interruptions&) = delete;
    ~interruptions() {
        itimerval never{};
        ::setitimer(ITIMER_REAL, &never, nullptr);
        ::sigaction(SIGALRM, &before_, nullptr);
    }
    static inline std::atomic<int> count{0};  // lock-free, so a handler may add to it

  private:
    struct sigaction before_ {};
};

TEST(Io, InterruptedReadIsRetried) {
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);  // it blocks
    unique_fd reading(ends[0]);
    unique_fd writing(ends[1]);
    // Signals go to the reading thread alone: the writer blocks them before it starts.
    sigset_t alarm;
    sigemptyset(&alarm);
    sigaddset(&alarm, SIGALRM);
    ::pthread_sigmask(SIG_BLOCK, &alarm, nullptr);
    std::thread writer([&] {
        while (interruptions::count < 5)
            ::usleep(1000);
        EXPECT_EQ(::write(writing.get(), "late", 4), 4);
    });
    std::array<std::byte, 10> room{};
    result<moved> got;
    {
        interruptions every_millisecond;
        ::pthread_sigmask(SIG_UNBLOCK, &alarm, nullptr);
        got = read(reading.get(), room);
    }
    writer.join();
    ASSERT_TRUE(got) << got.error().message();
    EXPECT_EQ(as_text(bytes_view(room).first(got->bytes)), "late");
    EXPECT_GE(interruptions::count, 5);
}

TEST(Io, EmptyPipeWouldBlockAndAnEndIsAnEnd) {
    auto pipe = make_pipe(4096);
    ASSERT_TRUE(pipe);
    std::array<std::byte, 10> room{};
    auto got = read(pipe->read_end.get(), room);
    ASSERT_TRUE(got);
    EXPECT_TRUE(got->would_block);
    EXPECT_FALSE(got->at_end());
    pipe->write_end.reset();
    got = read(pipe->read_end.get(), room);
    ASSERT_TRUE(got);
    EXPECT_TRUE(got->at_end());
}

TEST(Io, FullPipeWouldBlock) {
    auto pipe = make_pipe(4096);
    ASSERT_TRUE(pipe);
    auto content = support::pattern(pipe->capacity + 1);
    auto written = write(pipe->write_end.get(), as_bytes(content));
    ASSERT_TRUE(written);
    EXPECT_EQ(written->bytes, pipe->capacity);
    EXPECT_FALSE(written->would_block);
    written = write(pipe->write_end.get(), as_bytes("x"));
    ASSERT_TRUE(written);
    EXPECT_TRUE(written->would_block);
    EXPECT_EQ(written->bytes, 0u);
}

TEST(Io, ErrorsCarryReasonAndOperation) {
    std::array<std::byte, 1> room{};
    auto got = read(-1, room);
    ASSERT_FALSE(got);
    EXPECT_TRUE(got.error().is(EBADF));
    EXPECT_EQ(got.error().operation(), "read");
    EXPECT_EQ(sendfile(-1, -1, 0, 1).error().operation(), "sendfile");
    EXPECT_EQ(splice_from_pipe(-1, -1, 1, more_follows::no).error().operation(), "splice");
    EXPECT_EQ(pread(-1, room, 0).error().operation(), "pread");
}

TEST(Io, PeerThatHasGoneIsAnErrorAndNoSignal) {
    auto pair = stream_pair::make(pair_kind::unix_socket);
    ASSERT_TRUE(pair);
    pair->drop_receiver();
    auto parts = three_parts();
    std::signal(SIGPIPE, SIG_DFL);  // send() itself must not raise it
    auto sent = send(pair->sending_end(), parts, more_follows::no);
    ASSERT_FALSE(sent);
    EXPECT_TRUE(sent.error().is(EPIPE));
}

TEST(Io, GatheredCallsKeepTheOrder) {
    for (auto kind : {pair_kind::tcp, pair_kind::unix_socket}) {
        auto pair = stream_pair::make(kind);
        ASSERT_TRUE(pair);
        auto sent = send(pair->sending_end(), three_parts(), more_follows::no);
        ASSERT_TRUE(sent);
        EXPECT_EQ(sent->bytes, 9u);
        EXPECT_EQ(pair->take(9), "abcdefghi");
    }
    auto pair = stream_pair::make(pair_kind::pipe);
    ASSERT_TRUE(pair);
    auto written = writev(pair->sending_end(), three_parts());
    ASSERT_TRUE(written);
    EXPECT_EQ(pair->take(written->bytes), "abcdefghi");
}

TEST(Io, ReceiveTakesWhatIsThere) {
    auto pair = stream_pair::make(pair_kind::tcp);
    ASSERT_TRUE(pair);
    std::array<std::byte, 16> room{};
    auto got = receive(pair->sending_end(), room);
    ASSERT_TRUE(got);
    EXPECT_TRUE(got->would_block);
    ASSERT_EQ(::write(pair->receiving_end(), "answer", 6), 6);
    ASSERT_TRUE(pair->wait_for_either());
    do {
        got = receive(pair->sending_end(), room);
        ASSERT_TRUE(got);
    } while (got->would_block);
    EXPECT_EQ(as_text(bytes_view(room).first(got->bytes)), "answer");
}

TEST(Io, PositionsDoNotMoveTheFile) {
    support::temporary_file written("abcdef");
    auto opened = written.open();
    std::array<std::byte, 2> room{};
    for (int repeat = 0; repeat < 2; ++repeat) {
        auto got = pread(opened.fd(), room, 3);
        ASSERT_TRUE(got);
        EXPECT_EQ(as_text(room), "de");
        auto pair = stream_pair::make(pair_kind::pipe);
        ASSERT_TRUE(pair);
        EXPECT_EQ(sendfile(pair->sending_end(), opened.fd(), 4, 10)->bytes, 2u);
        EXPECT_EQ(splice_from_file(pair->sending_end(), opened.fd(), 1, 2)->bytes, 2u);
        EXPECT_EQ(pair->take(4), "efbc");
    }
    EXPECT_EQ(::lseek(opened.fd(), 0, SEEK_CUR), 0);
    EXPECT_TRUE(pread(opened.fd(), room, 6)->at_end());
    EXPECT_TRUE(sendfile(1, opened.fd(), 6, 1)->at_end());
}

TEST(Fault, FailsOnceAndThenLetsGo) {
    support::temporary_file written("abc");
    support::fault_script faults;
    faults.fail(call::pread, EIO, 1, 1);
    std::array<std::byte, 1> room{};
    EXPECT_TRUE(pread(written.fd(), room, 0));
    auto failed = pread(written.fd(), room, 0);
    ASSERT_FALSE(failed);
    EXPECT_TRUE(failed.error().is(EIO));
    EXPECT_TRUE(pread(written.fd(), room, 0));
    EXPECT_EQ(faults.count(call::pread), 3u);
}

TEST(Fault, CutsEveryCall) {
    support::temporary_file written("abcdef");
    auto pair = stream_pair::make(pair_kind::unix_socket);
    ASSERT_TRUE(pair);
    support::fault_script faults;
    for (std::size_t cut = 1; cut <= 9; ++cut) {
        faults.cut_all(cut);
        auto sent = send(pair->sending_end(), three_parts(), more_follows::no);
        ASSERT_TRUE(sent);
        EXPECT_EQ(sent->bytes, cut);
        EXPECT_EQ(pair->take(cut), std::string("abcdefghi").substr(0, cut));
    }
    faults.cut_all(2);
    std::array<std::byte, 6> room{};
    EXPECT_EQ(pread(written.fd(), room, 0)->bytes, 2u);
    EXPECT_EQ(sendfile(pair->sending_end(), written.fd(), 0, 6)->bytes, 2u);
}

TEST(Fault, IsGoneWithItsScope) {
    support::temporary_file written("abc");
    std::array<std::byte, 1> room{};
    {
        support::fault_script faults;
        faults.fail(call::pread, EIO);
        EXPECT_FALSE(pread(written.fd(), room, 0));
    }
    EXPECT_TRUE(pread(written.fd(), room, 0));
}

}  // namespace
}  // namespace sluice::sys
