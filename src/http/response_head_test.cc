#include "http/response_head.h"

#include <regex>

#include <gtest/gtest.h>

#include "http/http_date.h"
#include "sys/clock.h"

namespace sluice::http {
namespace {

using connection = response_head::connection;

std::string text_of(const buffer_slice& slice) {
    return std::string(slice.text());
}

TEST(ResponseHead, HasTheFieldsOfEveryResponse) {
    response_head heads;
    auto before = sys::realtime_ns() / 1'000'000'000;
    std::smatch found;
    auto text = text_of(heads.begin(200, connection::keep));
    ASSERT_TRUE(std::regex_match(
        text, found, std::regex("HTTP/1.1 200 OK\r\nServer: sluice\r\nDate: ([^\r]+)\r\n")));
    auto after = sys::realtime_ns() / 1'000'000'000;
    auto said = parse_http_date(found[1].str());
    ASSERT_TRUE(said);
    EXPECT_GE(*said, before - 1);
    EXPECT_LE(*said, after);
}

TEST(ResponseHead, SaysWhatBecomesOfTheConnection) {
    response_head heads;
    for (int status : {200, 206, 304, 404, 400, 405, 500}) {
        auto keep = text_of(heads.begin(status, connection::keep));
        EXPECT_TRUE(keep.starts_with("HTTP/1.1 " + std::to_string(status) + " ")) << keep;
        EXPECT_EQ(keep.find("Connection"), std::string::npos) << keep;
        auto old = text_of(heads.begin(status, connection::keep_http_1_0));
        EXPECT_TRUE(old.ends_with("\r\nConnection: keep-alive\r\n")) << old;
        auto close = text_of(heads.begin(status, connection::close));
        EXPECT_TRUE(close.ends_with("\r\nConnection: close\r\n")) << close;
    }
}

TEST(ResponseHead, IsMadeOnceASecond) {
    response_head heads;
    bool shared = false;
    for (int attempt = 0; attempt < 3 && !shared; ++attempt) {
        auto first = heads.begin(200, connection::keep);
        shared = first.data() == heads.begin(200, connection::keep).data();
    }
    EXPECT_TRUE(shared);
}

// The date goes on: waits for the clock's next second.
TEST(ResponseHead, FollowsTheClock) {
    response_head heads;
    auto first = text_of(heads.begin(200, connection::keep));
    auto begun = sys::coarse_realtime_s();
    while (sys::coarse_realtime_s() == begun) {
    }
    EXPECT_NE(text_of(heads.begin(200, connection::keep)), first);
}

}  // namespace
}  // namespace sluice::http
