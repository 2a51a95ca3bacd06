#include "http/error_page.h"

#include <gtest/gtest.h>

namespace sluice::http {
namespace {

TEST(ErrorPage, KnowsReasonPhrases) {
    EXPECT_EQ(reason_phrase(100), "Continue");
    EXPECT_EQ(reason_phrase(200), "OK");
    EXPECT_EQ(reason_phrase(404), "Not Found");
    EXPECT_EQ(reason_phrase(511), "Network Authentication Required");
    for (int status : {-1, 0, 99, 299, 418, 512, 1000})
        EXPECT_EQ(reason_phrase(status), "Unknown");
}

TEST(ErrorPage, EveryStatusOfTheServerHasAPhrase) {
    for (int status : {100, 200, 204, 206, 301, 304, 400, 403, 404, 405, 408,
                       412, 413, 414, 416, 417, 431, 500, 501, 503, 505}) {
        EXPECT_NE(reason_phrase(status), "Unknown") << status;
    }
}

TEST(ErrorPage, ShowsTheStatus) {
    auto page = error_html(404);
    EXPECT_NE(page.find("<title>404 Not Found</title>"), std::string::npos);
    EXPECT_NE(page.find("<h1>Not Found</h1>"), std::string::npos);
    EXPECT_EQ(page.find("<script"), std::string::npos);
    EXPECT_TRUE(page.ends_with("</html>\n"));
}

TEST(ErrorPage, IsSmallAndNeedsNoExplanation) {
    EXPECT_LT(error_html(503).size(), 4096u);
    EXPECT_EQ(error_html(599).find("<p></p>"), std::string::npos);
}

}  // namespace
}  // namespace sluice::http
