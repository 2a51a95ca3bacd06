#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <sluice/sink.h>

#include "support/stream_pair.h"
#include "support/temporary_file.h"
#include "sys/files.h"

namespace sluice {
namespace {

using support::pair_kind;
using support::stream_pair;

TEST(Sink, KnowsItsKind) {
    struct {
        pair_kind made;
        sink_kind found;
        bool is_socket;
    } rows[] = {{pair_kind::tcp, sink_kind::tcp_socket, true},
                {pair_kind::unix_socket, sink_kind::unix_socket, true},
                {pair_kind::pipe, sink_kind::pipe, false},
                {pair_kind::regular_file, sink_kind::regular_file, false}};
    for (const auto& each : rows) {
        auto pair = stream_pair::make(each.made);
        ASSERT_TRUE(pair);
        auto to = sink::of(pair->sending_end());
        ASSERT_TRUE(to);
        EXPECT_EQ(to->kind(), each.found) << support::name_of(each.made);
        EXPECT_EQ(to->is_socket(), each.is_socket);
        EXPECT_EQ(to->fd(), pair->sending_end());
    }
}

TEST(Sink, AnythingElseTakesWritesOnly) {
    unique_fd datagrams(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    auto to = sink::of(datagrams.get());
    ASSERT_TRUE(to);
    EXPECT_EQ(to->kind(), sink_kind::other);
    EXPECT_TRUE(to->accepts(traits_of(mechanism::read_write)));
    EXPECT_TRUE(to->accepts(traits_of(mechanism::gathered_write)));
    EXPECT_FALSE(to->accepts(traits_of(mechanism::sendfile)));
    EXPECT_FALSE(to->accepts(traits_of(mechanism::splice)));
}

TEST(Sink, DeviceTakesWhatAnyDescriptorTakes) {
    auto device = sys::open("/dev/null", O_WRONLY);
    ASSERT_TRUE(device);
    auto to = sink::of(device->get());
    ASSERT_TRUE(to);
    EXPECT_EQ(to->kind(), sink_kind::character_device);
    for (const auto& each : mechanism_table)
        EXPECT_EQ(to->accepts(each), each.into_sockets) << each.name;
}

TEST(Sink, AtAPositionOfAFile) {
    support::temporary_file written;
    file opened(*sys::open(written.path(), O_RDWR), written.path());
    auto to = sink::at(opened, std::uint64_t{1} << 33);
    ASSERT_TRUE(to);
    EXPECT_EQ(to->kind(), sink_kind::regular_file);
    EXPECT_EQ(to->position(), std::uint64_t{1} << 33);
    to->advance(5);
    EXPECT_EQ(to->position(), (std::uint64_t{1} << 33) + 5);
    EXPECT_FALSE(to->accepts(traits_of(mechanism::sendfile)));
    auto at_cursor = sink::of(opened.fd());
    ASSERT_TRUE(at_cursor);
    EXPECT_TRUE(at_cursor->accepts(traits_of(mechanism::sendfile)));
    at_cursor->advance(5);
    EXPECT_EQ(at_cursor->position(), std::nullopt);
}

TEST(Sink, NoPositionWhereThereIsNone) {
    support::temporary_file written;
    file appending(*sys::open(written.path(), O_WRONLY | O_APPEND), "log");
    file device(*sys::open("/dev/null", O_WRONLY), "device");
    for (const auto& each : {appending, device}) {
        auto to = sink::at(each, 0);
        ASSERT_FALSE(to) << each.name();
        EXPECT_TRUE(to.error().is(EINVAL));
        EXPECT_EQ(to.error().object(), each.name());
    }
}

TEST(Sink, NoPositionInAFileThatIsNotOpenForWriting) {
    support::temporary_file written;
    EXPECT_TRUE(sink::at(written.open(), 0).error().is(EBADF));
    file target(*sys::open(written.path(), O_RDWR), "target");
    EXPECT_TRUE(sink::at(target, std::uint64_t{1} << 63).error().is(EINVAL));
    EXPECT_TRUE(sink::at(target, (std::uint64_t{1} << 63) - 1));
}

TEST(Sink, ClosedDescriptorIsAnError) {
    auto to = sink::of(-1);
    ASSERT_FALSE(to);
    EXPECT_TRUE(to.error().is(EBADF));
}

}  // namespace
}  // namespace sluice
