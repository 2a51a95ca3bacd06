#include "http/path_pattern.h"

#include <chrono>

#include <gtest/gtest.h>

namespace sluice::http {
namespace {

bool matches(std::string_view pattern, std::string_view path) {
    return path_pattern(pattern).matches(path);
}

TEST(PathPattern, LiteralsMatchThemselves) {
    EXPECT_TRUE(matches("/a/b.css", "/a/b.css"));
    EXPECT_FALSE(matches("/a/b.css", "/a/b.cs"));
    EXPECT_FALSE(matches("/a/b.css", "/a/b.css/"));
    EXPECT_FALSE(matches("/a", "/A"));
    EXPECT_TRUE(matches("a/b", "/a/b"));
    EXPECT_FALSE(matches("/b", "/a/b"));
    EXPECT_TRUE(matches("/[a].+", "/[a].+"));
}

TEST(PathPattern, OneStarStaysInItsSegment) {
    EXPECT_TRUE(matches("/assets/*", "/assets/a.js"));
    EXPECT_TRUE(matches("/assets/*", "/assets/"));
    EXPECT_FALSE(matches("/assets/*", "/assets/a/b.js"));
    EXPECT_FALSE(matches("/assets/*", "/assets"));
    EXPECT_TRUE(matches("/a/*/c", "/a/b/c"));
    EXPECT_FALSE(matches("/a/*/c", "/a/b/b/c"));
    EXPECT_TRUE(matches("/*.min.*", "/x.min.y.min.js"));
    EXPECT_TRUE(matches("/a*b*c", "/abbc"));
    EXPECT_FALSE(matches("/a*b*c", "/acb"));
}

TEST(PathPattern, TwoStarsCrossSegments) {
    EXPECT_TRUE(matches("/a/**", "/a/b/c.js"));
    EXPECT_TRUE(matches("/a/**", "/a/"));
    EXPECT_FALSE(matches("/a/**", "/a"));
    EXPECT_FALSE(matches("/a/**", "/ab/c"));
    EXPECT_TRUE(matches("/**/c", "/a/b/c"));
    EXPECT_TRUE(matches("/**/c", "/c"));
    EXPECT_FALSE(matches("/**/c", "/abc"));
    EXPECT_FALSE(matches("/**/c", "/a/bc"));
    EXPECT_TRUE(matches("/a/**/c", "/a/c"));
    EXPECT_FALSE(matches("/a/**/c", "/ac"));
    EXPECT_TRUE(matches("**/c", "/a/c"));
    EXPECT_TRUE(matches("/a**c", "/a/b/c"));
    EXPECT_TRUE(matches("/**/b/**/d", "/a/b/c/c/d"));
    EXPECT_TRUE(matches("/**/b/**/d", "/b/d"));
    EXPECT_FALSE(matches("/**/b/**/d", "/a/d/b"));
    EXPECT_TRUE(matches("/**/**/c", "/c"));
}

TEST(PathPattern, AQuestionMarkIsOneCharacter) {
    EXPECT_TRUE(matches("/a?c", "/abc"));
    EXPECT_TRUE(matches("/a?c", "/a\u20ACc"));
    EXPECT_FALSE(matches("/a?c", "/ac"));
    EXPECT_FALSE(matches("/a?c", "/a/c"));
    EXPECT_FALSE(matches("/a?c", "/abbc"));
    EXPECT_TRUE(matches("/??", "/\u00E9\U0001F600"));
    EXPECT_FALSE(matches("/??", "/\U0001F600"));
}

TEST(PathPattern, WithoutASlashTheLastSegmentCounts) {
    EXPECT_TRUE(matches("*.css", "/a.css"));
    EXPECT_TRUE(matches("*.css", "/a/b/c.css"));
    EXPECT_FALSE(matches("*.css", "/a.css/b"));
    EXPECT_FALSE(matches("*.css", "/a.css/"));
    EXPECT_TRUE(matches("index.html", "/a/index.html"));
    EXPECT_FALSE(matches("index.html", "/a/my-index.html"));
    EXPECT_TRUE(matches("*", "/a/b"));
    EXPECT_TRUE(matches("*", "/"));
    EXPECT_TRUE(matches("", "/a/"));
    EXPECT_FALSE(matches("", "/a"));
}

// Every glob of up to four letters against every path of up to five, checked by plain recursion.
bool matches_by_recursion(std::string_view glob, std::string_view text) {
    if (glob.empty()) return text.empty();
    if (glob.starts_with("**")) {
        for (std::size_t i = 0; i <= text.size(); ++i) {
            if (matches_by_recursion(glob.substr(2), text.substr(i))) return true;
        }
        return false;
    }
    if (glob[0] == '*') {
        for (std::size_t i = 0; i <= text.size() && (i == 0 || text[i - 1] != '/'); ++i) {
            if (matches_by_recursion(glob.substr(1), text.substr(i))) return true;
        }
        return false;
    }
    bool fits = !text.empty() && (glob[0] == '?' ? text[0] != '/' : glob[0] == text[0]);
    return fits && matches_by_recursion(glob.substr(1), text.substr(1));
}

std::vector<std::string> words(std::string_view letters, std::size_t size_max) {
    std::vector<std::string> found = {""};
    for (std::size_t begin = 0, size = 0; size < size_max; ++size) {
        auto end = found.size();
        for (; begin < end; ++begin) {
            for (char letter : letters)
                found.push_back(found[begin] + letter);
        }
    }
    return found;
}

TEST(PathPattern, AgreesWithPlainRecursion) {
    auto texts = words("ab/", 5);
    for (const auto& glob : words("a*?/", 4)) {
        // A `**` that is a whole segment has a meaning of its own, tested above.
        if (("/x" + glob).find("/**/") != std::string::npos) continue;
        path_pattern pattern("/x" + glob);
        for (const auto& text : texts) {
            ASSERT_EQ(pattern.matches("/x" + text), matches_by_recursion(glob, text))
                << glob << " " << text;
        }
    }
}

TEST(PathPattern, HostilePathsCostNoMore) {
    std::string glob = "/";
    for (int i = 0; i < 30; ++i)
        glob += "**a*";
    path_pattern pattern(glob + "b");
    auto begin = std::chrono::steady_clock::now();
    EXPECT_FALSE(pattern.matches("/" + std::string(16000, 'a')));
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
}

}  // namespace
}  // namespace sluice::http
