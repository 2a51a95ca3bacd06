#include "http/request_parser.h"

#include <string>

#include <gtest/gtest.h>

namespace sluice::http {
namespace {

using outcome = parsed_head::outcome;

struct read_head {
    std::string text;
    request asked;
    parsed_head head;
    std::size_t searched = 0;
};

// On the heap exactly as long as the text, so that a read beyond it shows under AddressSanitizer.
read_head parse(std::string text, const head_limits& limits = {}) {
    read_head made{std::move(text), {}, {}};
    made.head = parse_head(as_bytes(made.text), made.searched, limits, made.asked);
    return made;
}

std::string get(const std::string& fields) {
    return "GET / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n";
}

// ---- what is accepted ----

struct good_head {
    const char* why;
    std::string text;
};

const good_head good_heads[] = {
    {"the least", "GET / HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"1.0 needs no Host", "GET / HTTP/1.0\r\n\r\n"},
    {"1.0 with Host", "GET / HTTP/1.0\r\nHost: a\r\n\r\n"},
    {"empty lines before", "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n"},
    {"Host with port", "GET / HTTP/1.1\r\nHost: example.org:8080\r\n\r\n"},
    {"IPv6 Host", "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n"},
    {"Host of any case", "GET / HTTP/1.1\r\nhOsT: a\r\n\r\n"},
    {"no space before the value", "GET / HTTP/1.1\r\nHost:a\r\n\r\n"},
    {"white space around the value", "GET / HTTP/1.1\r\nHost: \t a \t \r\n\r\n"},
    {"empty value", get("X:\r\n")},
    {"bytes above 0x7f in a value", get("X: \xc3\xa9\r\n")},
    {"tab in a value", get("X: a\tb\r\n")},
    {"marks in a name", get("!#$%&'*+-.^_`|~09azAZ: 1\r\n")},
    {"Content-Length", get("Content-Length: 5\r\n")},
    {"Content-Length 0", get("Content-Length: 0\r\n")},
    {"Content-Length with zeros before", get("Content-Length: 0005\r\n")},
    {"chunked", get("Transfer-Encoding: chunked\r\n")},
    {"chunked of any case", get("TRANSFER-ENCODING: ChunKed\r\n")},
    {"unknown method", "BREW / HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"absolute form", "GET http://a/b HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"asterisk form", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"authority form", "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"Upgrade is not taken up", get("Connection: Upgrade\r\nUpgrade: h2c\r\n")},
};

TEST(ParseHead, TakesGoodHeadsWhole) {
    for (const auto& [why, text] : good_heads) {
        auto read = parse(text + "GET /next");
        EXPECT_EQ(read.head.is, outcome::complete) << why << ": " << read.head.status;
        EXPECT_EQ(read.head.size, text.size()) << why;
    }
}

// Incomplete before the last byte, complete with it, wherever the first part ended.
TEST(ParseHead, TakesGoodHeadsSplitAtEveryByte) {
    for (const auto& [why, text] : good_heads) {
        for (std::size_t cut = 0; cut < text.size(); ++cut) {
            std::size_t searched = 0;
            request asked;
            auto first = std::string(text, 0, cut);
            auto head = parse_head(as_bytes(first), searched, {}, asked);
            ASSERT_EQ(head.is, outcome::incomplete) << why << " at " << cut;
            ASSERT_LE(searched, cut) << why;
            head = parse_head(as_bytes(text), searched, {}, asked);
            ASSERT_EQ(head.is, outcome::complete) << why << " at " << cut;
            ASSERT_EQ(head.size, text.size()) << why << " at " << cut;
        }
    }
}

TEST(ParseHead, TakesGoodHeadsByteByByte) {
    for (const auto& [why, text] : good_heads) {
        std::size_t searched = 0;
        request asked;
        parsed_head head;
        for (std::size_t size = 1; size <= text.size(); ++size) {
            ASSERT_EQ(head.is, outcome::incomplete) << why << " at " << size;
            auto part = text.substr(0, size);
            head = parse_head(as_bytes(part), searched, {}, asked);
        }
        EXPECT_EQ(head.is, outcome::complete) << why;
    }
}

// ---- what is refused ----

struct bad_head {
    const char* why;
    std::string text;
    int status = 400;
};

const bad_head bad_heads[] = {
    {"bare LF after the request line", "GET / HTTP/1.1\nHost: a\r\n\r\n"},
    {"bare LF after a field", "GET / HTTP/1.1\r\nHost: a\n\r\n"},
    {"bare LF as the empty line", "GET / HTTP/1.1\r\nHost: a\r\n\n"},
    {"bare LF before", "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"CR CR LF", "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n"},
    {"bare CR in the target", "GET /\r HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"bare CR in a value", get("X: a\rb\r\n")},
    {"bare CR that begins a field", get("\rX: a\r\n")},
    {"obs-fold by a space", get("X: a\r\n b\r\n")},
    {"obs-fold by a tab", get("X: a\r\n\tb\r\n")},
    {"white space before the first field", "GET / HTTP/1.1\r\n Host: a\r\n\r\n"},
    {"white space before the request line", " GET / HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"space before the colon", get("X : a\r\n")},
    {"tab before the colon", get("X\t: a\r\n")},
    {"space before Host's colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n"},
    {"space within a name", get("X Y: a\r\n")},
    {"no colon", get("X\r\n")},
    {"empty name", get(": a\r\n")},
    {"quote in a name", get("\"X\": a\r\n")},
    {"byte above 0x7f in a name", get("X\xe9: a\r\n")},
    {"NUL in a value", get(std::string("X: a\0b\r\n", 8))},
    {"NUL in a name", get(std::string("X\0Y: a\r\n", 8))},
    {"NUL in the target", std::string("GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n", 29)},
    {"escape in a value", get("X: \x1b[0m\r\n")},
    {"DEL in a value", get("X: \x7f\r\n")},
    {"DEL in the target", "GET /\x7f HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"tab between method and target", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"two spaces before the target", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"two spaces before the version", "GET /  HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"space within the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"space behind the version", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n"},
    {"no target", "GET HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"no version (HTTP/0.9)", "GET /\r\n\r\n"},
    {"no method", "/ HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"no token as method", "G(T / HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"version in lower case", "GET / http/1.1\r\nHost: a\r\n\r\n"},
    {"version without a minor", "GET / HTTP/2\r\nHost: a\r\n\r\n"},
    {"version of two digits", "GET / HTTP/1.10\r\nHost: a\r\n\r\n"},
    {"version of letters", "GET / HTTP/x.y\r\nHost: a\r\n\r\n"},
    {"version with a comma", "GET / HTTP/1,1\r\nHost: a\r\n\r\n"},
    {"another protocol", "GET / ICAP/1.0\r\nHost: a\r\n\r\n"},
    {"HTTP/2.0", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505},
    {"HTTP/1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505},
    {"HTTP/0.9", "GET / HTTP/0.9\r\nHost: a\r\n\r\n", 505},
    {"HTTP/9.9", "GET / HTTP/9.9\r\nHost: a\r\n\r\n", 505},
    {"the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\n", 505},

    {"1.1 without Host", "GET / HTTP/1.1\r\n\r\n"},
    {"two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"},
    {"two Hosts in 1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"},
    {"two Hosts, one empty", "GET / HTTP/1.1\r\nHost:\r\nHost: a\r\n\r\n"},
    {"Host of two names", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"},
    {"Host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"},
    {"Host with a user", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"},
    {"Host with a space", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"},
    {"Host with a bad port", "GET / HTTP/1.1\r\nHost: a:99999\r\n\r\n"},

    {"Content-Length twice", get("Content-Length: 5\r\nContent-Length: 5\r\n")},
    {"Content-Length twice, different", get("Content-Length: 5\r\nContent-Length: 6\r\n")},
    {"Content-Length as a list", get("Content-Length: 5, 5\r\n")},
    {"Content-Length with a comma behind", get("Content-Length: 5,\r\n")},
    {"Content-Length with a plus", get("Content-Length: +5\r\n")},
    {"Content-Length with a minus", get("Content-Length: -5\r\n")},
    {"Content-Length in hex", get("Content-Length: 0x5\r\n")},
    {"Content-Length of letters", get("Content-Length: five\r\n")},
    {"Content-Length with a dot", get("Content-Length: 5.0\r\n")},
    {"Content-Length with a space", get("Content-Length: 5 5\r\n")},
    {"Content-Length empty", get("Content-Length:\r\n")},
    {"Content-Length 2^64", get("Content-Length: 18446744073709551616\r\n")},
    {"Content-Length 2^64-1", get("Content-Length: 18446744073709551615\r\n")},
    {"Content-Length of 40 digits", get("Content-Length: " + std::string(40, '9') + "\r\n")},
    {"length and chunked", get("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n")},
    {"chunked and length", get("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n")},
    {"chunked and length 0", get("Transfer-Encoding: chunked\r\nContent-Length: 0\r\n")},
    {"chunked in 1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"},
    {"chunked twice", get("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n")},
    {"chunked twice in one", get("Transfer-Encoding: chunked, chunked\r\n"), 501},
    {"chunked not last", get("Transfer-Encoding: chunked, gzip\r\n")},
    {"a coding without chunked", get("Transfer-Encoding: gzip\r\n")},
    {"identity", get("Transfer-Encoding: identity\r\n")},
    {"chunked with something behind", get("Transfer-Encoding: chunked x\r\n")},
    {"xchunked", get("Transfer-Encoding: xchunked\r\n")},
    {"chunked in quotes", get("Transfer-Encoding: \"chunked\"\r\n")},
    {"chunked behind a vertical tab", get("Transfer-Encoding: \vchunked\r\n")},
    {"no coding", get("Transfer-Encoding:\r\n")},
    {"gzip, chunked", get("Transfer-Encoding: gzip, chunked\r\n"), 501},
    {"gzip, then chunked", get("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n")},
    {"Connection is no list", get("Connection: ?/?\r\n")},
    {"another expectation", get("Expect: 200-ok\r\n"), 417},
};

TEST(ParseHead, RefusesBadHeads) {
    for (const auto& [why, text, status] : bad_heads) {
        auto read = parse(text);
        EXPECT_EQ(read.head.is, outcome::refused) << why;
        EXPECT_EQ(read.head.status, status) << why;
    }
}

// However the bytes come, the same answer; and never "complete" on the way.
TEST(ParseHead, RefusesBadHeadsSplitAtEveryByte) {
    for (const auto& [why, text, status] : bad_heads) {
        for (std::size_t cut = 0; cut < text.size(); ++cut) {
            std::size_t searched = 0;
            request asked;
            auto first = std::string(text, 0, cut);
            auto head = parse_head(as_bytes(first), searched, {}, asked);
            ASSERT_NE(head.is, outcome::complete) << why << " at " << cut;
            if (head.is == outcome::incomplete)
                head = parse_head(as_bytes(text), searched, {}, asked);
            ASSERT_EQ(head.is, outcome::refused) << why << " at " << cut;
            ASSERT_EQ(head.status, status) << why << " at " << cut;
        }
    }
}

// A line is refused when it has ended, before the rest of the head has come.
TEST(ParseHead, RefusesEarly) {
    EXPECT_EQ(parse("GET / HTTP/1.1\n").head.status, 400);
    EXPECT_EQ(parse("GET / HTTP/1.1\r\nX: \x01\r\n").head.status, 400);
    EXPECT_EQ(parse("GET / HTTP/1.1\r\nX: a\r\n b\r\n").head.status, 400);
}

// Every byte in every place where a control byte would matter.
TEST(ParseHead, NoControlByteGetsThrough) {
    for (int byte = 0; byte < 256; ++byte) {
        bool allowed_in_value = byte == '\t' || (byte >= 0x20 && byte != 0x7f);
        auto letter = std::string(1, static_cast<char>(byte));
        auto value = parse(get("X: a" + letter + "b\r\n"));
        EXPECT_EQ(value.head.is == outcome::complete, allowed_in_value) << byte;
        bool allowed_in_target = byte > 0x20 && byte != 0x7f;
        auto target = parse("GET /a" + letter + "b HTTP/1.1\r\nHost: a\r\n\r\n");
        if (byte <= 0x7f) {
            EXPECT_EQ(target.head.is == outcome::complete, allowed_in_target) << byte;
        }
    }
}

// ---- what it says ----

TEST(ParseHead, NamesTheMethods) {
    struct row {
        const char* name;
        request_method method;
    };
    for (auto [name, method] :
         {row{"GET", request_method::get}, row{"HEAD", request_method::head},
          row{"OPTIONS", request_method::options}, row{"POST", request_method::post},
          row{"PUT", request_method::put}, row{"DELETE", request_method::del},
          row{"PATCH", request_method::patch}, row{"CONNECT", request_method::connect},
          row{"TRACE", request_method::trace}, row{"get", request_method::other},
          row{"GETS", request_method::other}}) {
        auto read = parse(std::string(name) + " / HTTP/1.1\r\nHost: a\r\n\r\n");
        ASSERT_EQ(read.head.is, outcome::complete) << name;
        EXPECT_EQ(read.asked.method, method) << name;
        EXPECT_EQ(read.asked.method_name, name);
        EXPECT_EQ(name_of(method), method == request_method::other ? "other" : name);
    }
}

TEST(ParseHead, FillsTheRequest) {
    auto read = parse(
        "GET /a?b=c HTTP/1.1\r\nHost:  example.org:81 \r\nRange: bytes=0-1\r\n"
        "If-Match: \"m\"\r\nIf-None-Match: \"n\"\r\nIf-Modified-Since: s\r\n"
        "If-Unmodified-Since: u\r\nIf-Range: r\r\nAccept: text/html\r\nAccept-Encoding: br\r\n"
        "Origin: http://o\r\nAccess-Control-Request-Method: GET\r\n"
        "Access-Control-Request-Headers: x-y\r\nReferer: http://r/\r\nUser-Agent: me/1\r\n\r\n");
    ASSERT_EQ(read.head.is, outcome::complete);
    const auto& asked = read.asked;
    EXPECT_EQ(asked.target, "/a?b=c");
    EXPECT_TRUE(asked.http_1_1);
    EXPECT_EQ(asked.host, "example.org:81");
    EXPECT_EQ(asked.range, "bytes=0-1");
    EXPECT_EQ(asked.conditions.if_match, "\"m\"");
    EXPECT_EQ(asked.conditions.if_none_match, "\"n\"");
    EXPECT_EQ(asked.conditions.if_modified_since, "s");
    EXPECT_EQ(asked.conditions.if_unmodified_since, "u");
    EXPECT_EQ(asked.conditions.if_range, "r");
    EXPECT_EQ(asked.accept, "text/html");
    EXPECT_EQ(asked.accept_encoding, "br");
    EXPECT_EQ(asked.origin, "http://o");
    EXPECT_EQ(asked.access_control_request_method, "GET");
    EXPECT_EQ(asked.access_control_request_headers, "x-y");
    EXPECT_EQ(asked.referer, "http://r/");
    EXPECT_EQ(asked.user_agent, "me/1");
    EXPECT_FALSE(asked.has_body());
    // Views into the bytes, not copies.
    EXPECT_GE(asked.user_agent.data(), read.text.data());
    EXPECT_LE(asked.user_agent.data() + asked.user_agent.size(),
              read.text.data() + read.text.size());
}

TEST(ParseHead, ForgetsTheRequestBefore) {
    request asked;
    std::size_t searched = 0;
    auto first = get("Range: bytes=0-1\r\nExpect: 100-continue\r\nContent-Length: 7\r\n");
    ASSERT_EQ(parse_head(as_bytes(first), searched, {}, asked).is, outcome::complete);
    EXPECT_EQ(asked.content_length, 7u);
    EXPECT_TRUE(asked.expects_continue);
    searched = 0;
    auto second = get("");
    ASSERT_EQ(parse_head(as_bytes(second), searched, {}, asked).is, outcome::complete);
    EXPECT_FALSE(asked.range);
    EXPECT_FALSE(asked.has_body());
    EXPECT_FALSE(asked.expects_continue);
}

TEST(ParseHead, TellsWhetherTheConnectionStays) {
    auto keeps = [](const std::string& version, const std::string& fields) {
        auto read = parse("GET / HTTP/" + version + "\r\nHost: a\r\n" + fields + "\r\n");
        EXPECT_EQ(read.head.is, outcome::complete);
        return read.asked.keep_alive;
    };
    EXPECT_TRUE(keeps("1.1", ""));
    EXPECT_FALSE(keeps("1.1", "Connection: close\r\n"));
    EXPECT_FALSE(keeps("1.1", "Connection: x, CLOSE\r\n"));
    EXPECT_FALSE(keeps("1.1", "Connection: keep-alive\r\nConnection: close\r\n"));
    EXPECT_TRUE(keeps("1.1", "Connection: closed\r\n"));
    EXPECT_FALSE(keeps("1.0", ""));
    EXPECT_TRUE(keeps("1.0", "Connection: Keep-Alive\r\n"));
    EXPECT_FALSE(keeps("1.0", "Connection: keep-alive, close\r\n"));
}

TEST(ParseHead, ExpectsContinueOnlyFrom11) {
    EXPECT_TRUE(parse(get("Expect: 100-Continue\r\n")).asked.expects_continue);
    EXPECT_FALSE(parse("GET / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n").asked.expects_continue);
}

TEST(ParseHead, TakesTheLargestLength) {
    auto read = parse(get("Content-Length: 9223372036854775807\r\n"));
    EXPECT_EQ(read.asked.content_length, 9223372036854775807u);
}

// ---- limits ----

TEST(ParseHead, BoundsTheHead) {
    auto text = get("X: " + std::string(100, 'x') + "\r\n");
    EXPECT_EQ(parse(text, {.head_bytes = text.size()}).head.is, outcome::complete);
    auto over = parse(text, {.head_bytes = text.size() - 1});
    EXPECT_EQ(over.head.is, outcome::refused);
    EXPECT_EQ(over.head.status, 431);
}

TEST(ParseHead, TellsALongRequestLineFromLongFields) {
    head_limits limits{.head_bytes = 64};
    auto long_target = "GET /" + std::string(100, 'a');
    EXPECT_EQ(parse(long_target, limits).head.status, 414);
    EXPECT_EQ(parse(long_target + " HTTP/1.1\r\nHost: a\r\n\r\n", limits).head.status, 414);
    EXPECT_EQ(parse("GET / HTTP/1.1\r\nX: " + std::string(100, 'a'), limits).head.status, 431);
}

TEST(ParseHead, IsIncompleteUpToTheLimit) {
    head_limits limits{.head_bytes = 64};
    EXPECT_EQ(parse(std::string(64, 'a'), limits).head.is, outcome::incomplete);
    EXPECT_EQ(parse(std::string(65, 'a'), limits).head.is, outcome::refused);
}

// A caller has room for one byte more than a head may have; a flood of empty lines must not fill it
// and leave the caller waiting for more.
TEST(ParseHead, EmptyLinesBeforeCountToo) {
    head_limits limits{.head_bytes = 64};
    std::string flood;
    while (flood.size() < 80)
        flood += "\r\n";
    EXPECT_EQ(parse(flood.substr(0, 65), limits).head.is, outcome::refused);
    EXPECT_EQ(parse(flood + "GET", limits).head.is, outcome::refused);
}

TEST(ParseHead, BoundsTheFields) {
    std::string fields;
    for (int count = 0; count < 9; ++count)
        fields += "X: 1\r\n";
    EXPECT_EQ(parse(get(fields), {.header_fields = 10}).head.is, outcome::complete);
    EXPECT_EQ(parse(get(fields + "X: 1\r\n"), {.header_fields = 10}).head.status, 431);
}

// ---- chunked bodies ----

}  // namespace
}  // namespace sluice::http
