// The records of examples/zip where they get large, which no test wants to bring about with files.
#include "zip_format.h"

#include <cstdint>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <sluice/chain.h>

namespace {

constexpr std::uint64_t gib = std::uint64_t{1} << 30;

sluice::chain chain_of(sluice::buffer&& bytes) {
    sluice::chain pieces;
    pieces.append(std::move(bytes).freeze());
    return pieces;
}

zip::entry large_entry() {
    return {.name = "holes", .crc32 = 0x11223344, .plain_size = 5 * gib, .packed_size = 5 * gib};
}

TEST(ZipFormat, ALargeFileHasItsSizesIn64Bits) {
    auto of = large_entry();
    auto header = chain_of(zip::local_header(of));
    EXPECT_EQ(header.size(), zip::local_header_size(of));
    EXPECT_EQ(header.get_le<std::uint32_t>(0), 0x04034b50U);
    EXPECT_EQ(header.get_le<std::uint16_t>(4), 45U);  // the version that knows zip64
    EXPECT_EQ(header.get_le<std::uint32_t>(14), 0x11223344U);
    EXPECT_EQ(header.get_le<std::uint32_t>(18), 0xffffffffU);
    EXPECT_EQ(header.get_le<std::uint32_t>(22), 0xffffffffU);
    EXPECT_EQ(header.get_le<std::uint16_t>(28), 20U);
    auto extra = 30 + of.name.size();
    EXPECT_EQ(header.get_le<std::uint16_t>(extra), 1U);
    EXPECT_EQ(header.get_le<std::uint16_t>(extra + 2), 16U);
    EXPECT_EQ(header.get_le<std::uint64_t>(extra + 4), 5 * gib);
    EXPECT_EQ(header.get_le<std::uint64_t>(extra + 12), 5 * gib);
}

TEST(ZipFormat, ASmallFileHasThemIn32Bits) {
    zip::entry of{.name = "a", .plain_size = 7, .packed_size = 7};
    auto header = chain_of(zip::local_header(of));
    EXPECT_EQ(header.size(), 31U);
    EXPECT_EQ(header.get_le<std::uint16_t>(4), 20U);
    EXPECT_EQ(header.get_le<std::uint32_t>(18), 7U);
    EXPECT_EQ(header.get_le<std::uint16_t>(28), 0U);
}

TEST(ZipFormat, ASmallFileFarBehindHasItsPositionIn64Bits) {
    zip::entry of{.name = "late", .plain_size = 7, .packed_size = 7, .position = 6 * gib};
    auto directory = chain_of(zip::central_directory({large_entry(), of}, 7 * gib));
    auto first = 46 + 5 + 20;  // the large one: sizes only
    EXPECT_EQ(directory.get_le<std::uint32_t>(first), 0x02014b50U);
    EXPECT_EQ(directory.get_le<std::uint32_t>(first + 24), 7U);
    EXPECT_EQ(directory.get_le<std::uint16_t>(first + 30), 12U);
    EXPECT_EQ(directory.get_le<std::uint32_t>(first + 42), 0xffffffffU);
    EXPECT_EQ(directory.get_le<std::uint64_t>(first + 46 + 4 + 4), 6 * gib);
    // The end for 64 bits, where it is, and the old end.
    auto end = static_cast<std::uint64_t>(first + 46 + 4 + 12);
    ASSERT_EQ(directory.size(), end + 56 + 20 + 22);
    EXPECT_EQ(directory.get_le<std::uint32_t>(end), 0x06064b50U);
    EXPECT_EQ(directory.get_le<std::uint64_t>(end + 32), 2U);
    EXPECT_EQ(directory.get_le<std::uint64_t>(end + 40), end);
    EXPECT_EQ(directory.get_le<std::uint64_t>(end + 48), 7 * gib);
    EXPECT_EQ(directory.get_le<std::uint32_t>(end + 56), 0x07064b50U);
    EXPECT_EQ(directory.get_le<std::uint64_t>(end + 56 + 8), 7 * gib + end);
    EXPECT_EQ(directory.get_le<std::uint32_t>(end + 76), 0x06054b50U);
    EXPECT_EQ(directory.get_le<std::uint32_t>(end + 76 + 16), 0xffffffffU);
}

TEST(ZipFormat, ManyEntriesAreCountedIn64Bits) {
    std::vector<zip::entry> entries(65'535, zip::entry{.name = "x"});
    auto directory = chain_of(zip::central_directory(entries, 0));
    auto end = entries.size() * 47;
    EXPECT_EQ(directory.get_le<std::uint64_t>(end + 32), 65'535U);
    EXPECT_EQ(directory.get_le<std::uint16_t>(directory.size() - 22 + 10), 0xffffU);
    entries.pop_back();
    EXPECT_EQ(zip::central_directory(entries, 0).size(), entries.size() * 47 + 22);
}

}  // namespace
