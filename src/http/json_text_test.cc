#include "http/json_text.h"

#include <gtest/gtest.h>

namespace sluice::http {
namespace {

std::string json(std::string_view text) {
    std::string out = ">";
    append_json_string(out, text);
    return out.substr(1);
}

TEST(JsonText, QuotesPlainText) {
    EXPECT_EQ(json(""), R"("")");
    EXPECT_EQ(json("a/b c"), R"("a/b c")");
    EXPECT_EQ(json("\u20AC\U0001F600"), "\"\u20AC\U0001F600\"");
}

TEST(JsonText, EscapesWhatJsonForbids) {
    EXPECT_EQ(json("a\"b\\c"), R"("a\"b\\c")");
    EXPECT_EQ(json("\b\f\n\r\t"), R"("\b\f\n\r\t")");
    EXPECT_EQ(json(std::string_view("\0\x1F\x7F", 3)), R"("\u0000\u001f\u007f")");
}

TEST(JsonText, ReplacesEachByteThatIsNotUtf8) {
    EXPECT_EQ(json("a\xFFz"), "\"a\xEF\xBF\xBDz\"");
    EXPECT_EQ(json("\xC3"), "\"\xEF\xBF\xBD\"");
    EXPECT_EQ(json("\xC0\xAE"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\"");
    EXPECT_EQ(json("\xED\xA0\x80"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
}

}  // namespace
}  // namespace sluice::http
