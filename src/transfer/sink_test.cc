#include <fcntl.h>
#include <gtest/gtest.h>

#include <sluice/sink.h>

#include "support/stream_pair.h"
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
    auto device = sys::open("/dev/null", O_WRONLY);
    ASSERT_TRUE(device);
    auto to = sink::of(device->get());
    ASSERT_TRUE(to);
    EXPECT_EQ(to->kind(), sink_kind::other);
    EXPECT_TRUE(to->accepts(traits_of(mechanism::read_write)));
    EXPECT_TRUE(to->accepts(traits_of(mechanism::gathered_write)));
    EXPECT_FALSE(to->accepts(traits_of(mechanism::sendfile)));
    EXPECT_FALSE(to->accepts(traits_of(mechanism::splice)));
}

TEST(Sink, ClosedDescriptorIsAnError) {
    auto to = sink::of(-1);
    ASSERT_FALSE(to);
    EXPECT_TRUE(to.error().is(EBADF));
}

}  // namespace
}  // namespace sluice
