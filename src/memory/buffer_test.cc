#include <string>

#include <gtest/gtest.h>

#include <sluice/buffer.h>

namespace sluice {
namespace {

TEST(Buffer, IsEmptyWithoutMemory) {
    buffer bytes;
    EXPECT_EQ(bytes.size(), 0u);
    EXPECT_EQ(bytes.capacity(), 0u);
    EXPECT_TRUE(bytes.bytes().empty());
    EXPECT_TRUE(bytes.tailroom().empty());
    EXPECT_TRUE(std::move(bytes).freeze().empty());
}

TEST(Buffer, CommittedTailroomIsData) {
    buffer bytes(10);
    EXPECT_EQ(bytes.capacity(), 10u);
    ASSERT_EQ(bytes.tailroom().size(), 10u);
    copy_bytes(bytes.tailroom(), as_bytes("abcdef"));
    EXPECT_EQ(bytes.size(), 0u);
    bytes.commit(4);
    EXPECT_EQ(as_text(bytes.bytes()), "abcd");
    EXPECT_EQ(bytes.tailroom().size(), 6u);
    EXPECT_EQ(bytes.tailroom().data(), bytes.bytes().data() + 4);
    bytes.commit(0);
    bytes.commit(6);
    EXPECT_TRUE(bytes.tailroom().empty());
}

TEST(Buffer, AppendsAgainstATextAsTheOracle) {
    buffer bytes;
    std::string oracle;
    for (std::size_t count = 0; count < 200; ++count) {
        std::string more(count % 17, static_cast<char>('a' + count % 26));
        bytes.append(more);
        oracle += more;
        ASSERT_EQ(as_text(bytes.bytes()), oracle);
        ASSERT_GE(bytes.capacity(), bytes.size());
    }
}

TEST(Buffer, AppendWithinItsCapacityMovesNothing) {
    buffer bytes(6);
    bytes.append("abc");
    const auto* before = bytes.bytes().data();
    auto copied_before = bytes_copied_by_thread();
    bytes.append("def");
    EXPECT_EQ(bytes.bytes().data(), before);
    EXPECT_EQ(bytes_copied_by_thread() - copied_before, 3u);
}

TEST(Buffer, ReserveGrowsAtLeastTwofoldAndKeepsTheData) {
    buffer bytes(8);
    bytes.append("abcdefgh");
    auto copied_before = bytes_copied_by_thread();
    bytes.reserve(1);
    EXPECT_GE(bytes.capacity(), 16u);
    EXPECT_EQ(bytes_copied_by_thread() - copied_before, 8u);
    EXPECT_EQ(as_text(bytes.bytes()), "abcdefgh");
    auto capacity = bytes.capacity();
    bytes.reserve(capacity - 8);
    EXPECT_EQ(bytes.capacity(), capacity);
    bytes.reserve(1000);
    EXPECT_GE(bytes.tailroom().size(), 1000u);
    EXPECT_EQ(as_text(bytes.bytes()), "abcdefgh");
}

TEST(Buffer, ClearKeepsTheMemory) {
    buffer bytes(16);
    bytes.append("abc");
    const auto* before = bytes.bytes().data();
    bytes.clear();
    EXPECT_EQ(bytes.size(), 0u);
    EXPECT_EQ(bytes.capacity(), 16u);
    bytes.append("x");
    EXPECT_EQ(bytes.bytes().data(), before);
}

TEST(Buffer, FreezesWithoutACopy) {
    buffer bytes(16);
    bytes.append("abc");
    const auto* before = bytes.bytes().data();
    auto copied_before = bytes_copied_by_thread();
    auto frozen = std::move(bytes).freeze();
    EXPECT_EQ(frozen.data(), before);
    EXPECT_EQ(frozen.text(), "abc");
    EXPECT_EQ(bytes_copied_by_thread(), copied_before);
    EXPECT_EQ(bytes.size(), 0u);
    EXPECT_EQ(bytes.capacity(), 0u);
    bytes.append("new memory");
    EXPECT_EQ(frozen.text(), "abc");
}

TEST(Buffer, MovesItsMemory) {
    buffer one(4);
    one.append("abcd");
    const auto* data = one.bytes().data();
    buffer other(std::move(one));
    EXPECT_EQ(other.bytes().data(), data);
    EXPECT_EQ(one.size(), 0u);
    EXPECT_EQ(one.capacity(), 0u);
    buffer third;
    third.append("to go");
    third = std::move(other);
    EXPECT_EQ(as_text(third.bytes()), "abcd");
}

}  // namespace
}  // namespace sluice
