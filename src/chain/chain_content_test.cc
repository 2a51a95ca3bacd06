#include <climits>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <sluice/chain.h>
#include <sluice/mapped_region.h>

#include "support/fault_script.h"
#include "support/pattern.h"
#include "support/temporary_file.h"

namespace sluice {
namespace {

using support::fault_script;
using support::pattern;
using support::temporary_file;

chain in_pieces(const std::string& text, std::size_t step) {
    chain made;
    for (std::size_t at = 0; at < text.size(); at += step)
        made.append(buffer_slice::copy_of(as_bytes(text.substr(at, step))));
    return made;
}

std::strong_ordering order_of(const chain& left, const chain& right) {
    auto order = left.compare(right);
    EXPECT_TRUE(order);
    return order ? *order : std::strong_ordering::equal;
}

TEST(ChainContent, ComparesWhateverTheBordersAre) {
    auto text = pattern(30);
    for (std::size_t left = 1; left <= text.size(); ++left) {
        for (std::size_t right = 1; right <= text.size(); ++right) {
            ASSERT_EQ(order_of(in_pieces(text, left), in_pieces(text, right)),
                      std::strong_ordering::equal);
            ASSERT_TRUE(*in_pieces(text, left).equals(in_pieces(text, right)));
        }
        ASSERT_TRUE(*in_pieces(text, left).equals(as_bytes(text)));
        ASSERT_EQ(*in_pieces(text, left).compare(as_bytes(text)), std::strong_ordering::equal);
    }
}

TEST(ChainContent, OrdersAsTextsAre) {
    const std::string base = "mmmmmmmm";
    for (std::size_t at = 0; at < base.size(); ++at) {
        for (char other : {'a', 'z', '\0', '\xff'}) {
            auto text = base;
            text[at] = other;
            auto wanted = base <=> text;
            EXPECT_EQ(order_of(in_pieces(base, 3), in_pieces(text, 2)), wanted);
            EXPECT_EQ(order_of(in_pieces(text, 3), in_pieces(base, 2)), text <=> base);
            EXPECT_EQ(*in_pieces(base, 3).compare(as_bytes(text)), wanted);
            EXPECT_FALSE(*in_pieces(base, 3).equals(in_pieces(text, 3)));
        }
        EXPECT_EQ(order_of(in_pieces(base, 3), in_pieces(base.substr(0, at), 2)),
                  std::strong_ordering::greater);
        EXPECT_EQ(*in_pieces(base.substr(0, at), 3).compare(as_bytes(base)),
                  std::strong_ordering::less);
    }
    EXPECT_EQ(order_of(chain(), chain()), std::strong_ordering::equal);
    EXPECT_TRUE(*chain().equals(bytes_view()));
}

TEST(ChainContent, ComparesWithoutCopyingMemory) {
    auto text = pattern(1000);
    auto left = in_pieces(text, 10);
    auto right = in_pieces(text, 33);
    auto copied_before = bytes_copied_by_thread();
    EXPECT_TRUE(*left.equals(right));
    EXPECT_EQ(bytes_copied_by_thread(), copied_before);
}

TEST(ChainContent, ComparesFilesByTheirBytes) {
    auto content = pattern(100'000);
    temporary_file one(content);
    temporary_file other(content);
    chain left;
    chain right;
    left.append(one.open().region(0, content.size()));
    right.append(buffer_slice::copy_of(as_bytes(content.substr(0, 50'000))));
    right.append(other.open().region(50'000, 50'000));
    EXPECT_TRUE(*left.equals(right));
    EXPECT_TRUE(*left.equals(as_bytes(content)));
    other.write_at(99'999, "\xff");
    EXPECT_EQ(order_of(left, right), std::strong_ordering::less);
    // Sizes that differ are enough to know.
    fault_script script;
    script.fail(sys::call::pread, EIO);
    right.trim_back(1);
    EXPECT_FALSE(*left.equals(right));
    EXPECT_EQ(script.count(sys::call::pread), 0u);
}

TEST(ChainContent, ComparisonSaysWhichFileFailed) {
    auto content = pattern(100'000);
    temporary_file source(content);
    chain file_piece;
    file_piece.append(source.open().region(0, content.size()));
    auto memory = in_pieces(content, 1000);
    source.resize(99'000);
    for (const auto& compared : {file_piece.equals(memory), memory.equals(file_piece),
                                 file_piece.equals(as_bytes(content))}) {
        ASSERT_FALSE(compared);
        EXPECT_TRUE(compared.error().is(ENODATA));
        EXPECT_EQ(compared.error().object(), source.path());
    }
    fault_script script;
    script.fail(sys::call::pread, EIO);
    EXPECT_TRUE(file_piece.compare(memory).error().is(EIO));
    EXPECT_TRUE(file_piece.flatten(5, 5).error().is(EIO));
    EXPECT_FALSE(file_piece.get_be<std::uint16_t>(0));
}

TEST(ChainContent, FlattensRanges) {
    auto text = pattern(40);
    temporary_file source(text);
    auto pieces = in_pieces(text.substr(0, 15), 4);
    pieces.append(source.open().region(15, 10));
    pieces.append(in_pieces(text.substr(25), 3));
    for (std::size_t from = 0; from <= text.size(); ++from) {
        for (std::size_t count = 0; count <= text.size() - from; ++count) {
            auto flat = pieces.flatten(from, count);
            ASSERT_TRUE(flat);
            ASSERT_EQ(flat->text(), text.substr(from, count));
        }
    }
}

// What a caller of writev(2) does with a chain of more pieces than it takes.
TEST(ChainContent, ExportsInBatchesBeyondIovMax) {
    auto text = pattern(3 * IOV_MAX + 500);
    auto pieces = in_pieces(text, 1);
    std::vector<iovec> parts(IOV_MAX);
    auto copied_before = bytes_copied_by_thread();
    std::string seen;
    std::size_t batches = 0;
    for (std::uint64_t at = 100; at < text.size() - 50;) {
        auto exported = pieces.export_memory(at, text.size() - 50 - at, parts);
        ASSERT_GT(exported.parts, 0u);
        for (const auto& part : std::span(parts).first(exported.parts))
            seen.append(static_cast<const char*>(part.iov_base), part.iov_len);
        at += exported.bytes;
        ++batches;
    }
    EXPECT_EQ(batches, 4u);
    EXPECT_EQ(seen, text.substr(100, text.size() - 150));
    EXPECT_EQ(bytes_copied_by_thread(), copied_before);
}

TEST(ChainContent, ExportStopsAtAFileAndGoesOnBehindIt) {
    temporary_file source("file");
    chain pieces;
    pieces.append(buffer_slice::of_static("before"));
    pieces.append(source.open().region(0, 4));
    pieces.append(buffer_slice::of_static("behind"));
    std::vector<iovec> parts(8);
    EXPECT_EQ(pieces.export_memory(2, 14, parts).bytes, 4u);
    EXPECT_EQ(pieces.export_memory(7, 9, parts).parts, 0u);
    auto exported = pieces.export_memory(11, 3, parts);
    EXPECT_EQ(exported.parts, 1u);
    EXPECT_EQ(as_text({static_cast<const std::byte*>(parts[0].iov_base), parts[0].iov_len}), "ehi");
}

// A slice that is used has no handle that could be asked; what was lost must not pass for zeros.
TEST(ChainContent, LostBytesOfAMappingAreAnError) {
    constexpr std::size_t size = 16 * 4096;
    auto content = pattern(size);
    temporary_file written(content);
    auto mapped = mapped_region::map(written.open().region(0, size));
    ASSERT_TRUE(mapped);
    chain pieces;
    pieces.append(mapped->slice(100, size - 100));
    auto expected = content.substr(100);
    EXPECT_TRUE(*pieces.equals(as_bytes(expected)));
    written.resize(4096);
    auto flat = pieces.flatten();
    ASSERT_FALSE(flat);
    EXPECT_TRUE(flat.error().is(ENODATA)) << flat.error().message();
    auto equal = pieces.equals(as_bytes(expected));
    ASSERT_FALSE(equal);
    EXPECT_TRUE(equal.error().is(ENODATA)) << equal.error().message();
    auto order = in_pieces(expected, 5000).compare(pieces);
    ASSERT_FALSE(order);
    EXPECT_TRUE(order.error().is(ENODATA)) << order.error().message();
    // The bytes in front of the cut are what they were.
    auto front = pieces.flatten(0, 3996);
    ASSERT_TRUE(front) << front.error().message();
    EXPECT_EQ(front->text(), expected.substr(0, 3996));
}

}  // namespace
}  // namespace sluice
