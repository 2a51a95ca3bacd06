#include <string>

#include <gtest/gtest.h>

#include <sluice/filter.h>

#include "filter/filter_testing.h"
#include "support/pattern.h"
#include "support/temporary_file.h"

namespace sluice {

namespace {

TEST(Compressibility, TellsProseFromNoise) {
    for (std::size_t size : {2000UL, 32'768UL, 32'769UL, 1'000'000UL}) {
        auto prose = worth_compressing(as_bytes(testing::prose(size)));
        ASSERT_TRUE(prose);
        EXPECT_TRUE(prose->worth()) << size << ": " << prose->ratio;
        auto noise = worth_compressing(as_bytes(support::pattern(size)));
        ASSERT_TRUE(noise);
        EXPECT_FALSE(noise->worth()) << size << ": " << noise->ratio;
        EXPECT_LE(noise->sampled_bytes, 32'768U);
    }
}

TEST(Compressibility, SaysTheSameOfAFile) {
    auto text = testing::prose(300'000) + support::pattern(300'000);
    support::temporary_file source(text);
    auto memory = worth_compressing(as_bytes(text));
    auto on_disk = worth_compressing(source.open().region(0, text.size()));
    ASSERT_TRUE(memory);
    ASSERT_TRUE(on_disk);
    EXPECT_EQ(memory->ratio, on_disk->ratio);
    EXPECT_GT(memory->ratio, 0.4);
    EXPECT_LT(memory->ratio, 0.95);
    EXPECT_EQ(memory->sampled_bytes, 32'768U);
}

TEST(Compressibility, NothingIsNotWorthIt) {
    auto nothing = worth_compressing(bytes_view());
    ASSERT_TRUE(nothing);
    EXPECT_FALSE(nothing->worth());
    EXPECT_EQ(nothing->sampled_bytes, 0U);
}

}  // namespace
}  // namespace sluice
