#include "http/target.h"

#include <gtest/gtest.h>

namespace sluice::http {
namespace {

// The path, or the status.
std::string path_of(std::string_view raw) {
    auto target = parse_target(raw);
    return target ? target->path : std::to_string(target.error());
}

TEST(Target, DecodesExactlyOnce) {
    EXPECT_EQ(path_of("/"), "/");
    EXPECT_EQ(path_of("/a/b.html"), "/a/b.html");
    EXPECT_EQ(path_of("/a%20b%3F%23%25"), "/a b?#%");
    EXPECT_EQ(path_of("/%e2%82%ac/%C3%A9"), "/\u20AC/\u00E9");
    EXPECT_EQ(path_of("/\u20AC"), "/\u20AC");
    EXPECT_EQ(path_of("/%252e%252e/"), "/%2e%2e/");
    EXPECT_EQ(path_of("/%252f"), "/%2f");
    EXPECT_EQ(path_of("/a+b"), "/a+b");
    EXPECT_EQ(path_of("/a:b;c=d@e"), "/a:b;c=d@e");
}

TEST(Target, RemovesDotSegmentsInsideTheRoot) {
    EXPECT_EQ(path_of("/a/./b"), "/a/b");
    EXPECT_EQ(path_of("/a/../b"), "/b");
    EXPECT_EQ(path_of("/a/b/../../c"), "/c");
    EXPECT_EQ(path_of("/a/%2e%2e/b"), "/b");
    EXPECT_EQ(path_of("/a/.%2E/b"), "/b");
    EXPECT_EQ(path_of("/a/%2e/b"), "/a/b");
    EXPECT_EQ(path_of("/a/.."), "/");
    EXPECT_EQ(path_of("/a/b/.."), "/a/");
    EXPECT_EQ(path_of("/a/."), "/a/");
    EXPECT_EQ(path_of("/."), "/");
    EXPECT_EQ(path_of("/..."), "/...");
    EXPECT_EQ(path_of("/..a/b../.c"), "/..a/b../.c");
}

TEST(Target, RefusesToLeaveTheRoot) {
    for (auto raw :
         {"/..", "/../", "/../etc/passwd", "/a/../..", "/a/../../b", "/./..", "/%2e%2e/a", "//..",
          "/.%2e", "/%2E./", "/a/b/../../../c", "http://h/..", "http://h/%2e%2e/a"}) {
        EXPECT_EQ(path_of(raw), "400") << raw;
    }
}

TEST(Target, MergesEmptySegments) {
    EXPECT_EQ(path_of("//"), "/");
    EXPECT_EQ(path_of("//a///b//"), "/a/b/");
    EXPECT_EQ(path_of("/a//../b"), "/b");
    EXPECT_EQ(path_of("//host/a"), "/host/a");
}

TEST(Target, RefusesBrokenPercentEncoding) {
    for (auto raw :
         {"/%", "/%2", "/%zz", "/%2g", "/%g2", "/a%", "/%%32%65", "/%u002e", "/%-1", "/%2/e"}) {
        EXPECT_EQ(path_of(raw), "400") << raw;
    }
}

TEST(Target, RefusesEncodedSlashesAndBackslashes) {
    for (auto raw : {"/%2f", "/a%2Fb", "/..%2f", "/%5c", "/%5C..", "/a\\b", "/..\\", "\\"}) {
        EXPECT_EQ(path_of(raw), "400") << raw;
    }
}

TEST(Target, RefusesControlBytes) {
    for (int byte = 0; byte < 0x21; ++byte) {
        std::string raw = "/a" + std::string(1, static_cast<char>(byte)) + "b";
        EXPECT_EQ(path_of(raw), "400") << byte;
        EXPECT_EQ(path_of("/?a" + raw), "400") << byte;
    }
    EXPECT_EQ(path_of("/\x7F"), "400");
    EXPECT_EQ(path_of("/a%00"), "400");
    EXPECT_EQ(path_of("/a%00.html"), "400");
    EXPECT_EQ(path_of("/%0d%0aX:1"), "400");
    EXPECT_EQ(path_of("/%1F"), "400");
    EXPECT_EQ(path_of("/%7f"), "400");
    EXPECT_EQ(path_of("/a#b"), "400");
}

TEST(Target, RefusesInvalidUtf8) {
    for (auto raw : {"/%c0%ae%c0%ae/", "/%c0%af", "/%e0%80%ae", "/%f0%80%80%ae", "/%ed%a0%80",
                     "/%f4%90%80%80", "/%ff", "/%80", "/%c3", "/%e2%82", "/\xC3", "/%c3/%a9"}) {
        EXPECT_EQ(path_of(raw), "400") << raw;
    }
}

TEST(Target, KeepsTheQueryAsItWasSent) {
    EXPECT_EQ(parse_target("/a?b=c%20d&e=/../?")->query, "b=c%20d&e=/../?");
    EXPECT_EQ(parse_target("/a?%zz")->query, "%zz") << "a query is nobody's path";
    EXPECT_EQ(parse_target("/a?\u00E9")->query, "%C3%A9");
    EXPECT_EQ(parse_target("/a?")->query, "");
    EXPECT_EQ(parse_target("/a%3Fb")->query, "");
    EXPECT_EQ(path_of("/a/?b/.."), "/a/");
}

TEST(Target, ReadsTheAbsoluteForm) {
    auto target = parse_target("HTTP://Example.org:80/a?b");
    ASSERT_TRUE(target);
    EXPECT_EQ(target->authority, "Example.org:80");
    EXPECT_EQ(target->path, "/a");
    EXPECT_EQ(target->query, "b");
    EXPECT_EQ(path_of("https://h"), "/");
    EXPECT_EQ(path_of("http://h?q"), "/");
    EXPECT_EQ(parse_target("http://h?q/r")->query, "q/r");
    EXPECT_EQ(path_of("http://[::1]:8080/x"), "/x");
    EXPECT_EQ(parse_target("/a")->authority, "");
}

TEST(Target, RefusesOtherForms) {
    for (auto raw : {"", "a", "a/b", "example.org:443", "ftp://h/", "http:/a", "http:///a",
                     "http://", "://h/", "http://u@h/", "http://u:p@h/", "http://h:99999/",
                     "http://h:x/", "**", "?", "?a", "*?a", "http://h\\a/"}) {
        EXPECT_EQ(path_of(raw), "400") << raw;
    }
    EXPECT_EQ(path_of("*"), "*");
}

TEST(Target, FindsNamesThatBeginWithADot) {
    EXPECT_TRUE(has_dot_segment_name("/.git/config"));
    EXPECT_TRUE(has_dot_segment_name("/a/.htaccess"));
    EXPECT_TRUE(has_dot_segment_name("/.well-knownx"));
    EXPECT_TRUE(has_dot_segment_name("/a/.well-known/b"));
    EXPECT_TRUE(has_dot_segment_name("/.well-known/.git"));
    EXPECT_FALSE(has_dot_segment_name("/.well-known/acme"));
    EXPECT_FALSE(has_dot_segment_name("/.well-known"));
    EXPECT_FALSE(has_dot_segment_name("/a.b/c."));
    EXPECT_FALSE(has_dot_segment_name("/"));
    EXPECT_FALSE(has_dot_segment_name("*"));
}

TEST(Target, EncodedPathsAreReadBack) {
    std::string every;
    for (int byte = 0x20; byte < 0x7F; ++byte) {
        if (byte != '/' && byte != '\\') every += static_cast<char>(byte);
    }
    auto path = "/" + every + "/\u20AC/\U0001F600";
    EXPECT_EQ(path_of(encode_path(path)), path);
    EXPECT_EQ(encode_path("/a b/c:d?\"<>&'%\n"), "/a%20b/c%3Ad%3F%22%3C%3E%26%27%25%0A");
    EXPECT_EQ(encode_path("/A-z._~!$()*+,;=@0"), "/A-z._~!$()*+,;=@0");
}

TEST(Target, KnowsWhichNamesCanBeAskedFor) {
    for (auto name : {"a", ".a", "...", "a b", "\u20AC", "%2f"})
        EXPECT_TRUE(is_servable_name(name)) << name;
    for (auto name : {"", ".", "..", "a/b", "a\\b", "a\nb", "\xFF"}) {
        EXPECT_FALSE(is_servable_name(name)) << name;
    }
    EXPECT_FALSE(is_servable_name(std::string_view("a\0b", 3)));
}

}  // namespace
}  // namespace sluice::http
