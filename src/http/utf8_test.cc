#include "http/utf8.h"

#include <gtest/gtest.h>

namespace sluice::http {
namespace {

TEST(Utf8, TakesTheFirstAndLastCodePointOfEachSize) {
    for (std::string_view text :
         {"\x01", "\x7F", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xEE\x80\x80",
          "\xEF\xBF\xBF", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"}) {
        EXPECT_EQ(code_point_size(text, 0), text.size());
        EXPECT_TRUE(is_utf8(text));
    }
}

TEST(Utf8, RefusesOverlongSurrogatesAndTooLarge) {
    for (std::string_view text :
         {"\xC0\xAE", "\xC1\xBF", "\xE0\x80\xAE", "\xE0\x9F\xBF", "\xF0\x80\x80\xAE",
          "\xED\xA0\x80", "\xED\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF", "\xFE",
          "\x80", "\xBF"}) {
        EXPECT_EQ(code_point_size(text, 0), 0u);
        EXPECT_FALSE(is_utf8(text));
    }
}

TEST(Utf8, RefusesCutSequencesAtEveryByte) {
    for (std::string_view whole : {"\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"}) {
        for (std::size_t size = 1; size < whole.size(); ++size) {
            EXPECT_FALSE(is_utf8(whole.substr(0, size)));
            EXPECT_FALSE(is_utf8(std::string(whole.substr(0, size)) + "a"));
        }
    }
}

TEST(Utf8, PrintableReplacesWhatCannotBeShown) {
    EXPECT_EQ(printable("a\xC3\xA9z"), "a\xC3\xA9z");
    EXPECT_EQ(printable("a\nb\x7F"),
              "a\xEF\xBF\xBD"
              "b\xEF\xBF\xBD");
    EXPECT_EQ(printable("\xC0\xAE"), "\xEF\xBF\xBD\xEF\xBF\xBD");
    EXPECT_EQ(printable(""), "");
}

}  // namespace
}  // namespace sluice::http
