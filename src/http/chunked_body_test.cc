#include "http/chunked_body.h"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace sluice::http {
namespace {

struct chunked_text {
    const char* why;
    std::string text;
};

const chunked_text good_bodies[] = {
    {"empty", "0\r\n\r\n"},
    {"one chunk", "5\r\nhello\r\n0\r\n\r\n"},
    {"two chunks", "1\r\na\r\n2\r\nbc\r\n0\r\n\r\n"},
    {"hex of both cases", "a\r\n0123456789\r\nB\r\n0123456789a\r\n0\r\n\r\n"},
    {"zeros before the size", "0005\r\nhello\r\n000\r\n\r\n"},
    {"white space before an extension", "5 \t;name\r\nhello\r\n0\r\n\r\n"},
    {"an extension", "5;name\r\nhello\r\n0\r\n\r\n"},
    {"extensions", "5;name=value;other=\"a;b\"\r\nhello\r\n0;last\r\n\r\n"},
    {"line breaks in a chunk", "6\r\n\r\n0\r\n\r\r\n0\r\n\r\n"},
    {"a trailer", "0\r\nX: y\r\n\r\n"},
    {"trailers", "1\r\na\r\n0\r\nX: y\r\nZ:\r\n\r\n"},
};

TEST(ChunkedBody, EndsWhereItEnds) {
    for (const auto& [why, text] : good_bodies) {
        chunked_body body;
        auto with_more = text + "GET / HTTP/1.1\r\n";
        auto fed = body.feed(as_bytes(with_more), 100);
        EXPECT_TRUE(fed.complete) << why;
        EXPECT_FALSE(fed.refused) << why;
        EXPECT_EQ(fed.consumed, text.size()) << why;
    }
}

// Feeds as a session does: what was not consumed comes again, with more behind it.
chunked_body::outcome feed_in_parts(const std::string& text, std::size_t first, std::size_t step,
                                    std::uint64_t size_max) {
    chunked_body body;
    chunked_body::outcome last;
    std::size_t begin = 0, end = 0;
    while (end < text.size() && !last.complete && !last.refused) {
        end = std::min(text.size(), end + (end == 0 ? first : step));
        auto part = text.substr(begin, end - begin);
        last = body.feed(as_bytes(part), size_max);
        EXPECT_LE(last.consumed, part.size());
        begin += last.consumed;
    }
    last.consumed = begin;
    return last;
}

TEST(ChunkedBody, SplitAtEveryByte) {
    for (const auto& [why, text] : good_bodies) {
        for (std::size_t cut = 1; cut <= text.size(); ++cut) {
            auto fed = feed_in_parts(text, cut, text.size(), 100);
            ASSERT_TRUE(fed.complete) << why << " at " << cut;
            ASSERT_EQ(fed.consumed, text.size()) << why << " at " << cut;
        }
    }
}

TEST(ChunkedBody, ByteByByte) {
    for (const auto& [why, text] : good_bodies) {
        auto fed = feed_in_parts(text, 1, 1, 100);
        EXPECT_TRUE(fed.complete) << why;
        EXPECT_EQ(fed.consumed, text.size()) << why;
    }
}

struct bad_body {
    const char* why;
    std::string text;
    int status = 400;
};

const bad_body bad_bodies[] = {
    {"no size", "\r\nhello\r\n0\r\n\r\n"},
    {"no hex", "g\r\nhello\r\n0\r\n\r\n"},
    {"minus", "-5\r\nhello\r\n0\r\n\r\n"},
    {"plus", "+5\r\nhello\r\n0\r\n\r\n"},
    {"0x", "0x5\r\nhello\r\n0\r\n\r\n"},
    {"space before the size", " 5\r\nhello\r\n0\r\n\r\n"},
    {"space behind the size", "5 \r\nhello\r\n0\r\n\r\n"},
    {"bare LF behind the size", "5\nhello\r\n0\r\n\r\n"},
    {"bare CR behind the size", "5\rhello\r\n0\r\n\r\n"},
    {"no line break behind a chunk", "5\r\nhello0\r\n\r\n"},
    {"bare LF behind a chunk", "5\r\nhello\n0\r\n\r\n"},
    {"a chunk longer than it says", "4\r\nhello\r\n0\r\n\r\n"},
    {"control byte in an extension", "5;a\x01\r\nhello\r\n0\r\n\r\n"},
    {"size of 17 digits", "10000000000000000\r\n"},
    {"size of 17 digits, zeros first, that does not fit", "1ffffffffffffffff\r\n"},
    {"bare LF at the end", "0\r\n\n"},
    {"obs-fold in a trailer", "0\r\nX: a\r\n b\r\n\r\n"},
    {"no colon in a trailer", "0\r\nX\r\n\r\n"},
    {"space before a trailer's colon", "0\r\nX : a\r\n\r\n"},
    {"bare LF in a trailer", "0\r\nX: a\n\r\n"},
    {"control byte in a trailer", "0\r\nX: \x01\r\n\r\n"},
    {"more than allowed", "65\r\n", 413},
    {"more than allowed in two chunks",
     "32\r\n" + std::string(50, 'x') + "\r\n33\r\n" + std::string(51, 'x') + "\r\n0\r\n\r\n", 413},
    {"the largest size", "ffffffffffffffff\r\n", 413},
    {"sizes whose sum wraps around", "1\r\na\r\nffffffffffffffff\r\n", 413},
};

TEST(ChunkedBody, RefusesBadBodies) {
    for (const auto& [why, text, status] : bad_bodies) {
        auto fed = feed_in_parts(text, text.size(), text.size(), 100);
        EXPECT_TRUE(fed.refused) << why;
        EXPECT_FALSE(fed.complete) << why;
        EXPECT_EQ(fed.status, status) << why;
    }
}

TEST(ChunkedBody, RefusesBadBodiesSplitAtEveryByte) {
    for (const auto& [why, text, status] : bad_bodies) {
        for (std::size_t cut = 1; cut <= text.size(); ++cut) {
            auto fed = feed_in_parts(text, cut, 1, 100);
            ASSERT_TRUE(fed.refused) << why << " at " << cut;
            ASSERT_EQ(fed.status, status) << why << " at " << cut;
        }
    }
}

TEST(ChunkedBody, ExactlyAsMuchAsAllowed) {
    auto text = "64\r\n" + std::string(100, 'x') + "\r\n0\r\n\r\n";
    EXPECT_TRUE(feed_in_parts(text, 7, 13, 100).complete);
    EXPECT_TRUE(feed_in_parts(text, 7, 13, 99).refused);
}

// What is between the chunks is bounded as well, so that it cannot be sent for ever.
TEST(ChunkedBody, EndlessExtensionsAndTrailersAreRefused) {
    auto extension = "1;a=" + std::string(1024 * 1024, 'x');
    auto blanks = "1" + std::string(1024 * 1024, ' ');
    std::string extensions, trailers = "0\r\n";
    while (trailers.size() < 1024 * 1024)
        trailers += "X: y\r\n";
    while (extensions.size() < 1024 * 1024)
        extensions += "1;aaaaaaaa\r\nx\r\n";
    for (const auto& text : {extension, blanks, extensions, trailers}) {
        chunked_body body;
        auto fed = body.feed(as_bytes(text), UINT64_MAX);
        EXPECT_TRUE(fed.refused);
        EXPECT_EQ(fed.status, 431);
    }
}

}  // namespace
}  // namespace sluice::http
