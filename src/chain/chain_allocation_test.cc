// Each allocation of a change fails once; then the chains are as they were.
#include <array>
#include <cerrno>
#include <cstdint>
#include <new>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include <sluice/chain.h>
#include <sluice/chain_cursor.h>

#include "support/failing_allocation.h"
#include "support/pattern.h"
#include "support/temporary_file.h"

namespace sluice {
namespace {

using support::failing_allocation;

class ChainAllocation : public testing::Test {
  protected:
    static constexpr std::size_t piece_size = 5;
    // As many as the lists that a chain begins with hold: one more makes them grow.
    static constexpr std::size_t count = 8;
    static constexpr std::size_t other_count = 3;

    [[nodiscard]] chain make(std::size_t pieces) const {
        chain made;
        for (std::size_t i = 0; i < pieces; ++i) {
            if (i % 3 == 2) {
                made.append(source_.region(i * piece_size, piece_size));
            } else {
                made.append(memory_.slice(i * piece_size, piece_size));
            }
        }
        return made;
    }
    [[nodiscard]] std::string text_of(std::size_t pieces) const {
        return content_.substr(0, pieces * piece_size);
    }

    // Runs `change` on a chain and another, with its first allocation failing, then its second and
    // so on, until it makes no more of them. Returns how many failed.
    template <typename Change>
    std::size_t fail_each(Change change) {
        for (std::size_t at = 0;; ++at) {
            SCOPED_TRACE(at);
            auto pieces = make(count);
            auto other = make(other_count);
            bool failed = false;
            bool threw = false;
            {
                failing_allocation armed(at);
                try {
                    change(pieces, other);
                } catch (const std::bad_alloc&) {
                    threw = true;
                }
                failed = armed.has_failed();
            }
            EXPECT_EQ(threw, failed);
            if (!failed) return at;
            EXPECT_TRUE(*pieces.equals(as_bytes(text_of(count))));
            EXPECT_TRUE(*other.equals(as_bytes(text_of(other_count))));
            EXPECT_EQ(pieces.pieces().size(), count);
            // And they can be used.
            pieces.insert(12, std::move(other));
            auto wanted = text_of(count).insert(12, text_of(other_count));
            EXPECT_TRUE(*pieces.equals(as_bytes(wanted)));
        }
    }

    std::string content_ = support::pattern(count * piece_size);
    support::temporary_file written_{content_};
    file source_ = written_.open();
    buffer_slice memory_ = buffer_slice::copy_of(as_bytes(content_));
};

TEST_F(ChainAllocation, LeavesChainsThatWereToGrowAsTheyWere) {
    EXPECT_EQ(fail_each([this](chain& pieces, chain&) { pieces.append(memory_); }), 2u);
    EXPECT_EQ(fail_each([this](chain& pieces, chain&) { pieces.prepend(memory_); }), 2u);
    EXPECT_EQ(fail_each([this](chain& pieces, chain&) { pieces.insert(7, memory_); }), 2u);
    EXPECT_EQ(fail_each([](chain& pieces, chain& other) { pieces.append(std::move(other)); }), 2u);
    EXPECT_EQ(fail_each([](chain& pieces, chain& other) { pieces.prepend(std::move(other)); }), 2u);
    EXPECT_EQ(fail_each([](chain& pieces, chain& other) { pieces.insert(7, std::move(other)); }),
              2u);
    EXPECT_EQ(fail_each([](chain& pieces, chain&) { pieces.erase(6, 1); }), 2u);
}

TEST_F(ChainAllocation, LeavesChainsThatWereToBeCutAsTheyWere) {
    EXPECT_EQ(fail_each([](chain& pieces, chain&) { (void)pieces.split_at(12); }), 2u);
    EXPECT_EQ(fail_each([](chain& pieces, chain&) { (void)pieces.slice(3, 30); }), 2u);
}

TEST_F(ChainAllocation, LeavesAChainThatWasToBeCompactedAsItWas) {
    constexpr retention_policy strict{.waste_min = 1, .ratio_min = 1};
    auto failures = fail_each([&](chain& pieces, chain&) { (void)pieces.compact(strict); });
    EXPECT_GE(failures, 3u);
    EXPECT_EQ(fail_each([](chain& pieces, chain&) { (void)pieces.retained(); }), 1u);
}

TEST_F(ChainAllocation, ReadsAllocateForFilesAndLongNeedlesOnly) {
    chain memory;
    memory.append(memory_.slice(0, 20));
    memory.append(memory_.slice(20, 20));
    auto before = support::allocations_by_thread();
    chain_cursor cursor(memory);
    (void)cursor.read_be<std::uint64_t>();
    (void)cursor.find(std::byte{0});
    (void)memory.get_be<std::uint64_t>(16);
    (void)memory.equals(as_bytes(content_));
    std::array<iovec, 4> parts{};
    (void)memory.export_memory(1, 30, parts);
    EXPECT_EQ(support::allocations_by_thread(), before);

    EXPECT_EQ(fail_each([](chain& pieces, chain&) { (void)chain_cursor(pieces).find("xyz"); }), 2u);
    EXPECT_EQ(fail_each([](chain& pieces, chain&) { (void)pieces.equals(pieces); }), 2u);
}

// A cursor whose read failed for want of memory stands where it stood, and loses none.
TEST_F(ChainAllocation, LeavesACursorWhereItWas) {
    auto pieces = make(count);
    chain_cursor cursor(pieces, 1);
    for (std::size_t at = 0; at < 2; ++at) {
        failing_allocation armed(at);
        EXPECT_THROW((void)cursor.find("not to be found"), std::bad_alloc);
        EXPECT_EQ(cursor.position(), 1u);
    }
    EXPECT_EQ(cursor.find(content_.substr(9, 4)), 9u);
    EXPECT_EQ(cursor.next(), std::byte(content_[1]));
}

// Here, since sanitizers' own allocators end the program over such a size.
TEST(ChainFlatten, MoreThanThereIsMemoryForIsAnError) {
    support::temporary_file source("abc");
    chain pieces;
    pieces.append(source.open().region(0, std::uint64_t{1} << 62));
    auto flat = pieces.flatten();
    ASSERT_FALSE(flat);
    EXPECT_TRUE(flat.error().is(ENOMEM)) << flat.error().message();
}

}  // namespace
}  // namespace sluice
