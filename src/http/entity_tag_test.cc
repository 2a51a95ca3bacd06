#include "http/entity_tag.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace sluice::http {
namespace {

std::vector<std::string> tags_of(std::string_view field) {
    std::vector<std::string> found;
    entity_tag_list list(field);
    while (auto tag = list.next())
        found.push_back((tag->weak ? "W/" : "") + std::string(tag->value));
    EXPECT_FALSE(list.next()) << "the end is final";
    return found;
}

using tags = std::vector<std::string>;

TEST(EntityTag, ReadsLists) {
    EXPECT_EQ(tags_of(R"("a")"), (tags{R"("a")"}));
    EXPECT_EQ(tags_of("\"a\", W/\"b\",\"\",\t\"c,d\" "),
              (tags{R"("a")", R"(W/"b")", R"("")", R"("c,d")"}));
    EXPECT_EQ(tags_of(R"(, ,"a",,)"), (tags{R"("a")"}));
    EXPECT_EQ(tags_of("\"\xC3\xA9\""), (tags{"\"\xC3\xA9\""}));
    EXPECT_EQ(tags_of(""), tags{});
}

TEST(EntityTag, StopsAtTheFirstThingThatIsNoTag) {
    EXPECT_EQ(tags_of(R"("a", b, "c")"), (tags{R"("a")"}));
    EXPECT_EQ(tags_of(R"("a" "b")"), tags{});
    EXPECT_EQ(tags_of(R"("a)"), tags{});
    EXPECT_EQ(tags_of(R"(w/"a")"), tags{});
    EXPECT_EQ(tags_of(R"(W/ "a")"), tags{});
    EXPECT_EQ(tags_of(R"("a b")"), tags{});
    EXPECT_EQ(tags_of("W/"), tags{});
}

TEST(EntityTag, ComparesStronglyAndWeakly) {
    EXPECT_TRUE(any_matches_strongly(R"("x", "a")", R"("a")"));
    EXPECT_FALSE(any_matches_strongly(R"(W/"a")", R"("a")"));
    EXPECT_TRUE(any_matches_strongly(R"(W/"a", "a")", R"("a")"));
    EXPECT_TRUE(any_matches_weakly(R"(W/"a")", R"("a")"));
    EXPECT_FALSE(any_matches_weakly(R"("A")", R"("a")"));
    EXPECT_FALSE(any_matches_weakly(R"(a)", R"("a")"));
}

TEST(EntityTag, AStarMatchesOnlyAlone) {
    EXPECT_TRUE(any_matches_strongly(" * ", R"("a")"));
    EXPECT_TRUE(any_matches_weakly("*", R"("a")"));
    EXPECT_FALSE(any_matches_weakly(R"(*, "a")", R"("a")"));
    EXPECT_FALSE(any_matches_weakly(R"("*")", R"("a")"));
}

}  // namespace
}  // namespace sluice::http
