#include "net/address.h"

#include <gtest/gtest.h>

namespace sluice::net {
namespace {

TEST(Address, ReadsAndWritesEachFamily) {
    for (const char* text : {"127.0.0.1:8080", "[::1]:80", "unix:/tmp/a.sock", "0.0.0.0:0"}) {
        auto address = parse_address(text);
        ASSERT_TRUE(address) << text;
        EXPECT_EQ(text_of(*address), text);
    }
}

TEST(Address, TellsTheHostWithoutThePort) {
    EXPECT_EQ(host_of(*parse_address("127.0.0.1:8080")), "127.0.0.1");
    EXPECT_EQ(host_of(*parse_address("[::1]:80")), "::1");
    EXPECT_EQ(host_of(*parse_address("unix:/tmp/a")), "unix:");
}

TEST(Address, RefusesWhatIsNone) {
    for (const char* text : {"", ":", "8080", "127.0.0.1", "127.0.0.1:", ":80", "::1:80",
                             "unix:", "127.0.0.1:http", "127.0.0.1:99999999"}) {
        EXPECT_FALSE(parse_address(text)) << text;
    }
}

TEST(Address, RefusalNamesWhatWasGiven) {
    EXPECT_NE(parse_address("nonsense").error().message().find("nonsense"), std::string::npos);
}

}  // namespace
}  // namespace sluice::net
