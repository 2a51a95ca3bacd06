#include "net/inherited_sockets.h"

#include <cstdlib>
#include <string>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/address.h"
#include "sys/sockets.h"

namespace sluice::net {
namespace {

// Each runs in a child, whose descriptors 3 and 4 it may replace. The exit status says which
// expectation did not hold; 0 when all did.
#define REQUIRE_IN_CHILD(holds) \
    if (!(holds)) ::_exit(__LINE__ % 200 + 1)

void announce(const std::string& pid, const std::string& count, const char* names) {
    ::setenv("LISTEN_PID", pid.c_str(), 1);
    ::setenv("LISTEN_FDS", count.c_str(), 1);
    if (names != nullptr) ::setenv("LISTEN_FDNAMES", names, 1);
}

std::string own_pid() {
    return std::to_string(::getpid());
}

// Puts listening, blocking sockets at 3 and 4.
void place_sockets() {
    for (int place : {3, 4}) {
        int made = ::socket(AF_INET, SOCK_STREAM, 0);
        sockaddr_in any{.sin_family = AF_INET,
                        .sin_port = 0,
                        .sin_addr = {htonl(INADDR_LOOPBACK)},
                        .sin_zero = {}};
        REQUIRE_IN_CHILD(::bind(made, reinterpret_cast<sockaddr*>(&any), sizeof any) == 0);
        REQUIRE_IN_CHILD(::listen(made, 8) == 0);
        if (made == place) continue;
        REQUIRE_IN_CHILD(::dup2(made, place) == place);
        ::close(made);
    }
}

void take_two() {
    place_sockets();
    announce(own_pid(), "2", "web:admin");
    auto taken = take_inherited_sockets();
    REQUIRE_IN_CHILD(taken.size() == 2);
    REQUIRE_IN_CHILD(taken[0].name == "web" && taken[0].socket.get() == 3);
    REQUIRE_IN_CHILD(taken[1].name == "admin" && taken[1].socket.get() == 4);
    for (const auto& each : taken) {
        REQUIRE_IN_CHILD((::fcntl(each.socket.get(), F_GETFD) & FD_CLOEXEC) != 0);
        REQUIRE_IN_CHILD((::fcntl(each.socket.get(), F_GETFL) & O_NONBLOCK) != 0);
        REQUIRE_IN_CHILD(text_of(*sys::local_address(each.socket.get())).starts_with("127.0.0.1:"));
    }
    for (const auto* name : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"})
        REQUIRE_IN_CHILD(std::getenv(name) == nullptr);
    REQUIRE_IN_CHILD(take_inherited_sockets().empty());
    ::_exit(0);
}

void take_without_names() {
    place_sockets();
    announce(own_pid(), "2", nullptr);
    auto taken = take_inherited_sockets();
    REQUIRE_IN_CHILD(taken.size() == 2);
    REQUIRE_IN_CHILD(taken[0].name.empty() && taken[1].name.empty());
    ::_exit(0);
}

void take_with_too_few_names() {
    place_sockets();
    announce(own_pid(), "2", ":admin");
    auto taken = take_inherited_sockets();
    REQUIRE_IN_CHILD(taken[0].name.empty());
    REQUIRE_IN_CHILD(taken[1].name == "admin");
    ::_exit(0);
}

void take_for_somebody_else() {
    place_sockets();
    for (const auto& pid : {std::string("1"), std::string(), std::string("x")}) {
        announce(pid, "2", "web:admin");
        REQUIRE_IN_CHILD(take_inherited_sockets().empty());
        REQUIRE_IN_CHILD(std::getenv("LISTEN_FDS") == nullptr);
    }
    REQUIRE_IN_CHILD(::fcntl(3, F_GETFD) >= 0);  // still open
    ::_exit(0);
}

void take_what_is_not_there() {
    place_sockets();
    ::close(4);
    announce(own_pid(), "2", "web:admin");
    REQUIRE_IN_CHILD(take_inherited_sockets().size() == 1);
    for (const auto* count : {"0", "-1", "", "x"}) {
        announce(own_pid(), count, nullptr);
        REQUIRE_IN_CHILD(take_inherited_sockets().empty());
    }
    ::_exit(0);
}

TEST(InheritedSocketsDeathTest, AreTakenOnceWithTheirNames) {
    EXPECT_EXIT(take_two(), testing::ExitedWithCode(0), "");
    EXPECT_EXIT(take_without_names(), testing::ExitedWithCode(0), "");
    EXPECT_EXIT(take_with_too_few_names(), testing::ExitedWithCode(0), "");
}

TEST(InheritedSocketsDeathTest, OfAnotherProcessAreLeftAlone) {
    EXPECT_EXIT(take_for_somebody_else(), testing::ExitedWithCode(0), "");
}

TEST(InheritedSocketsDeathTest, ThatAreNotThereArePassedOver) {
    EXPECT_EXIT(take_what_is_not_there(), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace sluice::net
