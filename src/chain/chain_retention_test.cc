#include <string>

#include <gtest/gtest.h>

#include <sluice/buffer.h>
#include <sluice/chain.h>

#include "support/pattern.h"
#include "support/temporary_file.h"

namespace sluice {
namespace {

using support::pattern;
using support::temporary_file;

// Slices of one object of the caller's, which tells when it is let go.
class ChainRetention : public testing::Test {
  protected:
    static constexpr std::size_t large = 100'000;

    [[nodiscard]] buffer_slice lend() {
        return buffer_slice::of_object(as_bytes(content_), [this] { ++released_; });
    }

    std::string content_ = pattern(large);
    int released_ = 0;
};

TEST_F(ChainRetention, CountsEachStorageOnce) {
    chain pieces;
    EXPECT_EQ(pieces.retained().retained, 0u);
    auto block = lend();
    for (std::size_t at = 0; at < 100; at += 10)
        pieces.append(block.slice(at, 5));
    pieces.append(buffer_slice::of_static("static"));
    pieces.append(lend().slice(0, 1));
    temporary_file source("file");
    pieces.append(source.open().region(0, 4));
    EXPECT_EQ(pieces.retained().visible, 50u + 6 + 1);
    EXPECT_EQ(pieces.retained().retained, 2 * large);
    pieces.advance(50);
    EXPECT_EQ(pieces.retained().retained, large);
}

TEST_F(ChainRetention, CompactsWhatIsWastefulAndNothingElse) {
    chain pieces;
    {
        auto small = lend();
        for (std::size_t at = 0; at < 100; at += 10)
            pieces.append(small.slice(at, 5));
        pieces.insert(7, lend().slice(0, large / 2));
        pieces.insert(1, buffer_slice::of_static("static"));
    }
    auto flat = pieces.flatten();
    ASSERT_TRUE(flat);
    auto before = std::string(flat->text());
    auto count = pieces.pieces().size();
    auto copied_before = bytes_copied_by_thread();
    EXPECT_EQ(pieces.compact(), 50u);
    EXPECT_EQ(bytes_copied_by_thread() - copied_before, 50u);
    EXPECT_EQ(released_, 1);
    EXPECT_EQ(pieces.pieces().size(), count);
    EXPECT_TRUE(*pieces.equals(as_bytes(before)));
    EXPECT_LT(pieces.retained().retained, large + 4096);
    EXPECT_EQ(pieces.compact(), 0u);
    // Half of a block is waste enough for a stricter policy.
    EXPECT_EQ(pieces.compact({.waste_min = 1, .ratio_min = 2}), large / 2);
    EXPECT_EQ(released_, 2);
    EXPECT_TRUE(*pieces.equals(as_bytes(before)));
}

// Each of many slices shows little of its storage; together they show all of it.
TEST_F(ChainRetention, LeavesABlockThatIsShownByManyPieces) {
    chain pieces;
    auto block = lend();
    for (std::size_t at = 0; at < large; at += 100)
        pieces.append(block.slice(at, 100));
    EXPECT_EQ(pieces.compact(), 0u);
    EXPECT_EQ(pieces.retained().retained, large);
    EXPECT_EQ(pieces.retained().visible, large);
}

}  // namespace
}  // namespace sluice
