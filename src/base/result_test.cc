#include <gtest/gtest.h>

#include <sluice/result.h>

namespace sluice {
namespace {

result<int> half_of(int number) {
    if (number % 2 != 0) return failure(EINVAL, "halve", std::to_string(number));
    return number / 2;
}

TEST(Result, HoldsTheValue) {
    auto half = half_of(4);
    ASSERT_TRUE(half);
    EXPECT_EQ(*half, 2);
}

TEST(Result, NamesOperationObjectAndReason) {
    auto half = half_of(3);
    ASSERT_FALSE(half);
    EXPECT_TRUE(half.error().is(EINVAL));
    EXPECT_FALSE(half.error().is(EIO));
    EXPECT_EQ(half.error().message(), "halve 3: Invalid argument");
    EXPECT_EQ(std::move(half).error().on("three").message(), "halve three: Invalid argument");
}

TEST(Result, TellsHowFarItGot) {
    auto half = half_of(3);
    ASSERT_FALSE(half);
    EXPECT_EQ(half.error().bytes_done(), 0u);
    auto partial = std::move(half).error().after(12);
    EXPECT_EQ(partial.bytes_done(), 12u);
    EXPECT_EQ(partial.message(), "halve 3: Invalid argument, after 12 bytes");
    EXPECT_EQ(std::move(partial).on("three").bytes_done(), 12u);
}

}  // namespace
}  // namespace sluice
