#include <string>

#include <gtest/gtest.h>

#include <sluice/filter.h>

#include "support/pattern.h"

namespace sluice {

namespace {

TEST(Crc32, IsThatOfGzip) {
    EXPECT_EQ(crc32_of(as_bytes("123456789")), 0xcbf43926U);
    EXPECT_EQ(crc32_of({}), 0U);
    EXPECT_EQ(crc32_of({}, 0x12345678), 0x12345678U) << "nothing changes nothing";
}

TEST(Crc32, GoesOnAndJoins) {
    auto text = support::pattern(100'000);
    auto all = as_bytes(text);
    for (std::size_t cut : {0UL, 1UL, 4097UL, 100'000UL}) {
        auto first = crc32_of(all.first(cut));
        auto second = crc32_of(all.subspan(cut));
        EXPECT_EQ(crc32_of(all.subspan(cut), first), crc32_of(all));
        EXPECT_EQ(crc32_joined(first, second, all.size() - cut), crc32_of(all));
    }
}

TEST(Crc32, JoinsPartsOverFourGib) {
    // Joining twice by half is joining once by the whole.
    constexpr std::uint64_t half = std::uint64_t{3} << 31;
    auto second = crc32_joined(0, 0x12345678, half);
    EXPECT_EQ(crc32_joined(crc32_joined(0xdeadbeef, 0, half), second, half),
              crc32_joined(0xdeadbeef, second, 2 * half));
}

}  // namespace
}  // namespace sluice
