#include <array>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include <sluice/byte_order.h>

namespace sluice {
namespace {

constexpr std::array<std::byte, 8> counting{std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4},
                                            std::byte{5}, std::byte{6}, std::byte{7}, std::byte{8}};

// In constant expressions.
static_assert(load_be<std::uint32_t>(counting.data()) == 0x01020304);
static_assert(load_le<std::uint32_t>(counting.data()) == 0x04030201);
static_assert(load_be<std::uint64_t>(counting.data()) == 0x0102030405060708);
static_assert(zigzag(-1) == 1 && unzigzag(1) == -1);
static_assert([] {
    std::array<std::byte, varint_size_max> bytes{};
    auto size = store_varint(bytes.data(), 300);
    auto loaded = load_varint(bytes_view(bytes).first(size));
    return size == 2 && loaded.value == 300 && loaded.size == 2;
}());

enum class colour : std::uint16_t { red = 0x1234 };

TEST(ByteOrder, PutsTheMostSignificantByteFirstOrLast) {
    std::array<std::byte, 4> bytes{};
    store_be(bytes.data(), std::uint32_t{0x01020304});
    EXPECT_EQ(as_text(bytes), "\x01\x02\x03\x04");
    store_le(bytes.data(), std::uint32_t{0x01020304});
    EXPECT_EQ(as_text(bytes), "\x04\x03\x02\x01");
    store_be(bytes.data() + 1, colour::red);
    EXPECT_EQ(as_text(bytes), "\x04\x12\x34\x01");
    EXPECT_EQ(load_be<colour>(bytes.data() + 1), colour::red);
}

template <typename T>
void expect_round_trips(T value) {
    std::array<std::byte, sizeof(T) + 1> bytes{};
    for (std::size_t at : {0, 1}) {  // aligned and not
        store_be(bytes.data() + at, value);
        EXPECT_EQ(load_be<T>(bytes.data() + at), value);
        auto first = bytes[at];
        store_le(bytes.data() + at, value);
        EXPECT_EQ(load_le<T>(bytes.data() + at), value);
        EXPECT_EQ(bytes[at + sizeof(T) - 1], first);
    }
}

TEST(ByteOrder, LoadsWhatItStored) {
    expect_round_trips<std::int8_t>(-5);
    expect_round_trips<std::uint16_t>(0xbeef);
    expect_round_trips<std::int16_t>(-2);
    expect_round_trips<std::int32_t>(std::numeric_limits<std::int32_t>::min());
    expect_round_trips<std::uint64_t>(0xfedcba9876543210);
    expect_round_trips<char>('x');
    expect_round_trips<float>(1.5F);
    expect_round_trips<double>(-1e300);
}

std::vector<std::uint64_t> numbers_of_all_lengths() {
    std::vector<std::uint64_t> numbers{0};
    for (unsigned bits = 0; bits < 64; ++bits) {
        auto power = std::uint64_t{1} << bits;
        numbers.insert(numbers.end(), {power - 1, power, power + 1});
    }
    numbers.push_back(std::numeric_limits<std::uint64_t>::max());
    std::mt19937_64 random(1);
    for (int count = 0; count < 1000; ++count)
        numbers.push_back(random() >> (random() % 64));
    return numbers;
}

TEST(Varint, LoadsWhatItStoredAndNothingBehindIt) {
    for (auto number : numbers_of_all_lengths()) {
        std::array<std::byte, varint_size_max + 1> bytes;
        bytes.fill(std::byte{0xff});
        auto size = store_varint(bytes.data(), number);
        ASSERT_EQ(size, varint_size(number));
        ASSERT_EQ(bytes[size], std::byte{0xff});
        auto loaded = load_varint(bytes);
        ASSERT_EQ(loaded.state, varint_state::complete);
        ASSERT_EQ(loaded.value, number);
        ASSERT_EQ(loaded.size, size);
        for (std::size_t cut = 0; cut < size; ++cut) {
            ASSERT_EQ(load_varint(bytes_view(bytes).first(cut)).state, varint_state::incomplete);
        }
    }
}

TEST(Varint, RefusesMoreThan64Bits) {
    std::array<std::byte, 11> bytes;
    bytes.fill(std::byte{0x80});
    EXPECT_EQ(load_varint(bytes_view(bytes).first(9)).state, varint_state::incomplete);
    EXPECT_EQ(load_varint(bytes_view(bytes).first(10)).state, varint_state::malformed);
    EXPECT_EQ(load_varint(bytes).state, varint_state::malformed);
    bytes[9] = std::byte{2};
    EXPECT_EQ(load_varint(bytes).state, varint_state::malformed);
    bytes[9] = std::byte{1};
    EXPECT_EQ(load_varint(bytes).value, std::uint64_t{1} << 63);
}

TEST(Varint, ZigzagKeepsSmallDistancesFromZeroSmall) {
    EXPECT_EQ(zigzag(0), 0u);
    EXPECT_EQ(zigzag(-1), 1u);
    EXPECT_EQ(zigzag(1), 2u);
    EXPECT_EQ(zigzag(-2), 3u);
    for (auto number : numbers_of_all_lengths()) {
        auto value = static_cast<std::int64_t>(number);
        ASSERT_EQ(unzigzag(zigzag(value)), value);
    }
    EXPECT_EQ(zigzag(std::numeric_limits<std::int64_t>::min()),
              std::numeric_limits<std::uint64_t>::max());
}

}  // namespace
}  // namespace sluice
