#include "sys/descriptors.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "support/fault_script.h"
#include "support/stream_pair.h"
#include "support/temporary_file.h"
#include "sys/files.h"

namespace sluice::sys {
namespace {

TEST(UniqueFd, ClosesWhatItOwns) {
    auto pipe = make_pipe(4096);
    ASSERT_TRUE(pipe);
    int raw = pipe->read_end.get();
    {
        unique_fd owner(std::move(pipe->read_end));
        EXPECT_FALSE(pipe->read_end);
        EXPECT_EQ(owner.get(), raw);
        EXPECT_GE(::fcntl(raw, F_GETFD), 0);
    }
    EXPECT_LT(::fcntl(raw, F_GETFD), 0);
}

TEST(UniqueFd, AssignmentClosesTheOldOne) {
    auto pipe = make_pipe(4096);
    ASSERT_TRUE(pipe);
    int first = pipe->read_end.get();
    int second = pipe->write_end.get();
    pipe->read_end = std::move(pipe->write_end);
    EXPECT_LT(::fcntl(first, F_GETFD), 0);
    EXPECT_EQ(pipe->read_end.get(), second);
    EXPECT_EQ(pipe->read_end.release(), second);
    EXPECT_GE(::fcntl(second, F_GETFD), 0);
    unique_fd(second).reset();
    EXPECT_LT(::fcntl(second, F_GETFD), 0);
}

TEST(KindOf, TellsKindsApart) {
    using support::pair_kind;
    struct {
        pair_kind made;
        descriptor_kind found;
    } rows[] = {{pair_kind::tcp, descriptor_kind::tcp_socket},
                {pair_kind::unix_socket, descriptor_kind::unix_socket},
                {pair_kind::pipe, descriptor_kind::pipe},
                {pair_kind::regular_file, descriptor_kind::regular_file}};
    for (const auto& each : rows) {
        auto pair = support::stream_pair::make(each.made);
        ASSERT_TRUE(pair);
        auto kind = kind_of(pair->sending_end());
        ASSERT_TRUE(kind);
        EXPECT_EQ(*kind, each.found) << support::name_of(each.made);
    }
}

TEST(KindOf, DatagramsAreOtherAndDevicesAreDevices) {
    unique_fd datagrams(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(*kind_of(datagrams.get()), descriptor_kind::other);
    auto device = open("/dev/null", O_RDONLY);
    ASSERT_TRUE(device);
    EXPECT_EQ(*kind_of(device->get()), descriptor_kind::character_device);
    EXPECT_FALSE(kind_of(-1));
}

TEST(MakePipe, IsNonBlockingNotInheritedAndRoomy) {
    auto pipe = make_pipe(128 * 1024);
    ASSERT_TRUE(pipe);
    for (int end : {pipe->read_end.get(), pipe->write_end.get()}) {
        EXPECT_NE(::fcntl(end, F_GETFL) & O_NONBLOCK, 0);
        EXPECT_EQ(::fcntl(end, F_GETFD), FD_CLOEXEC);
    }
    EXPECT_EQ(pipe->capacity,
              static_cast<std::size_t>(::fcntl(pipe->read_end.get(), F_GETPIPE_SZ)));
}

TEST(MakePipe, MoreThanTheKernelGrantsStillGivesAPipe) {
    auto pipe = make_pipe(std::size_t{1} << 31);
    ASSERT_TRUE(pipe);
    EXPECT_GE(pipe->capacity, 4096u);
}

TEST(MakePipe, FailureIsAnError) {
    support::fault_script faults;
    faults.fail(call::pipe, ENFILE);
    auto pipe = make_pipe(4096);
    ASSERT_FALSE(pipe);
    EXPECT_TRUE(pipe.error().is(ENFILE));
}

TEST(PrepareInherited, MakesItNonBlockingAndNotInherited) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    unique_fd reading(ends[0]);
    unique_fd writing(ends[1]);
    ASSERT_TRUE(prepare_inherited(reading.get()));
    EXPECT_EQ(::fcntl(reading.get(), F_GETFD), FD_CLOEXEC);
    EXPECT_NE(::fcntl(reading.get(), F_GETFL) & O_NONBLOCK, 0);
    EXPECT_FALSE(prepare_inherited(-1));
}

TEST(Duplicate, IsAnotherDescriptorOfTheSame) {
    support::temporary_file written("abc");
    auto copy = duplicate(written.fd());
    ASSERT_TRUE(copy);
    EXPECT_NE(copy->get(), written.fd());
    EXPECT_EQ(status(copy->get())->st_ino, status(written.fd())->st_ino);
    EXPECT_EQ(::fcntl(copy->get(), F_GETFD), FD_CLOEXEC);
    EXPECT_FALSE(duplicate(-1));
}

TEST(DescriptorLimit, IsRaisedToTheHardLimit) {
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    rlimit lower{.rlim_cur = 256, .rlim_max = before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &lower), 0);
    EXPECT_EQ(raise_descriptor_limit(), before.rlim_max);
    rlimit after{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &after), 0);
    EXPECT_EQ(after.rlim_cur, before.rlim_max);
    ::setrlimit(RLIMIT_NOFILE, &before);
}

}  // namespace
}  // namespace sluice::sys
