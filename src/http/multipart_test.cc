#include "http/multipart.h"

#include <vector>

#include <gtest/gtest.h>

namespace sluice::http {
namespace {

TEST(Multipart, FramesTheParts) {
    multipart_frame frame("b0undary", "text/plain; charset=utf-8", 100);
    EXPECT_EQ(frame.content_type(), "multipart/byteranges; boundary=b0undary");
    EXPECT_EQ(frame.part_head({0, 5}),
              "\r\n--b0undary\r\nContent-Type: text/plain; charset=utf-8\r\n"
              "Content-Range: bytes 0-4/100\r\n\r\n");
    EXPECT_EQ(frame.closing(), "\r\n--b0undary--\r\n");
}

TEST(Multipart, LeavesAnEmptyTypeOut) {
    EXPECT_EQ(multipart_frame("b", "", 10).part_head({9, 1}),
              "\r\n--b\r\nContent-Range: bytes 9-9/10\r\n\r\n");
}

TEST(Multipart, PromisesTheLengthThatIsSent) {
    std::string file = "0123456789";
    multipart_frame frame("b", "a/b", file.size());
    std::vector<byte_range> ranges = {{8, 2}, {0, 1}, {3, 4}};
    std::string body;
    for (const auto& range : ranges)
        body += frame.part_head(range) + file.substr(range.first, range.size);
    body += frame.closing();
    EXPECT_EQ(frame.content_length(ranges), body.size());
    EXPECT_EQ(frame.content_length({}), frame.closing().size());
}

TEST(Multipart, CountsBeyond32Bits) {
    multipart_frame frame("b", "a/b", 1ULL << 40);
    std::vector<byte_range> ranges = {{1ULL << 33, 1ULL << 34}, {0, 1ULL << 32}};
    EXPECT_GT(frame.content_length(ranges), (1ULL << 34) + (1ULL << 32));
}

}  // namespace
}  // namespace sluice::http
