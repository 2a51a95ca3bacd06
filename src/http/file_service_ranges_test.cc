// Preconditions and ranges: what a client asks for of a file that it has in part or in full.
#include <regex>

#include <gtest/gtest.h>

#include "http/file_service_testing.h"
#include "support/pattern.h"

namespace sluice::http {
namespace {

using support::difference;
using support::pattern;

// ---- preconditions ----

TEST_F(FileService, Preconditions) {
    files_.write("a", "hello");
    files_.set_modified("a", {.tv_sec = 784111777, .tv_nsec = 0});
    auto tag = ask("GET /a").field("ETag");
    const std::string date = "Sun, 06 Nov 1994 08:49:37 GMT";
    const std::string before = "Sun, 06 Nov 1994 08:49:36 GMT";
    struct row {
        std::string fields;
        int status;
    };
    for (const auto& [fields, status] : {
             row{"If-None-Match: " + tag + "\r\n", 304},
             row{"If-None-Match: W/" + tag + "\r\n", 304},
             row{"If-None-Match: *\r\n", 304},
             row{"If-None-Match: \"x\", " + tag + "\r\n", 304},
             row{"If-None-Match: \"x\"\r\n", 200},
             row{"If-Modified-Since: " + date + "\r\n", 304},
             row{"If-Modified-Since: " + before + "\r\n", 200},
             row{"If-None-Match: \"x\"\r\nIf-Modified-Since: " + date + "\r\n", 200},
             row{"If-Match: " + tag + "\r\n", 200},
             row{"If-Match: \"x\"\r\n", 412},
             row{"If-Match: W/" + tag + "\r\n", 412},
             row{"If-Unmodified-Since: " + before + "\r\n", 412},
             row{"If-Unmodified-Since: " + date + "\r\n", 200},
             row{"If-Match: \"x\"\r\nIf-None-Match: " + tag + "\r\n", 412},
         }) {
        for (const auto* line : {"GET /a", "HEAD /a"})
            EXPECT_EQ(ask(line, fields).status, status) << fields;
    }
}

TEST_F(FileService, NotModifiedHasTheFieldsThatCachesNeed) {
    site_config config{.cors = {"http://o"}};
    config.headers = {{"*", {{"Cache-Control", "max-age=5"}}}};
    serve(config);
    files_.write("a.css", "hello");
    files_.write("a.css.br", "br");
    auto whole = ask("GET /a.css", "Origin: http://o\r\n");
    auto made =
        ask("GET /a.css", "Origin: http://o\r\nIf-None-Match: " + whole.field("ETag") + "\r\n");
    ASSERT_EQ(made.status, 304);
    for (const auto* name :
         {"ETag", "Last-Modified", "Vary", "Cache-Control", "Access-Control-Allow-Origin"}) {
        EXPECT_NE(made.field(name), "(none)") << name;
        EXPECT_EQ(made.field(name), whole.field(name)) << name;
    }
    EXPECT_EQ(made.field("Content-Length"), "(none)");
    EXPECT_EQ(made.field("Content-Type"), "(none)");
    EXPECT_EQ(made.body_bytes, 0u);
}

TEST_F(FileService, MissingFilesHaveNoPreconditions) {
    EXPECT_EQ(ask("GET /nothing", "If-None-Match: *\r\n").status, 404);
    EXPECT_EQ(ask("GET /nothing", "If-Match: *\r\n").status, 404);
}

// ---- ranges ----

class Ranges : public FileService, public testing::WithParamInterface<std::size_t> {
  protected:
    void SetUp() override { files_.write("a.bin", content_); }
    answered range(const std::string& value, const std::string& more = {}) {
        return ask("GET /a.bin", "Range: " + value + "\r\n" + more);
    }
    std::string content_ = pattern(GetParam());
    std::string total_ = std::to_string(GetParam());
};

TEST_P(Ranges, One) {
    struct row {
        std::string value;
        std::size_t first, size;
    };
    auto all = content_.size();
    for (const auto& [value, first, size] :
         {row{"bytes=0-0", 0, 1}, row{"bytes=5-9", 5, 5}, row{"bytes=0-", 0, all},
          row{"bytes=" + std::to_string(all - 1) + "-", all - 1, 1}, row{"bytes=-7", all - 7, 7},
          row{"bytes=-99999999", 0, all}, row{"bytes=3-99999999", 3, all - 3},
          row{"bytes=0-4,5-9", 0, 10}, row{"BYTES=1-1", 1, 1}}) {
        auto made = range(value);
        EXPECT_EQ(made.status, 206) << value;
        EXPECT_EQ(difference(made.body, content_.substr(first, size)), "") << value;
        EXPECT_EQ(made.field("Content-Range"), "bytes " + std::to_string(first) + "-" +
                                                   std::to_string(first + size - 1) + "/" + total_);
        EXPECT_EQ(made.field("Content-Type"), "application/octet-stream");
        EXPECT_NE(made.field("ETag"), "(none)");
    }
}

TEST_P(Ranges, SeveralByteExact) {
    auto made = range("bytes=0-4,10-19,-3");
    ASSERT_EQ(made.status, 206);
    EXPECT_EQ(made.field("Content-Range"), "(none)");
    std::smatch found;
    auto type = made.field("Content-Type");
    ASSERT_TRUE(std::regex_match(type, found,
                                 std::regex("multipart/byteranges; ?boundary=\"?([a-z0-9]+)\"?")))
        << type;
    auto part = [&](std::size_t first, std::size_t size) {
        return "\r\n--" + found[1].str() +
               "\r\nContent-Type: application/octet-stream\r\nContent-Range: bytes " +
               std::to_string(first) + "-" + std::to_string(first + size - 1) + "/" + total_ +
               "\r\n\r\n" + content_.substr(first, size);
    };
    auto wanted = part(0, 5) + part(10, 10) + part(content_.size() - 3, 3) + "\r\n--" +
                  found[1].str() + "--\r\n";
    EXPECT_EQ(difference(made.body, wanted), "");
}

TEST_P(Ranges, Unsatisfiable) {
    for (const auto& value : {"bytes=" + total_ + "-", std::string("bytes=-0")}) {
        auto made = range(value);
        EXPECT_EQ(made.status, 416) << value;
        EXPECT_EQ(made.field("Content-Range"), "bytes */" + total_);
    }
    std::string many = "bytes=0-0";
    for (int at = 1; at < 17; ++at)
        many += "," + std::to_string(at * 2) + "-" + std::to_string(at * 2);
    EXPECT_EQ(range(many).status, 416);
}

TEST_P(Ranges, Ignored) {
    for (const auto* value : {"bytes", "bytes=", "bytes=a-b", "bytes=5-4", "lines=0-1", "0-1"}) {
        auto made = range(value);
        EXPECT_EQ(made.status, 200) << value;
        EXPECT_EQ(difference(made.body, content_), "") << value;
        EXPECT_EQ(made.field("Content-Range"), "(none)");
    }
    EXPECT_EQ(ask("HEAD /a.bin", "Range: bytes=0-0\r\n").status, 200);
}

TEST_P(Ranges, OnlyOfTheRightFile) {
    auto tag = ask("GET /a.bin").field("ETag");
    EXPECT_EQ(range("bytes=0-0", "If-Range: " + tag + "\r\n").status, 206);
    EXPECT_EQ(range("bytes=0-0", "If-Range: \"x\"\r\n").status, 200);
    EXPECT_EQ(range("bytes=0-0", "If-Range: W/" + tag + "\r\n").status, 200);
    EXPECT_EQ(range("bytes=0-0", "If-None-Match: " + tag + "\r\n").status, 304);
    EXPECT_EQ(range("bytes=0-0", "If-Match: \"x\"\r\n").status, 412);
}

INSTANTIATE_TEST_SUITE_P(InMemoryAndInAFile, Ranges, testing::Values(1000, 200000));

TEST_F(FileService, RangesOfAnEmptyFile) {
    files_.write("empty", "");
    EXPECT_EQ(ask("GET /empty", "Range: bytes=0-\r\n").status, 416);
    EXPECT_EQ(ask("GET /empty", "Range: bytes=-5\r\n").status, 200);
}

TEST_F(FileService, RangesOfACodingAreOfItsBytes) {
    files_.write("a.css", "plain text");
    files_.write("a.css.br", "0123456789");
    auto made = ask("GET /a.css", "Accept-Encoding: br\r\nRange: bytes=2-3\r\n");
    EXPECT_EQ(made.status, 206);
    EXPECT_EQ(made.body, "23");
    EXPECT_EQ(made.field("Content-Encoding"), "br");
}

}  // namespace
}  // namespace sluice::http
