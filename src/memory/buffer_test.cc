#include <algorithm>
#include <cstdint>
#include <new>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include <sluice/buffer.h>
#include <sluice/buffer_pool.h>

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

TEST(Buffer, TakesWhatWasPrependedAndAppended) {
    buffer bytes(64, 16);
    EXPECT_EQ(bytes.headroom(), 16u);
    EXPECT_EQ(bytes.capacity(), 80u);
    bytes.append_be(std::uint16_t{0x0102});
    bytes.append_le(std::uint32_t{0x03040506});
    bytes.append_varint(300);
    bytes.append_zigzag(-2);
    bytes.append_be(1.5);
    bytes.prepend_le(std::uint16_t{0x0708});
    bytes.prepend_be(std::uint8_t{9});
    bytes.prepend_varint(127);
    EXPECT_EQ(bytes.headroom(), 12u);
    EXPECT_EQ(bytes.peek_be<std::uint16_t>(4), 0x0102);
    EXPECT_EQ(bytes.peek_le<std::uint16_t>(2), 0x0708);
    EXPECT_EQ(bytes.take_varint(), 127u);
    EXPECT_EQ(bytes.take_be<std::uint8_t>(), 9);
    EXPECT_EQ(bytes.take_le<std::uint16_t>(), 0x0708);
    EXPECT_EQ(bytes.take_be<std::uint16_t>(), 0x0102);
    EXPECT_EQ(bytes.take_le<std::uint32_t>(), 0x03040506u);
    EXPECT_EQ(bytes.take_varint(), 300u);
    EXPECT_EQ(bytes.take_zigzag(), -2);
    EXPECT_EQ(bytes.take_be<double>(), 1.5);
    EXPECT_TRUE(bytes.empty());
}

TEST(Buffer, TakesNoVarintThatIsCutOffOrMalformed) {
    buffer bytes;
    EXPECT_FALSE(bytes.take_varint());
    bytes.append("\xff\xff");
    EXPECT_FALSE(bytes.take_varint());
    EXPECT_FALSE(bytes.take_zigzag());
    EXPECT_EQ(bytes.size(), 2u);
    bytes.append_fill(20, std::byte{0xff});
    EXPECT_FALSE(bytes.take_varint());
    EXPECT_EQ(bytes.size(), 22u);
}

TEST(Buffer, PrependWithinTheHeadroomMovesNothing) {
    buffer bytes(8, 4);
    bytes.append("body");
    const auto* before = bytes.bytes().data();
    bytes.prepend("head");
    EXPECT_EQ(bytes.text(), "headbody");
    EXPECT_EQ(bytes.bytes().data(), before - 4);
    bytes.prepend("more");
    EXPECT_EQ(bytes.text(), "moreheadbody");
    bytes.clear();
    EXPECT_EQ(bytes.headroom(), 4u);
}

TEST(Buffer, UsesConsumedSpaceAgainBeforeItGrows) {
    buffer bytes(100);
    for (int count = 0; count < 1000; ++count) {
        bytes.append("thirty bytes of something here");
        bytes.consume(30);
    }
    EXPECT_EQ(bytes.capacity(), 100u);
    EXPECT_TRUE(bytes.empty());
}

TEST(Buffer, ManySmallPrependsCopyEachByteFewTimes) {
    buffer bytes;
    auto copied_before = bytes_copied_by_thread();
    for (int count = 0; count < 10000; ++count)
        bytes.prepend("x");
    EXPECT_EQ(bytes.size(), 10000u);
    EXPECT_LT(bytes_copied_by_thread() - copied_before, 50000u);
}

TEST(Buffer, GrowsWithinItsPool) {
    memory_budget budget("test", 1 << 20);
    buffer_pool pool({.budget = &budget});
    auto made = pool.allocate(64, 8);
    ASSERT_TRUE(made);
    made->append_fill(56, std::byte{'x'});
    made->append_fill(5000, std::byte{'y'});
    EXPECT_EQ(made->headroom(), 8u);
    EXPECT_EQ(pool.statistics().in_use, 8192u);
    auto refused = made->try_reserve(2 << 20);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().object(), "test");
    EXPECT_THROW(made->reserve(2 << 20), std::bad_alloc);
    EXPECT_EQ(made->size(), 5056u);
    EXPECT_EQ(made->text()[55], 'x');
    EXPECT_EQ(made->text()[56], 'y');
}

// What a buffer does, done to a text as well.
void do_one_thing(buffer& bytes, std::string& oracle, std::mt19937& random) {
    auto count = random() % 40;
    std::string more(count, static_cast<char>('a' + random() % 26));
    auto part = count % (oracle.size() + 1);
    switch (random() % 9) {
        case 0:
            bytes.append(more);
            oracle += more;
            break;
        case 1:
            bytes.prepend(more);
            oracle = more + oracle;
            break;
        case 2:
            bytes.consume(part);
            oracle.erase(0, part);
            break;
        case 3:
            bytes.trim_back(part);
            oracle.resize(oracle.size() - part);
            break;
        case 4:
            bytes.reserve(count * 3);
            ASSERT_GE(bytes.tailroom().size(), count * 3);
            break;
        case 5:
            bytes.reserve_front(count);
            ASSERT_GE(bytes.headroom(), count);
            break;
        case 6:
            bytes.append_fill(count, std::byte{'z'});
            oracle.append(count, 'z');
            break;
        case 7:
            copy_bytes(bytes.tailroom().first(std::min(count, bytes.tailroom().size())),
                       as_bytes(more).first(std::min(count, bytes.tailroom().size())));
            oracle += more.substr(0, bytes.tailroom().size());
            bytes.commit(std::min(count, bytes.tailroom().size()));
            break;
        default:
            if (random() % 50 == 0) {
                bytes.clear();
                oracle.clear();
            }
    }
}

void expect_like_a_text(buffer bytes, unsigned seed) {
    std::mt19937 random(seed);
    std::string oracle;
    for (int count = 0; count < 3000; ++count) {
        do_one_thing(bytes, oracle, random);
        ASSERT_EQ(bytes.text(), oracle);
        ASSERT_EQ(bytes.headroom() + bytes.size() + bytes.tailroom().size(), bytes.capacity());
    }
    EXPECT_EQ(std::move(bytes).freeze().text(), oracle);
}

TEST(Buffer, DoesWhatATextDoes) {
    buffer_pool pool;
    for (unsigned seed = 0; seed < 10; ++seed) {
        expect_like_a_text(buffer(), seed);
        expect_like_a_text(buffer(100, 20), seed);
        auto made = pool.allocate(64, 16);
        ASSERT_TRUE(made);
        expect_like_a_text(std::move(*made), seed);
    }
    EXPECT_EQ(pool.statistics().in_use, 0u);
}

}  // namespace
}  // namespace sluice
