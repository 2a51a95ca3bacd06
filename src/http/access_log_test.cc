#include "http/access_log.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>

#include <gtest/gtest.h>

#include "support/temporary_file.h"

namespace sluice::http {
namespace {

class AccessLog : public testing::Test {
  protected:
    AccessLog() {
        asked_.method = request_method::get;
        asked_.method_name = "GET";
        asked_.target = "/a.html";
        asked_.host = "example.org";
        asked_.user_agent = "curl/7.88.1";
        answer_.body_bytes = 5120;
        auto& cost = costs_.of(mechanism::gathered_write);
        cost.bytes = 5378;
        cost.copied_user_kernel = 5378;
    }
    std::string line(access_format format) {
        std::string out;
        append_access_line(out, format, {asked_, answer_, client_, costs_, 85'999, 1795168800});
        return out;
    }

    request asked_;
    response answer_;
    std::string client_ = "127.0.0.1";
    ledger costs_;
};

// The example of docs/serve.md.
TEST_F(AccessLog, Combined) {
    EXPECT_EQ(line(access_format::combined),
              "127.0.0.1 - - [20/Nov/2026:10:00:00 +0000] \"GET /a.html HTTP/1.1\" 200 5120 \"-\" "
              "\"curl/7.88.1\" 85 5378 gathered_write 5378\n");
}

TEST_F(AccessLog, Json) {
    asked_.referer = "http://r/";
    EXPECT_EQ(
        line(access_format::json),
        "{\"time\":\"2026-11-20T10:00:00Z\",\"client\":\"127.0.0.1\",\"host\":\"example.org\","
        "\"method\":\"GET\",\"target\":\"/a.html\",\"version\":\"HTTP/1.1\",\"status\":200,"
        "\"body_bytes\":5120,\"sent_bytes\":5378,\"duration_us\":85,"
        "\"mechanism\":\"gathered_write\",\"copied_bytes\":5378,\"referer\":\"http://r/\","
        "\"user_agent\":\"curl/7.88.1\"}\n");
}

TEST_F(AccessLog, AddsUpCopiesAndNamesTheMechanismThatCarriedMost) {
    costs_.of(mechanism::sendfile).bytes = 1'000'000;
    costs_.of(mechanism::gathered_write).copied_user = 22;
    EXPECT_TRUE(line(access_format::combined).ends_with(" 85 1005378 sendfile 5400\n"));
}

TEST_F(AccessLog, Version10AndDates) {
    asked_.http_1_1 = false;
    EXPECT_NE(line(access_format::combined).find("\"GET /a.html HTTP/1.0\""), std::string::npos);
    EXPECT_NE(line(access_format::json).find("\"version\":\"HTTP/1.0\""), std::string::npos);
    std::string out;
    append_access_line(out, access_format::combined,
                       {asked_, answer_, client_, costs_, 0, 951782400});
    EXPECT_NE(out.find("[29/Feb/2000:00:00:00 +0000]"), std::string::npos) << out;
}

// Whatever the client sends, a line stays one line and a field one field.
TEST_F(AccessLog, NothingCanForgeALine) {
    for (int byte = 0; byte < 256; ++byte) {
        std::string hostile = "x" + std::string(1, static_cast<char>(byte)) + "y\" 200 1 \"-\" \"z";
        asked_.method_name = asked_.target = asked_.referer = asked_.user_agent = asked_.host =
            hostile;
        auto combined = line(access_format::combined);
        EXPECT_EQ(std::ranges::count(combined, '\n'), 1) << byte;
        EXPECT_TRUE(combined.ends_with('\n')) << byte;
        EXPECT_EQ(std::ranges::count(combined, '"'), 6) << combined;
        for (unsigned char letter : combined.substr(0, combined.size() - 1))
            ASSERT_TRUE(letter >= 0x20 && letter < 0x7f) << byte;
        auto json = line(access_format::json);
        EXPECT_EQ(std::ranges::count(json, '\n'), 1) << byte;
        for (unsigned char letter : json.substr(0, json.size() - 1))
            ASSERT_TRUE(letter >= 0x20) << byte;
        // Every quote within a text is escaped: the members stay the fourteen that they are.
        std::regex member("\"(\\\\.|[^\"\\\\])*\":");
        EXPECT_EQ(std::distance(std::sregex_iterator(json.begin(), json.end(), member), {}), 14)
            << json;
    }
}

TEST_F(AccessLog, EscapesWhatItMust) {
    asked_.target = "/\x1b[0m\"\\\xe9";
    EXPECT_NE(line(access_format::combined).find("\"GET /\\x1b[0m\\x22\\x5c\\xe9 HTTP/1.1\""),
              std::string::npos)
        << line(access_format::combined);
}

TEST_F(AccessLog, ARequestThatCouldNotBeReadHasALineToo) {
    asked_ = {};
    answer_.status = 400;
    auto combined = line(access_format::combined);
    EXPECT_EQ(std::ranges::count(combined, '"'), 6) << combined;
    EXPECT_NE(combined.find("\" 400 "), std::string::npos) << combined;
}

TEST_F(AccessLog, HandsLinesOnInBatches) {
    support::temporary_directory folder;
    log_config config{.access = folder.path() + "/access.log"};
    auto made = logs::open(config);
    ASSERT_TRUE(made);
    {
        access_log log(**made);
        EXPECT_TRUE(log.wanted());
        for (int count = 0; count < 1000; ++count)
            log.record({asked_, answer_, client_, costs_, 1000, 0});
        log.flush();
        log.flush();  // nothing more to hand on
    }
    made->reset();
    std::ifstream in(config.access);
    std::string text;
    int lines = 0;
    for (; std::getline(in, text); ++lines)
        EXPECT_TRUE(text.starts_with("127.0.0.1 - - [01/Jan/1970")) << text;
    EXPECT_EQ(lines, 1000);
}

}  // namespace
}  // namespace sluice::http
