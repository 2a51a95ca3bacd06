#include "http/addresses.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "net/address.h"
#include "support/temporary_file.h"
#include "sys/sockets.h"

namespace sluice::http {
namespace {

TEST(Addresses, APortOfZeroIsPickedOnceForAllLoops) {
    auto made = listen_on("127.0.0.1:0", 3);
    ASSERT_TRUE(made) << made.error().message();
    EXPECT_EQ(made->wanted, "127.0.0.1:0");
    EXPECT_TRUE(made->bound.starts_with("127.0.0.1:"));
    EXPECT_FALSE(made->bound.ends_with(":0"));
    ASSERT_EQ(made->sockets.size(), 3u);
    for (const auto& each : made->sockets)
        EXPECT_EQ(net::text_of(*sys::local_address(each.get())), made->bound);
}

// Two servers on one port would each get some of the connections, which nobody wants.
TEST(Addresses, APortThatIsTakenIsRefusedAndNamed) {
    auto first = listen_on("127.0.0.1:0", 2);
    ASSERT_TRUE(first);
    auto second = listen_on(first->bound, 2);
    ASSERT_FALSE(second);
    EXPECT_NE(second.error().message().find(first->bound), std::string::npos)
        << second.error().message();
}

TEST(Addresses, NonsenseIsRefused) {
    EXPECT_FALSE(listen_on("nonsense", 1));
    EXPECT_FALSE(listen_on("unix:/nothing/at/all", 1));
}

TEST(Addresses, AUnixSocketIsSharedAndRemoved) {
    support::temporary_directory folder;
    auto path = folder.path() + "/socket";
    auto made = listen_on("unix:" + path, 3);
    ASSERT_TRUE(made) << made.error().message();
    EXPECT_EQ(made->bound, "unix:" + path);
    EXPECT_EQ(made->sockets.size(), 3u);
    EXPECT_FALSE(listen_on("unix:" + path, 1));  // somebody listens
    EXPECT_TRUE(std::filesystem::exists(path));
    remove_path(made->bound);
    EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(Addresses, AUnixSocketThatNobodyListensOnIsTakenOver) {
    support::temporary_directory folder;
    auto address = "unix:" + folder.path() + "/socket";
    ASSERT_TRUE(listen_on(address, 1));  // closed at once; its path stays
    ASSERT_TRUE(std::filesystem::exists(folder.path() + "/socket"));
    EXPECT_TRUE(listen_on(address, 1));
}

TEST(Addresses, AFileIsNotTakenOver) {
    support::temporary_directory folder;
    auto path = folder.path() + "/file";
    std::ofstream(path) << "precious";
    EXPECT_FALSE(listen_on("unix:" + path, 1));
    remove_path("unix:" + path);
    remove_path(path);
    EXPECT_TRUE(std::filesystem::exists(path));
}

TEST(Addresses, AnInheritedSocketIsSharedToo) {
    auto made = listen_on("127.0.0.1:0", 1);
    ASSERT_TRUE(made);
    auto shared = share(std::move(made->sockets.front()), 2);
    ASSERT_TRUE(shared);
    EXPECT_EQ(shared->bound, made->bound);
    EXPECT_EQ(shared->wanted, "");
    EXPECT_EQ(shared->sockets.size(), 2u);
}

}  // namespace
}  // namespace sluice::http
