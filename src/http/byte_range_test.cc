#include "http/byte_range.h"

#include <gtest/gtest.h>

namespace sluice::http {
namespace {

using kind = range_selection::kind;

constexpr std::uint64_t file_size = 1000;

// "whole", "unsatisfiable", or the ranges as first+size.
std::string select(std::string_view field, std::uint64_t size = file_size,
                   std::size_t ranges_max = 16) {
    auto selection = select_ranges(field, size, ranges_max);
    if (selection.outcome == kind::whole) return "whole";
    if (selection.outcome == kind::unsatisfiable) return "unsatisfiable";
    std::string text;
    for (const auto& range : selection.ranges) {
        if (!text.empty()) text += " ";
        text += std::to_string(range.first);
        text += "+";
        text += std::to_string(range.size);
    }
    return text;
}

TEST(ByteRange, TakesTheThreeSpellings) {
    EXPECT_EQ(select("bytes=0-0"), "0+1");
    EXPECT_EQ(select("bytes=0-499"), "0+500");
    EXPECT_EQ(select("bytes=500-"), "500+500");
    EXPECT_EQ(select("bytes=-500"), "500+500");
    EXPECT_EQ(select("Bytes=0-999"), "0+1000");
    EXPECT_EQ(select(" bytes= 1-2 ,\t4-5 "), "1+2 4+2");
    EXPECT_EQ(select("bytes=,,1-2,,"), "1+2");
}

TEST(ByteRange, ClipsAtTheEndOfTheFile) {
    EXPECT_EQ(select("bytes=999-"), "999+1");
    EXPECT_EQ(select("bytes=990-5000"), "990+10");
    EXPECT_EQ(select("bytes=-5000"), "0+1000");
    EXPECT_EQ(select("bytes=1000-"), "unsatisfiable");
    EXPECT_EQ(select("bytes=1000-2000"), "unsatisfiable");
    EXPECT_EQ(select("bytes=-0"), "unsatisfiable");
    EXPECT_EQ(select("bytes=2000-,0-1,-0"), "0+2");
}

TEST(ByteRange, IgnoresWhatItCannotRead) {
    for (std::string_view field : {"",
                                   "bytes",
                                   "bytes=",
                                   "bytes=,",
                                   "bytes =0-1",
                                   "bytes= =0-1",
                                   "lines=0-1",
                                   "bytes:0-1",
                                   "bytes=a-b",
                                   "bytes=1",
                                   "bytes=-",
                                   "bytes=--1",
                                   "bytes=1--2",
                                   "bytes=1-2-3",
                                   "bytes=2-1",
                                   "bytes=0-1,x",
                                   "bytes=0-1;2-3",
                                   "bytes=+1-2",
                                   "bytes=1 -2",
                                   "bytes=1- 2",
                                   "bytes=0x1-2",
                                   "bytes=0-1,2-1",
                                   "bytes=1000-,2-1"}) {
        EXPECT_EQ(select(field), "whole") << field;
    }
}

TEST(ByteRange, ReadsNumbersBeyond64Bits) {
    EXPECT_EQ(select("bytes=0-18446744073709551615"), "0+1000");
    EXPECT_EQ(select("bytes=0-18446744073709551616"), "0+1000");
    EXPECT_EQ(select("bytes=1-99999999999999999999999999999999"), "1+999");
    EXPECT_EQ(select("bytes=-18446744073709551616"), "0+1000");
    EXPECT_EQ(select("bytes=18446744073709551615-"), "unsatisfiable");
    EXPECT_EQ(select("bytes=18446744073709551616-18446744073709551617"), "unsatisfiable");
    EXPECT_EQ(select("bytes=18446744073709551617-18446744073709551616"), "whole");
    EXPECT_EQ(select("bytes=000000000000000000000000000000000001-0000002"), "1+2");
}

TEST(ByteRange, WorksInTheLargestFile) {
    constexpr auto largest = UINT64_MAX;
    EXPECT_EQ(select("bytes=0-", largest), "0+18446744073709551615");
    EXPECT_EQ(select("bytes=18446744073709551614-", largest), "18446744073709551614+1");
    EXPECT_EQ(select("bytes=18446744073709551615-", largest), "unsatisfiable");
    EXPECT_EQ(select("bytes=1-,0-18446744073709551614", largest), "0+18446744073709551615");
    EXPECT_EQ(select("bytes=-1", largest), "18446744073709551614+1");
}

TEST(ByteRange, JoinsOverlappingAndAdjacentOnes) {
    EXPECT_EQ(select("bytes=0-4,5-9"), "0+10");
    EXPECT_EQ(select("bytes=5-9,0-4"), "0+10");
    EXPECT_EQ(select("bytes=0-9,2-3"), "0+10");
    EXPECT_EQ(select("bytes=100-200,0-9,150-300"), "0+10 100+201");
    EXPECT_EQ(select("bytes=0-0,0-0,0-0"), "0+1");
    EXPECT_EQ(select("bytes=-10,0-9,985-"), "0+10 985+15");
}

TEST(ByteRange, KeepsTheOrderWhenNoneOverlap) {
    EXPECT_EQ(select("bytes=500-599,0-9,200-209"), "500+100 0+10 200+10");
    EXPECT_EQ(select("bytes=-1,0-0"), "999+1 0+1");
    EXPECT_EQ(select("bytes=6-9,0-4"), "6+4 0+5");
}

TEST(ByteRange, CountsRangesAfterJoining) {
    EXPECT_EQ(select("bytes=0-0,2-2,4-4", file_size, 3), "0+1 2+1 4+1");
    EXPECT_EQ(select("bytes=0-0,2-2,4-4", file_size, 2), "unsatisfiable");
    EXPECT_EQ(select("bytes=0-0,2-2,4-4,1-1", file_size, 2), "0+3 4+1");
    EXPECT_EQ(select("bytes=0-0", file_size, 0), "unsatisfiable");
}

TEST(ByteRange, TakesAnEmptyFile) {
    EXPECT_EQ(select("bytes=0-", 0), "unsatisfiable");
    EXPECT_EQ(select("bytes=0-0", 0), "unsatisfiable");
    EXPECT_EQ(select("bytes=-0", 0), "unsatisfiable");
    EXPECT_EQ(select("bytes=-1", 0), "whole");
    EXPECT_EQ(select("bytes=x", 0), "whole");
}

std::string million_ranges(std::uint64_t step) {
    std::string field = "bytes=";
    for (std::uint64_t i = 0; i < 1000000; ++i) {
        field += std::to_string(i * step) + "-" + std::to_string(i * step) + ",";
    }
    return field;
}

TEST(ByteRange, AMillionRangesStayCheap) {
    constexpr std::uint64_t large = 1ULL << 40;
    EXPECT_EQ(select(million_ranges(1), large), "0+1000000");
    EXPECT_EQ(select(million_ranges(0), large), "0+1");
    EXPECT_EQ(select(million_ranges(2), large), "unsatisfiable");
    EXPECT_EQ(select(million_ranges(2) + "x", large), "whole")
        << "bad syntax counts to the very end";
}

TEST(ByteRange, WritesContentRange) {
    EXPECT_EQ(content_range({0, 500}, 1234), "bytes 0-499/1234");
    EXPECT_EQ(content_range({UINT64_MAX - 1, 1}, UINT64_MAX),
              "bytes 18446744073709551614-18446744073709551614/18446744073709551615");
    EXPECT_EQ(unsatisfied_content_range(0), "bytes */0");
}

}  // namespace
}  // namespace sluice::http
