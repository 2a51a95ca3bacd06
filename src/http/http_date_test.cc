#include "http/http_date.h"

#include <gtest/gtest.h>

namespace sluice::http {
namespace {

constexpr std::int64_t example = 784111777;   // the date that RFC 9110 uses
constexpr std::int64_t in_2026 = 1795168800;  // 2026-11-20T10:00:00Z

TEST(HttpDate, WritesImfFixdate) {
    EXPECT_EQ(format_http_date(example), "Sun, 06 Nov 1994 08:49:37 GMT");
    EXPECT_EQ(format_http_date(0), "Thu, 01 Jan 1970 00:00:00 GMT");
    EXPECT_EQ(format_http_date(-1), "Wed, 31 Dec 1969 23:59:59 GMT");
    EXPECT_EQ(format_http_date(951782400), "Tue, 29 Feb 2000 00:00:00 GMT");
    EXPECT_EQ(format_http_date(4294967296), "Sun, 07 Feb 2106 06:28:16 GMT");
}

TEST(HttpDate, WritesTheNearestDateThatHasASpelling) {
    EXPECT_EQ(format_http_date(INT64_MAX), "Fri, 31 Dec 9999 23:59:59 GMT");
    EXPECT_EQ(format_http_date(INT64_MIN), "Sat, 01 Jan 0000 00:00:00 GMT");
}

TEST(HttpDate, WritesRfc3339) {
    EXPECT_EQ(format_rfc3339(example), "1994-11-06T08:49:37Z");
    EXPECT_EQ(format_rfc3339(in_2026), "2026-11-20T10:00:00Z");
}

TEST(HttpDate, ReadsAllThreeForms) {
    EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT"), example);
    EXPECT_EQ(parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT", in_2026), example);
    EXPECT_EQ(parse_http_date("Sun Nov  6 08:49:37 1994"), example);
    EXPECT_EQ(parse_http_date("Wed Nov 16 08:49:37 1994"), example + 10 * 86400);
}

TEST(HttpDate, ReadsWhatItWrites) {
    for (std::int64_t time = -70000000000; time < 260000000000; time += 777777777) {
        auto written = format_http_date(time);
        auto read = parse_http_date(written);
        ASSERT_TRUE(read) << written;
        EXPECT_EQ(format_http_date(*read), written);
    }
}

TEST(HttpDate, PutsTwoDigitYearsAtMostFiftyYearsAhead) {
    auto year_of = [](std::string_view text) {
        auto time = parse_http_date(text, in_2026);
        return time ? format_rfc3339(*time).substr(0, 4) : "none";
    };
    EXPECT_EQ(year_of("Sunday, 06-Nov-76 08:49:37 GMT"), "2076");
    EXPECT_EQ(year_of("Sunday, 20-Nov-76 10:00:00 GMT"), "2076");
    EXPECT_EQ(year_of("Sunday, 20-Nov-76 10:00:01 GMT"), "1976");
    EXPECT_EQ(year_of("Sunday, 06-Nov-77 08:49:37 GMT"), "1977");
    EXPECT_EQ(year_of("Sunday, 06-Nov-99 08:49:37 GMT"), "1999");
    EXPECT_EQ(year_of("Sunday, 06-Nov-00 08:49:37 GMT"), "2000");
    EXPECT_EQ(year_of("Tuesday, 29-Feb-00 08:49:37 GMT"), "2000");
}

TEST(HttpDate, RefusesWhatIsNoDate) {
    for (std::string_view text : {"",
                                  "0",
                                  "Sun, 06 Nov 1994 08:49:37",
                                  "Sun, 06 Nov 1994 08:49:37 UTC",
                                  "Sun, 06 Nov 1994 08:49:37 GMT ",
                                  "Sun,06 Nov 1994 08:49:37 GMT",
                                  "Sun, 6 Nov 1994 08:49:37 GMT",
                                  "sun, 06 Nov 1994 08:49:37 GMT",
                                  "Son, 06 Nov 1994 08:49:37 GMT",
                                  "unM, 06 Nov 1994 08:49:37 GMT",
                                  "Sun, 31 Nov 1994 08:49:37 GMT",
                                  "Sun, 29 Feb 1900 08:49:37 GMT",
                                  "Sun, 00 Nov 1994 08:49:37 GMT",
                                  "Sun, 06 Nov 1994 24:00:00 GMT",
                                  "Sun, 06 Nov 1994 08:60:37 GMT",
                                  "Sun, 06 Nov 1994 08:49:61 GMT",
                                  "Sun, 06 Nov 94 08:49:37 GMT",
                                  "Sunday, 06-Nov-1994 08:49:37 GMT",
                                  "Sunday",
                                  "Sun, 06-Nov-94 08:49:37 GMT",
                                  "Sun Nov 6 08:49:37 1994",
                                  "Sun Nov  6 08:49:37 94",
                                  "Sun, +6 Nov 1994 08:49:37 GMT"}) {
        EXPECT_FALSE(parse_http_date(text)) << text;
    }
}

TEST(HttpDate, TakesALeapSecondAsTheNextOne) {
    EXPECT_EQ(parse_http_date("Sat, 31 Dec 2016 23:59:60 GMT"), 1483228800);
}

}  // namespace
}  // namespace sluice::http
