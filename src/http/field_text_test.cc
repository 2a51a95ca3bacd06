#include "http/field_text.h"

#include <gtest/gtest.h>

namespace sluice::http {
namespace {

TEST(FieldText, ComparesAsciiOnly) {
    EXPECT_TRUE(equal_ignoring_case("Bytes", "bYTES"));
    EXPECT_FALSE(equal_ignoring_case("bytes", "byte"));
    EXPECT_FALSE(equal_ignoring_case("\xC4", "\xE4"));
    EXPECT_FALSE(equal_ignoring_case("@", "`"));
}

TEST(FieldText, TrimsSpacesAndTabsOnly) {
    EXPECT_EQ(trim_white_space(" \ta b\t "), "a b");
    EXPECT_EQ(trim_white_space("\n"), "\n");
    EXPECT_EQ(trim_white_space(" \t"), "");
    EXPECT_EQ(trim_white_space(""), "");
}

TEST(FieldText, TakesElementsUntilNothingIsLeft) {
    std::string_view rest = " a ,,b";
    EXPECT_EQ(take_element(rest, ','), "a");
    EXPECT_EQ(take_element(rest, ','), "");
    EXPECT_EQ(take_element(rest, ','), "b");
    EXPECT_TRUE(rest.empty());
    EXPECT_EQ(take_element(rest, ','), "");
}

}  // namespace
}  // namespace sluice::http
