#include "sys/sockets.h"

#include <array>
#include <cerrno>
#include <cstddef>
#include <set>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/un.h>
#include <unistd.h>

#include "support/fault_script.h"
#include "support/temporary_file.h"
#include "sys/descriptors.h"
#include "sys/io.h"

namespace sluice::sys {
namespace {

socket_address loopback(std::uint16_t port = 0) {
    socket_address address;
    auto* name = reinterpret_cast<sockaddr_in*>(&address.storage);
    name->sin_family = AF_INET;
    name->sin_port = htons(port);
    name->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.size = sizeof *name;
    return address;
}

socket_address in_file_system(const std::string& path) {
    socket_address address;
    auto* name = reinterpret_cast<sockaddr_un*>(&address.storage);
    name->sun_family = AF_UNIX;
    path.copy(name->sun_path, sizeof name->sun_path - 1);
    address.size = sizeof *name;
    return address;
}

unique_fd connect_to(const socket_address& address) {
    unique_fd made(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(
        ::connect(made.get(), reinterpret_cast<const sockaddr*>(&address.storage), address.size),
        0);
    return made;
}

bool wait_readable(int fd) {
    pollfd waiting{.fd = fd, .events = POLLIN, .revents = 0};
    return ::poll(&waiting, 1, 20'000) > 0;
}

int option(int socket, int level, int name) {
    int value = -1;
    socklen_t size = sizeof value;
    return ::getsockopt(socket, level, name, &value, &size) == 0 ? value : -1;
}

TEST(ListenOn, AcceptsNonBlockingConnections) {
    auto listener = listen_on(loopback(), 8, port_sharing::first);
    ASSERT_TRUE(listener) << listener.error().message();
    auto none = accept(listener->get());
    ASSERT_TRUE(none);
    EXPECT_FALSE(*none);
    auto address = local_address(listener->get());
    ASSERT_TRUE(address);
    auto client = connect_to(*address);
    ASSERT_TRUE(wait_readable(listener->get()));
    socket_address peer;
    auto accepted = accept(listener->get(), &peer);
    ASSERT_TRUE(accepted && *accepted);
    EXPECT_NE(::fcntl(accepted->get(), F_GETFL) & O_NONBLOCK, 0);
    EXPECT_EQ(::fcntl(accepted->get(), F_GETFD), FD_CLOEXEC);
    auto own = local_address(client.get());
    ASSERT_TRUE(own);
    EXPECT_EQ(reinterpret_cast<sockaddr_in*>(&peer.storage)->sin_port,
              reinterpret_cast<sockaddr_in*>(&own->storage)->sin_port);
}

TEST(ListenOn, FirstRefusesATakenPort) {
    auto listener = listen_on(loopback(), 8, port_sharing::first);
    ASSERT_TRUE(listener);
    ASSERT_EQ(option(listener->get(), SOL_SOCKET, SO_REUSEPORT), 1);
    auto address = local_address(listener->get());
    auto second = listen_on(*address, 8, port_sharing::first);
    ASSERT_FALSE(second);
    EXPECT_TRUE(second.error().is(EADDRINUSE)) << second.error().message();
}

TEST(ListenOn, FirstRefusesAStrangersSharedPort) {
    unique_fd stranger(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    int on = 1;
    ::setsockopt(stranger.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    ::setsockopt(stranger.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    auto any = loopback();
    ASSERT_EQ(::bind(stranger.get(), reinterpret_cast<sockaddr*>(&any.storage), any.size), 0);
    ASSERT_EQ(::listen(stranger.get(), 1), 0);
    auto second = listen_on(*local_address(stranger.get()), 8, port_sharing::first);
    ASSERT_FALSE(second);
    EXPECT_TRUE(second.error().is(EADDRINUSE));
}

TEST(ListenOn, FurtherSharesThePortAndItsConnections) {
    auto first = listen_on(loopback(), 64, port_sharing::first);
    ASSERT_TRUE(first);
    auto address = *local_address(first->get());
    auto further = listen_on(address, 64, port_sharing::further);
    ASSERT_TRUE(further) << further.error().message();
    std::vector<unique_fd> clients;
    std::set<int> served;
    for (int count = 0; count < 200 && served.size() < 2; ++count) {
        clients.push_back(connect_to(address));
        std::array<pollfd, 2> waiting{{{.fd = first->get(), .events = POLLIN, .revents = 0},
                                       {.fd = further->get(), .events = POLLIN, .revents = 0}}};
        ASSERT_GT(::poll(waiting.data(), waiting.size(), 20'000), 0);
        for (const auto& each : waiting) {
            if (each.revents == 0) continue;
            served.insert(each.fd);
            auto accepted = accept(each.fd);
            ASSERT_TRUE(accepted && *accepted);
        }
    }
    EXPECT_EQ(served.size(), 2u);
}

TEST(ListenOn, PortIsFreeAgainAfterwards) {
    std::uint16_t port = 0;
    {
        auto listener = listen_on(loopback(), 8, port_sharing::first);
        ASSERT_TRUE(listener);
        auto address = *local_address(listener->get());
        port = ntohs(reinterpret_cast<sockaddr_in*>(&address.storage)->sin_port);
        auto client = connect_to(address);
        ASSERT_TRUE(wait_readable(listener->get()));
        auto accepted = accept(listener->get());
        ASSERT_TRUE(accepted);
        accepted->reset();  // closed here first: this side keeps it in TIME_WAIT
    }
    EXPECT_TRUE(listen_on(loopback(port), 8, port_sharing::first));
}

TEST(ListenOn, UnixSocketsHaveNoPortToShare) {
    support::temporary_directory folder;
    auto address = in_file_system(folder.path() + "/socket");
    auto listener = listen_on(address, 8, port_sharing::first);
    ASSERT_TRUE(listener) << listener.error().message();
    auto client = connect_to(address);
    auto accepted = accept(listener->get());
    ASSERT_TRUE(accepted && *accepted);
    auto second = listen_on(address, 8, port_sharing::first);
    ASSERT_FALSE(second);
    EXPECT_TRUE(second.error().is(EADDRINUSE));
}

TEST(Accept, FailureIsAnError) {
    auto listener = listen_on(loopback(), 8, port_sharing::first);
    ASSERT_TRUE(listener);
    support::fault_script faults;
    faults.fail(call::accept, EMFILE, 1);
    auto accepted = accept(listener->get());
    ASSERT_FALSE(accepted);
    EXPECT_TRUE(accepted.error().is(EMFILE));
    EXPECT_TRUE(accept(listener->get()));
}

class Connection : public testing::Test {
  protected:
    void SetUp() override {
        auto listener = listen_on(loopback(), 8, port_sharing::first);
        ASSERT_TRUE(listener);
        client_ = connect_to(*local_address(listener->get()));
        ASSERT_TRUE(wait_readable(listener->get()));
        served_ = *accept(listener->get());
    }
    unique_fd client_;
    unique_fd served_;
};

TEST_F(Connection, SendAtOnceSetsNodelay) {
    EXPECT_EQ(option(served_.get(), IPPROTO_TCP, TCP_NODELAY), 0);
    send_at_once(served_.get());
    EXPECT_EQ(option(served_.get(), IPPROTO_TCP, TCP_NODELAY), 1);
}

TEST_F(Connection, ShutSendingEndsOneDirectionOnly) {
    shut_sending(served_.get());
    std::array<std::byte, 8> room{};
    ASSERT_TRUE(wait_readable(client_.get()));
    EXPECT_TRUE(receive(client_.get(), room)->at_end());
    ASSERT_EQ(::write(client_.get(), "still", 5), 5);
    ASSERT_TRUE(wait_readable(served_.get()));
    EXPECT_EQ(receive(served_.get(), room)->bytes, 5u);
}

TEST_F(Connection, ResetNowResetsWhateverStaysOpen) {
    auto other = *duplicate(served_.get());
    reset_now(served_.get());
    std::array<std::byte, 8> room{};
    ASSERT_TRUE(wait_readable(client_.get()));
    auto got = receive(client_.get(), room);
    ASSERT_FALSE(got);
    EXPECT_TRUE(got.error().is(ECONNRESET));
}

TEST_F(Connection, ResetOnCloseResets) {
    reset_on_close(served_.get());
    served_.reset();
    std::array<std::byte, 8> room{};
    ASSERT_TRUE(wait_readable(client_.get()));
    auto got = receive(client_.get(), room);
    ASSERT_FALSE(got);
    EXPECT_TRUE(got.error().is(ECONNRESET));
}

}  // namespace
}  // namespace sluice::sys
