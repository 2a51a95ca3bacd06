#include "http/html_text.h"

#include <gtest/gtest.h>

namespace sluice::http {
namespace {

std::string html(std::string_view text) {
    std::string out;
    append_html_text(out, text);
    return out;
}

TEST(HtmlText, EscapesMarkup) {
    EXPECT_EQ(html("<a href='x'>\"&amp;\""), "&lt;a href=&#39;x&#39;&gt;&quot;&amp;amp;&quot;");
    EXPECT_EQ(html("plain \u20AC"), "plain \u20AC");
}

TEST(HtmlText, ShowsWhatIsNoTextAsReplacement) {
    EXPECT_EQ(html("a\n\xFF"), "a\uFFFD\uFFFD");
    EXPECT_EQ(html(std::string_view("\0", 1)), "\uFFFD");
}

TEST(HtmlText, ThePageHeadHoldsTitleAndStyle) {
    std::string page;
    append_page_head(page, "<t>", "b{c:d}");
    EXPECT_TRUE(page.starts_with("<!doctype html>"));
    EXPECT_NE(page.find("<title>&lt;t&gt;</title>"), std::string::npos);
    EXPECT_NE(page.find("b{c:d}</style>"), std::string::npos);
    EXPECT_TRUE(page.ends_with("<body>\n"));
}

}  // namespace
}  // namespace sluice::http
