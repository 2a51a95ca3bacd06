#include "http/accept_encoding.h"

#include <string>

#include <gtest/gtest.h>

namespace sluice::http {
namespace {

constexpr coding_set all{coding::gzip, coding::zstd, coding::br};

std::string_view best(std::optional<std::string_view> field, coding_set existing = all) {
    return coding_name(accepted_codings(field).best(existing));
}

TEST(AcceptEncoding, NoFieldMeansIdentityOnly) {
    EXPECT_EQ(best(std::nullopt), "identity");
    EXPECT_EQ(best(""), "identity");
    EXPECT_EQ(accepted_codings(std::nullopt).weight(coding::gzip), 0);
    EXPECT_GT(accepted_codings(std::nullopt).weight(coding::identity), 0);
}

TEST(AcceptEncoding, PrefersBrThenZstdThenGzip) {
    EXPECT_EQ(best("gzip, deflate, br, zstd"), "br");
    EXPECT_EQ(best("gzip, deflate, br, zstd", {coding::gzip, coding::zstd}), "zstd");
    EXPECT_EQ(best("gzip, deflate, br, zstd", {coding::gzip}), "gzip");
    EXPECT_EQ(best("gzip, deflate, br, zstd", {}), "identity");
    EXPECT_EQ(best("deflate"), "identity");
}

TEST(AcceptEncoding, FollowsTheWeights) {
    EXPECT_EQ(best("br;q=0.5, gzip;q=0.8"), "gzip");
    EXPECT_EQ(best("br;q=0.001, identity;q=0.002"), "identity");
    EXPECT_EQ(best("gzip;q=0.5"), "gzip") << "named, so better than identity";
    EXPECT_EQ(best("gzip ; Q=0.5 ,br ;\tq=0.25"), "gzip");
    EXPECT_EQ(accepted_codings("gzip;q=0.123").weight(coding::gzip), 123);
    EXPECT_EQ(accepted_codings("gzip;q=1.000").weight(coding::gzip), 1000);
    EXPECT_EQ(accepted_codings("gzip;q=0.").weight(coding::gzip), 0);
    EXPECT_EQ(accepted_codings("gzip;q=1, gzip;q=0.1").weight(coding::gzip), 100);
}

TEST(AcceptEncoding, ZeroRefuses) {
    EXPECT_EQ(best("br;q=0, gzip"), "gzip");
    EXPECT_EQ(best("*, br;q=0"), "zstd");
    EXPECT_EQ(best("gzip;q=0.0, *;q=0"), "identity") << "nothing is left, so identity after all";
    EXPECT_EQ(best("identity;q=0, gzip;q=0.1"), "gzip");
    EXPECT_EQ(accepted_codings("*;q=0").weight(coding::identity), 0);
}

TEST(AcceptEncoding, TheStarStandsForAllThatAreNotNamed) {
    EXPECT_EQ(best("*"), "br");
    EXPECT_EQ(best("*;q=0.5, gzip;q=0.6"), "gzip");
    EXPECT_EQ(accepted_codings("*;q=0.5").weight(coding::identity), 500);
}

TEST(AcceptEncoding, NamesIgnoreCaseAndXGzipIsGzip) {
    EXPECT_EQ(best("GZIP"), "gzip");
    EXPECT_EQ(best("x-gzip"), "gzip");
    EXPECT_EQ(best("brotli, gz, xgzip"), "identity");
}

TEST(AcceptEncoding, PassesOverWhatItCannotRead) {
    for (std::string_view bad : {"br;q=2", "br;q=1.001", "br;q=0.1234", "br;q=-1", "br;q=", "br;q",
                                 "br;x=1", "br;q=.5", "br;q=0.5;x", "br br"}) {
        auto field = std::string(bad) + ", gzip;q=0.1";
        EXPECT_EQ(best(field), "gzip") << bad;
    }
    EXPECT_EQ(best(",,;,gzip"), "gzip");
}

}  // namespace
}  // namespace sluice::http
