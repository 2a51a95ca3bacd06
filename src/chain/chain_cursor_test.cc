#include <array>
#include <chrono>
#include <limits>
#include <string>

#include <gtest/gtest.h>

#include <sluice/chain.h>
#include <sluice/chain_cursor.h>

#include "support/fault_script.h"
#include "support/pattern.h"
#include "support/temporary_file.h"

namespace sluice {
namespace {

using support::fault_script;
using support::pattern;
using support::temporary_file;

constexpr std::size_t block_size = 16 * 1024;

// The text as a chain that is cut at each multiple of `step`.
chain in_pieces(const std::string& text, std::size_t step) {
    chain made;
    for (std::size_t at = 0; at < text.size(); at += step)
        made.append(buffer_slice::copy_of(as_bytes(text.substr(at, step))));
    return made;
}

// The text as two pieces of memory.
chain cut_at(const std::string& text, std::size_t border) {
    chain made;
    made.append(buffer_slice::copy_of(as_bytes(text.substr(0, border))));
    made.append(buffer_slice::copy_of(as_bytes(text.substr(border))));
    return made;
}

std::string rest_of(chain_cursor& cursor) {
    std::string text;
    while (auto each = cursor.next())
        text += static_cast<char>(*each);
    return text;
}

TEST(ChainCursor, OfAnEmptyChainHasNothing) {
    chain nothing;
    chain_cursor cursor(nothing);
    EXPECT_TRUE(cursor.at_end());
    EXPECT_FALSE(cursor.next());
    EXPECT_TRUE(cursor.contiguous().empty());
    EXPECT_FALSE(cursor.read_be<std::uint8_t>());
    EXPECT_FALSE(cursor.read_varint());
    EXPECT_FALSE(cursor.find("x"));
    EXPECT_EQ(cursor.find(""), 0u);
    EXPECT_EQ(cursor.trouble(), nullptr);
}

TEST(ChainCursor, TakesByteAfterByteFromEveryPosition) {
    auto text = pattern(50);
    for (std::size_t step : {1u, 2u, 7u, 50u}) {
        auto pieces = in_pieces(text, step);
        for (std::size_t from = 0; from <= text.size(); ++from) {
            chain_cursor cursor(pieces, from);
            ASSERT_EQ(cursor.position(), from);
            ASSERT_EQ(rest_of(cursor), text.substr(from));
            ASSERT_TRUE(cursor.at_end());
        }
    }
}

TEST(ChainCursor, SeeksFromEveryPositionToEveryOther) {
    auto text = pattern(30);
    auto pieces = in_pieces(text, 4);
    chain_cursor cursor(pieces);
    for (std::size_t from = 0; from < text.size(); ++from) {
        for (std::size_t to = 0; to < text.size(); ++to) {
            cursor.seek(from);
            ASSERT_EQ(cursor.next(), std::byte(text[from]));
            cursor.seek(to);
            ASSERT_EQ(cursor.position(), to);
            ASSERT_EQ(cursor.remaining(), text.size() - to);
            ASSERT_EQ(cursor.next(), std::byte(text[to]));
        }
    }
    cursor.seek(text.size());
    EXPECT_FALSE(cursor.next());
    cursor.seek(0);
    cursor.skip(29);
    EXPECT_EQ(cursor.next(), std::byte(text[29]));
}

TEST(ChainCursor, ShowsWhatLiesTogetherWithoutACopy) {
    auto text = pattern(10);
    auto pieces = in_pieces(text, 4);
    chain_cursor cursor(pieces, 1);
    auto copied_before = bytes_copied_by_thread();
    EXPECT_EQ(as_text(cursor.contiguous()), text.substr(1, 3));
    EXPECT_EQ(cursor.contiguous().data(), pieces.pieces()[0].memory()->data() + 1);
    EXPECT_EQ(cursor.position(), 1u);
    cursor.skip(3);
    EXPECT_EQ(as_text(cursor.contiguous()), text.substr(4, 4));
    cursor.skip(5);
    EXPECT_EQ(as_text(cursor.contiguous()), text.substr(9));
    EXPECT_EQ(bytes_copied_by_thread(), copied_before);
}

// Every width and order, with the border at every byte.
template <typename T>
void expect_numbers(std::uint64_t big, std::uint64_t little) {
    const std::string text("\x81\x23\x45\x67\x89\xab\xcd\xef..", 10);
    for (std::size_t border = 1; border < text.size(); ++border) {
        auto pieces = cut_at(text, border);
        chain_cursor cursor(pieces);
        EXPECT_EQ(cursor.peek_be<T>(), static_cast<T>(big)) << border;
        EXPECT_EQ(cursor.peek_le<T>(), static_cast<T>(little)) << border;
        EXPECT_EQ(cursor.position(), 0u);
        EXPECT_EQ(cursor.read_be<T>(), static_cast<T>(big)) << border;
        EXPECT_EQ(cursor.position(), sizeof(T));
        cursor.seek(0);
        EXPECT_EQ(cursor.read_le<T>(), static_cast<T>(little)) << border;
        EXPECT_EQ(cursor.position(), sizeof(T));
        EXPECT_EQ(pieces.get_be<T>(0), static_cast<T>(big)) << border;
        EXPECT_EQ(pieces.get_le<T>(0), static_cast<T>(little)) << border;
    }
}

TEST(ChainCursor, ReadsNumbersAcrossABorderAtEveryByte) {
    expect_numbers<std::uint8_t>(0x81, 0x81);
    expect_numbers<std::int8_t>(0x81, 0x81);
    expect_numbers<std::uint16_t>(0x8123, 0x2381);
    expect_numbers<std::int16_t>(0x8123, 0x2381);
    expect_numbers<std::uint32_t>(0x81234567, 0x67452381);
    expect_numbers<std::int32_t>(0x81234567, 0x67452381);
    expect_numbers<std::uint64_t>(0x8123456789abcdef, 0xefcdab8967452381);
    expect_numbers<std::int64_t>(0x8123456789abcdef, 0xefcdab8967452381);
}

TEST(ChainCursor, ReadsNumbersAcrossManyPieces) {
    const std::string text("\x81\x23\x45\x67\x89\xab\xcd\xef", 8);
    auto pieces = in_pieces(text, 1);
    EXPECT_EQ(chain_cursor(pieces).read_be<std::uint64_t>(), 0x8123456789abcdef);
    EXPECT_EQ(pieces.get_be<std::uint64_t>(0), 0x8123456789abcdef);
}

TEST(ChainCursor, StaysWhereANumberDoesNotEnd) {
    auto pieces = in_pieces("abcdefg", 3);
    for (std::uint64_t from = 0; from <= 7; ++from) {
        chain_cursor cursor(pieces, from);
        EXPECT_FALSE(cursor.read_be<std::uint64_t>());
        EXPECT_FALSE(cursor.peek_le<std::uint64_t>());
        EXPECT_EQ(cursor.position(), from);
        EXPECT_EQ(cursor.trouble(), nullptr);
        EXPECT_FALSE(pieces.get_be<std::uint64_t>(from));
    }
    EXPECT_FALSE(pieces.get_be<std::uint8_t>(std::numeric_limits<std::uint64_t>::max()));
}

std::string varint_of(std::uint64_t number) {
    std::string text;
    for (; number >= 0x80; number >>= 7)
        text += static_cast<char>(number | 0x80);
    return text + static_cast<char>(number);
}

TEST(ChainCursor, ReadsVarintsOfEveryLengthAcrossEveryBorder) {
    for (unsigned bits = 0; bits <= 64; ++bits) {
        auto number = bits == 0 ? 0 : std::numeric_limits<std::uint64_t>::max() >> (64 - bits);
        auto text = varint_of(number) + "x";
        for (std::size_t border = 0; border < text.size(); ++border) {
            auto pieces = cut_at(text, border);
            chain_cursor cursor(pieces);
            ASSERT_EQ(cursor.read_varint(), number);
            ASSERT_EQ(cursor.position(), text.size() - 1);
            auto cut_off = pieces.slice(0, text.size() - 2);
            chain_cursor short_cursor(cut_off);
            ASSERT_FALSE(short_cursor.read_varint());
            ASSERT_EQ(short_cursor.position(), 0u);
        }
    }
}

TEST(ChainCursor, RefusesVarintsThatOverflow) {
    for (const std::string text : {"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x02",
                                   "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
                                   "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x81"}) {
        auto pieces = in_pieces(text + "\x01", 3);
        chain_cursor cursor(pieces);
        EXPECT_FALSE(cursor.read_varint());
        EXPECT_EQ(cursor.position(), 0u);
    }
}

TEST(ChainCursor, ReadsZigzagNumbers) {
    constexpr auto least = std::numeric_limits<std::int64_t>::min();
    constexpr auto most = std::numeric_limits<std::int64_t>::max();
    std::uint64_t coded = 0;
    for (std::int64_t number : {0, -1, 1, -2, 2})
        EXPECT_EQ(chain_cursor(in_pieces(varint_of(coded++), 1)).read_zigzag(), number);
    EXPECT_EQ(chain_cursor(in_pieces(varint_of(~0ull), 1)).read_zigzag(), least);
    EXPECT_EQ(chain_cursor(in_pieces(varint_of(~0ull - 1), 1)).read_zigzag(), most);
    EXPECT_FALSE(chain_cursor(in_pieces("\x80", 1)).read_zigzag());
}

TEST(ChainCursor, CopiesOutEveryRange) {
    auto text = pattern(40);
    auto pieces = in_pieces(text, 6);
    for (std::size_t from = 0; from <= text.size(); ++from) {
        for (std::size_t count = 0; count <= text.size() - from + 3; ++count) {
            std::string to(count, '\0');
            chain_cursor cursor(pieces, from);
            writable_bytes room = std::as_writable_bytes(std::span(to));
            auto wanted = text.substr(from, count);
            ASSERT_EQ(cursor.peek(room), wanted.size());
            ASSERT_EQ(cursor.position(), from);
            ASSERT_EQ(cursor.read(room), wanted.size());
            ASSERT_EQ(to.substr(0, wanted.size()), wanted);
            ASSERT_EQ(cursor.position(), from + wanted.size());
        }
    }
}

TEST(ChainCursor, FindsWhereverTheBordersLie) {
    const std::string text = "aabaabaaab--needle--neeedle-end";
    for (std::size_t step = 1; step <= text.size(); ++step) {
        auto pieces = in_pieces(text, step);
        for (std::size_t at = 0; at < text.size(); ++at) {
            for (std::size_t count = 0; count <= text.size() - at; ++count) {
                auto needle = text.substr(at, count);
                ASSERT_EQ(chain_cursor(pieces).find(needle), text.find(needle)) << needle;
                chain_cursor behind(pieces, at);
                ASSERT_EQ(behind.find(needle), at);
                ASSERT_EQ(behind.position(), at);
            }
        }
        chain_cursor cursor(pieces);
        EXPECT_FALSE(cursor.find("needles"));
        EXPECT_FALSE(cursor.find("aaaa"));
        EXPECT_FALSE(cursor.find(text + "x"));
        EXPECT_EQ(cursor.find(std::byte('-')), text.find('-'));
        EXPECT_FALSE(cursor.find(std::byte('z')));
    }
}

// Text and needle in which each position looks like a beginning. Twice the size, twice the work:
// quadratic search would take some 10^11 steps.
TEST(ChainCursor, SearchIsLinearForHostileBytes) {
    std::string needle(1 << 18, 'a');
    needle.back() = 'b';
    auto pieces = in_pieces(std::string(1 << 20, 'a'), 1000);
    auto started = std::chrono::steady_clock::now();
    EXPECT_FALSE(chain_cursor(pieces).find(needle));
    EXPECT_LT(std::chrono::steady_clock::now() - started, std::chrono::seconds(20));
}

// Memory, then a file of several blocks, then memory.
class ChainCursorOverFiles : public testing::Test {
  protected:
    [[nodiscard]] chain with_file() const {
        chain made;
        made.append(buffer_slice::of_static("head"));
        made.append(written_.open().region(10, content_.size() - 10));
        made.append(buffer_slice::of_static("tail"));
        return made;
    }
    [[nodiscard]] std::string text() const { return "head" + content_.substr(10) + "tail"; }

    std::string content_ = pattern(3 * block_size + 100);
    temporary_file written_{content_};
};

TEST_F(ChainCursorOverFiles, ReadsThroughThem) {
    auto pieces = with_file();
    chain_cursor cursor(pieces);
    EXPECT_EQ(support::difference(rest_of(cursor), text()), "");
    EXPECT_EQ(cursor.trouble(), nullptr);
}

TEST_F(ChainCursorOverFiles, ReadsAtEveryBorderOfABlock) {
    auto pieces = with_file();
    auto wanted = text();
    chain_cursor cursor(pieces);
    for (std::size_t border : {std::size_t{4}, 4 + block_size, 4 + 2 * block_size}) {
        for (auto at = border - 4; at <= border + 4; ++at) {
            auto bytes = as_bytes(wanted).subspan(at, 4);
            std::uint32_t number = 0;
            for (auto each : bytes)
                number = number << 8 | std::to_integer<std::uint32_t>(each);
            cursor.seek(at);
            ASSERT_EQ(cursor.peek_be<std::uint32_t>(), number);
            ASSERT_EQ(cursor.read_be<std::uint32_t>(), number);
            ASSERT_EQ(pieces.get_be<std::uint32_t>(at), number);
        }
    }
}

TEST_F(ChainCursorOverFiles, LargeReadsGoStraightToTheirTarget) {
    auto pieces = with_file();
    std::string to(text().size(), '\0');
    auto copied_before = bytes_copied_by_thread();
    chain_cursor cursor(pieces);
    EXPECT_EQ(cursor.read(std::as_writable_bytes(std::span(to))), to.size());
    EXPECT_EQ(support::difference(to, text()), "");
    EXPECT_EQ(bytes_copied_by_thread() - copied_before, 8u);
}

TEST_F(ChainCursorOverFiles, FindsInThemAndStays) {
    auto pieces = with_file();
    auto wanted = text();
    chain_cursor cursor(pieces);
    for (std::size_t at : {std::size_t{2}, std::size_t{1000}, block_size, 4 + 2 * block_size - 3,
                           wanted.size() - 6}) {
        cursor.seek(1);
        ASSERT_EQ(cursor.find(wanted.substr(at, 6)), at);
        ASSERT_EQ(cursor.position(), 1u);
        ASSERT_EQ(cursor.next(), std::byte('e'));
        cursor.seek(100);
        ASSERT_EQ(cursor.next(), std::byte(wanted[100]));
        (void)cursor.find(wanted.substr(wanted.size() - 20));
        ASSERT_EQ(cursor.next(), std::byte(wanted[101]));
    }
}

TEST_F(ChainCursorOverFiles, SayWhatATruncatedFileIs) {
    auto pieces = with_file();
    written_.resize(10 + 20);
    chain_cursor cursor(pieces);
    auto seen = rest_of(cursor);
    EXPECT_EQ(seen, text().substr(0, 24));
    EXPECT_EQ(cursor.position(), 24u);
    ASSERT_NE(cursor.trouble(), nullptr);
    EXPECT_TRUE(cursor.trouble()->is(ENODATA));
    EXPECT_EQ(cursor.trouble()->object(), written_.path());
    cursor.seek(22);
    EXPECT_FALSE(cursor.read_be<std::uint32_t>());
    EXPECT_EQ(cursor.position(), 22u);
    EXPECT_NE(cursor.trouble(), nullptr);
    EXPECT_FALSE(pieces.get_be<std::uint32_t>(22));
    EXPECT_FALSE(cursor.find("tail"));
    EXPECT_NE(cursor.trouble(), nullptr);
    // What is behind the file can still be read, and the trouble is over.
    cursor.seek(pieces.size() - 4);
    EXPECT_EQ(rest_of(cursor), "tail");
    EXPECT_EQ(cursor.trouble(), nullptr);
}

TEST_F(ChainCursorOverFiles, SayWhyAReadFailed) {
    auto pieces = with_file();
    fault_script script;
    script.fail(sys::call::pread, EIO);
    chain_cursor cursor(pieces, 4);
    EXPECT_FALSE(cursor.next());
    ASSERT_NE(cursor.trouble(), nullptr);
    EXPECT_TRUE(cursor.trouble()->is(EIO));
    std::string to(2 * block_size, '\0');
    EXPECT_EQ(cursor.read(std::as_writable_bytes(std::span(to))), 0u);
    EXPECT_TRUE(cursor.trouble()->is(EIO));
    script.clear();
    EXPECT_EQ(cursor.next(), std::byte(text()[4]));
    EXPECT_EQ(cursor.trouble(), nullptr);
}

TEST_F(ChainCursorOverFiles, PositionsBeyond32Bits) {
    constexpr std::uint64_t large = std::uint64_t{5} << 30;
    temporary_file sparse;
    sparse.resize(large);
    sparse.write_at(large - 6, "ending");
    chain pieces;
    pieces.append(sparse.open().region(0, large));
    pieces.append(buffer_slice::of_static("/memory"));
    pieces.append(sparse.open().region(large - 3, 3));
    chain_cursor cursor(pieces, large - 6);
    EXPECT_EQ(cursor.find("g/memorying"), large - 1);
    EXPECT_EQ(rest_of(cursor), "ending/memorying");
    cursor.seek(large - 1);
    EXPECT_EQ(cursor.read_be<std::uint16_t>(), 'g' << 8 | '/');
    EXPECT_EQ(pieces.get_be<std::uint16_t>(large - 1), 'g' << 8 | '/');
    pieces.erase(1, large - 3);
    EXPECT_EQ(pieces.size(), 2u + 1 + 7 + 3);
    auto flat = pieces.flatten(1, 12);
    ASSERT_TRUE(flat);
    EXPECT_EQ(flat->text(), "ng/memorying");
}

TEST(ChainCursor, AMalformedNumberInMemoryIsNoFilesTrouble) {
    support::temporary_file empty;
    chain pieces;
    pieces.append(buffer_slice::copy_of(as_bytes(std::string(12, '\xff'))));
    pieces.append(empty.open().region(0, 10));
    chain_cursor cursor(pieces, 8);
    EXPECT_FALSE(cursor.read_be<std::uint64_t>());
    EXPECT_NE(cursor.trouble(), nullptr);
    cursor.seek(0);
    EXPECT_FALSE(cursor.read_varint());
    EXPECT_EQ(cursor.trouble(), nullptr);
}

}  // namespace
}  // namespace sluice
