#include "http/host.h"

#include <gtest/gtest.h>

namespace sluice::http {
namespace {

// "name|port", or "invalid".
std::string read(std::string_view value) {
    auto host = parse_host(value);
    if (!host) return "invalid";
    return host->name + "|" + (host->port ? std::to_string(*host->port) : "");
}

TEST(Host, SplitsNameAndPort) {
    EXPECT_EQ(read("Example.ORG"), "example.org|");
    EXPECT_EQ(read("example.org:8080"), "example.org|8080");
    EXPECT_EQ(read("example.org:"), "example.org|");
    EXPECT_EQ(read("127.0.0.1:0"), "127.0.0.1|0");
    EXPECT_EQ(read("[::1]"), "[::1]|");
    EXPECT_EQ(read("[2001:DB8::1]:65535"), "[2001:db8::1]|65535");
    EXPECT_EQ(read("[::ffff:1.2.3.4]:1"), "[::ffff:1.2.3.4]|1");
    EXPECT_EQ(read("a_b-c~d.example"), "a_b-c~d.example|");
    EXPECT_EQ(read("%E2%82%AC.example:00080"), "%e2%82%ac.example|80");
}

TEST(Host, RefusesWhatIsNoHost) {
    for (std::string_view value : {"",
                                   ":",
                                   ":80",
                                   "a b",
                                   "a/b",
                                   "a\\b",
                                   "user@host",
                                   "a:b",
                                   "a:80:80",
                                   "a:65536",
                                   "a:99999999999999999999",
                                   "a:-1",
                                   "a: 80",
                                   "[::1",
                                   "::1",
                                   "[]",
                                   "[::1]80",
                                   "[1.2.3.4]",
                                   "[::1%25eth0]",
                                   "[::1%eth0]",
                                   "[v1.a]",
                                   "[::g]",
                                   "a%",
                                   "a%2",
                                   "a%zz",
                                   "a?b",
                                   "a#b",
                                   "\"a\"",
                                   "<a>",
                                   "a\xC3\xA9",
                                   "a[",
                                   " a",
                                   "a "}) {
        EXPECT_EQ(read(value), "invalid") << value;
    }
    EXPECT_EQ(read(std::string_view("[::1\0]", 6)), "invalid");
    EXPECT_EQ(read(std::string_view("a\0b", 3)), "invalid");
}

bool matches(std::string_view pattern, std::string_view name) {
    auto parsed = host_pattern::parse(pattern);
    EXPECT_TRUE(parsed) << pattern;
    return parsed && parsed->matches(name);
}

TEST(HostPattern, ExactNamesIgnoreCaseAndTheFinalDot) {
    EXPECT_TRUE(matches("Example.org", "example.org"));
    EXPECT_TRUE(matches("example.org", "example.org."));
    EXPECT_TRUE(matches("example.org.", "example.org"));
    EXPECT_FALSE(matches("example.org", "www.example.org"));
    EXPECT_FALSE(matches("example.org", "example.com"));
    EXPECT_TRUE(matches("[::1]", "[::1]"));
}

TEST(HostPattern, AStarStandsForEveryNameBelow) {
    EXPECT_TRUE(matches("*.example.org", "www.example.org"));
    EXPECT_TRUE(matches("*.example.org", "a.b.example.org."));
    EXPECT_FALSE(matches("*.example.org", "example.org"));
    EXPECT_FALSE(matches("*.example.org", ".example.org"));
    EXPECT_FALSE(matches("*.example.org", "badexample.org"));
}

TEST(HostPattern, RefusesOtherShapes) {
    for (std::string_view text :
         {"", "*", "*.", "a.*", "*.*.org", "a*.org", "a:80", "*.[::1]", "a b", ".a"}) {
        EXPECT_FALSE(host_pattern::parse(text)) << text;
    }
}

}  // namespace
}  // namespace sluice::http
