#include <array>
#include <set>
#include <string>

#include <fcntl.h>
#include <gtest/gtest.h>

#include <sluice/chain.h>

#include "support/pattern.h"
#include "support/temporary_file.h"

namespace sluice {
namespace {

using support::pattern;
using support::temporary_file;

// A chain of memory and files, and the same content as one text.
class Chain : public testing::Test {
  protected:
    [[nodiscard]] chain mixed() const {
        chain made;
        made.append(buffer_slice::of_static("head"));
        made.append(file_.region(0, 10));
        made.append(file_.region(90, 10));
        made.append(buffer_slice::copy_of(as_bytes("middle")));
        made.append(buffer_slice::of_static("x"));
        made.append(file_.region(50, 1));
        made.append(buffer_slice::of_static("tail"));
        return made;
    }
    [[nodiscard]] std::string mixed_text() const {
        return "head" + content_.substr(0, 10) + content_.substr(90, 10) + "middlex" +
               content_.substr(50, 1) + "tail";
    }

    std::string content_ = pattern(100);
    temporary_file written_{content_};
    file file_ = written_.open();
};

std::string text_of(const chain& pieces) {
    auto flat = pieces.flatten();
    EXPECT_TRUE(flat) << flat.error().message();
    return flat ? std::string(flat->text()) : "";
}

// What holds for every chain.
void expect_sound(const chain& pieces) {
    std::uint64_t sum = 0;
    for (const auto& part : pieces.pieces()) {
        EXPECT_GT(size_of(part), 0u);
        sum += size_of(part);
    }
    EXPECT_EQ(pieces.size(), sum);
    EXPECT_EQ(pieces.empty(), sum == 0);
}

TEST_F(Chain, IsEmptyAtFirst) {
    chain pieces;
    expect_sound(pieces);
    EXPECT_EQ(pieces.pieces().size(), 0u);
    EXPECT_EQ(text_of(pieces), "");
}

TEST_F(Chain, HoldsWhatWasAppendedInOrder) {
    auto pieces = mixed();
    expect_sound(pieces);
    EXPECT_EQ(pieces.pieces().size(), 7u);
    EXPECT_EQ(text_of(pieces), mixed_text());
}

TEST_F(Chain, DropsEmptyPieces) {
    chain pieces;
    pieces.append(buffer_slice());
    pieces.append(file_.region(5, 0));
    pieces.prepend(buffer_slice::of_static(""));
    pieces.append(chain());
    EXPECT_EQ(pieces.pieces().size(), 0u);
    EXPECT_TRUE(pieces.empty());
}

TEST_F(Chain, AdvancesToEveryByte) {
    auto text = mixed_text();
    for (std::size_t count = 0; count <= text.size(); ++count) {
        SCOPED_TRACE(count);
        auto pieces = mixed();
        pieces.advance(count);
        expect_sound(pieces);
        EXPECT_EQ(text_of(pieces), text.substr(count));
    }
}

TEST_F(Chain, AdvancesInStepsOfEverySize) {
    auto text = mixed_text();
    for (std::size_t step = 1; step <= text.size(); ++step) {
        SCOPED_TRACE(step);
        auto pieces = mixed();
        for (std::size_t at = 0; at < text.size(); at += step) {
            ASSERT_EQ(text_of(pieces), text.substr(at));
            pieces.advance(std::min<std::uint64_t>(step, pieces.size()));
        }
        EXPECT_TRUE(pieces.empty());
    }
}

TEST_F(Chain, SplitsAtEveryByte) {
    auto text = mixed_text();
    auto copied_before = bytes_copied_by_thread();
    std::uint64_t flattened = 6;  // "middle" is a copy to begin with
    for (std::size_t count = 0; count <= text.size(); ++count) {
        SCOPED_TRACE(count);
        auto rest = mixed();
        auto head = rest.split_at(count);
        expect_sound(head);
        expect_sound(rest);
        EXPECT_EQ(head.size(), count);
        EXPECT_EQ(text_of(head), text.substr(0, count));
        EXPECT_EQ(text_of(rest), text.substr(count));
        // The pieces that the cut goes through are shared, not copied.
        rest.append(std::move(head));
        EXPECT_EQ(text_of(rest), text.substr(count) + text.substr(0, count));
    }
    // Only flatten() copied, and only memory: file pieces are read.
    flattened = (text.size() + 1) * (6 + 2 * (text.size() - 21));
    EXPECT_EQ(bytes_copied_by_thread() - copied_before, flattened);
}

TEST_F(Chain, PrependsBeforeAndAfterAnAdvance) {
    chain pieces;
    pieces.prepend(buffer_slice::of_static("b"));
    pieces.prepend(buffer_slice::of_static("a"));
    pieces.append(file_.region(0, 3));
    EXPECT_EQ(text_of(pieces), "ab" + content_.substr(0, 3));
    pieces.advance(1);
    pieces.prepend(buffer_slice::of_static("A"));
    pieces.prepend(buffer_slice::of_static("0"));
    expect_sound(pieces);
    EXPECT_EQ(text_of(pieces), "0Ab" + content_.substr(0, 3));
    pieces.advance(4);
    pieces.prepend(buffer_slice::of_static("front"));
    EXPECT_EQ(text_of(pieces), "front" + content_.substr(1, 2));
}

TEST_F(Chain, PrependsToWhatWasUsedUp) {
    auto pieces = mixed();
    pieces.advance(pieces.size());
    pieces.prepend(buffer_slice::of_static("new"));
    expect_sound(pieces);
    EXPECT_EQ(text_of(pieces), "new");
    pieces.append(buffer_slice::of_static("est"));
    EXPECT_EQ(text_of(pieces), "newest");
}

TEST_F(Chain, AppendsAnotherThatWasAdvanced) {
    auto one = mixed();
    auto other = mixed();
    one.advance(3);
    other.advance(9);
    one.append(std::move(other));
    expect_sound(one);
    EXPECT_EQ(text_of(one), mixed_text().substr(3) + mixed_text().substr(9));
    EXPECT_TRUE(other.empty());
    other.append(buffer_slice::of_static("again"));
    EXPECT_EQ(text_of(other), "again");
}

TEST_F(Chain, MovesLeaveAnEmptyChain) {
    auto one = mixed();
    one.advance(5);
    chain other(std::move(one));
    EXPECT_EQ(text_of(other), mixed_text().substr(5));
    expect_sound(one);
    EXPECT_TRUE(one.empty());
    one.append(buffer_slice::of_static("new"));
    EXPECT_EQ(text_of(one), "new");
    one = std::move(other);
    EXPECT_EQ(text_of(one), mixed_text().substr(5));
    expect_sound(other);
}

TEST_F(Chain, ClearsAndIsUsedAgain) {
    auto pieces = mixed();
    pieces.advance(7);
    pieces.clear();
    expect_sound(pieces);
    EXPECT_TRUE(pieces.empty());
    pieces.append(file_.region(1, 2));
    EXPECT_EQ(text_of(pieces), content_.substr(1, 2));
}

TEST_F(Chain, UsesItsListAgainForTheNextMessage) {
    chain pieces;
    pieces.append(buffer_slice::of_static("one"));
    const auto* list = pieces.pieces().data();
    for (int messages = 0; messages < 100; ++messages) {
        pieces.advance(3);
        pieces.append(buffer_slice::of_static("two"));
        ASSERT_EQ(pieces.pieces().data(), list);
    }
}

// A queue that is never empty: its list stays in proportion to what is in it.
TEST_F(Chain, DoesNotGrowWhileItIsNeverEmpty) {
    chain pieces;
    for (int i = 0; i < 100; ++i)
        pieces.append(buffer_slice::of_static("one"));
    const auto* first = &pieces.pieces().front();
    std::set<const piece*> fronts;
    for (int messages = 0; messages < 10'000; ++messages) {
        pieces.append(buffer_slice::of_static("one"));
        pieces.advance(3);
        fronts.insert(&pieces.pieces().front());
    }
    EXPECT_NE(&pieces.pieces().front(), first);
    EXPECT_LT(fronts.size(), 1000u);
    EXPECT_EQ(pieces.pieces().size(), 100u);
}

TEST_F(Chain, PrependsManyInAmortisedConstantTime) {
    chain pieces;
    std::set<const piece*> lists;
    for (int i = 0; i < 10'000; ++i) {
        pieces.prepend(buffer_slice::of_static("x"));
        lists.insert(&pieces.pieces().back());
    }
    // The last piece moves only when the list grows.
    EXPECT_LT(lists.size(), 30u);
    EXPECT_EQ(pieces.size(), 10'000u);
}

// Lists are handed from one to the next within a thread; none is large enough without growing.
TEST_F(Chain, LongChainsOneAfterTheOther) {
    static chain outlives_the_thread;
    for (std::size_t count : {5000u, 3000u, 200'000u, 100'000u, 20u}) {
        chain pieces;
        for (std::size_t i = 0; i < count; ++i)
            pieces.append(i % 2 == 0 ? piece(buffer_slice::of_static("memory"))
                                     : piece(file_.region(0, 1)));
        expect_sound(pieces);
        EXPECT_EQ(pieces.pieces().size(), count);
        outlives_the_thread = pieces.slice(0, pieces.size());
    }
    for (int i = 0; i < 2000; ++i)
        outlives_the_thread.append(buffer_slice::of_static("x"));
    expect_sound(outlives_the_thread);
}

// The lists are handed on, what was in them is not.
TEST_F(Chain, KeepsNoMemoryOfALongChainThatIsGone) {
    int released = 0;
    {
        chain pieces;
        for (int i = 0; i < 3000; ++i)
            pieces.append(buffer_slice::of_object(as_bytes("object"), [&released] { ++released; }));
        pieces.advance(6);
    }
    EXPECT_EQ(released, 3000);
}

TEST_F(Chain, LetsGoOfWhatHasBeenMoved) {
    chain pieces;
    int fd = -1;
    {
        auto own = written_.open();
        fd = own.fd();
        pieces.append(own.region(0, 5));
    }
    pieces.append(buffer_slice::of_static("rest"));
    pieces.advance(4);
    EXPECT_GE(::fcntl(fd, F_GETFD), 0);
    pieces.advance(1);
    EXPECT_LT(::fcntl(fd, F_GETFD), 0);
    EXPECT_EQ(text_of(pieces), "rest");
}

TEST_F(Chain, ExportsMemoryUpToTheFirstFile) {
    chain pieces;
    auto first = buffer_slice::of_static("first");
    pieces.append(first);
    pieces.append(buffer_slice::of_static("second"));
    pieces.append(file_.region(0, 1));
    pieces.append(buffer_slice::of_static("behind"));
    std::array<iovec, 4> parts{};
    auto exported = pieces.export_memory(parts);
    EXPECT_EQ(exported.parts, 2u);
    EXPECT_EQ(exported.bytes, 11u);
    EXPECT_EQ(parts[0].iov_base, first.data());
    EXPECT_EQ(parts[1].iov_len, 6u);
    exported = pieces.export_memory(std::span(parts).first(1));
    EXPECT_EQ(exported.parts, 1u);
    EXPECT_EQ(exported.bytes, 5u);
    EXPECT_EQ(pieces.export_memory({}).parts, 0u);
    pieces.advance(2);
    exported = pieces.export_memory(parts);
    EXPECT_EQ(parts[0].iov_base, first.data() + 2);
    EXPECT_EQ(exported.bytes, 9u);
    pieces.advance(9);
    EXPECT_EQ(pieces.export_memory(parts).parts, 0u);
}

TEST_F(Chain, FlattenSaysWhichFileIsShort) {
    auto pieces = mixed();
    written_.resize(95);
    auto flat = pieces.flatten();
    ASSERT_FALSE(flat);
    EXPECT_TRUE(flat.error().is(ENODATA)) << flat.error().message();
    EXPECT_EQ(flat.error().object(), written_.path());
}

TEST_F(Chain, SizesBeyond32Bits) {
    constexpr std::uint64_t large = std::uint64_t{1} << 33;
    chain pieces;
    pieces.append(file_.region(0, large));
    pieces.append(buffer_slice::of_static("tail"));
    EXPECT_EQ(pieces.size(), large + 4);
    auto head = pieces.split_at(large - 1);
    EXPECT_EQ(head.size(), large - 1);
    EXPECT_EQ(pieces.pieces()[0].region()->position(), large - 1);
    pieces.advance(1);
    EXPECT_EQ(text_of(pieces), "tail");
}

TEST_F(Chain, SizesBeyond63Bits) {
    constexpr std::uint64_t large = std::uint64_t{7} << 61;
    chain pieces;
    pieces.append(buffer_slice::of_static("head"));
    pieces.append(file_.region(0, large));
    for (int i = 0; i < 1000; ++i)
        pieces.append(buffer_slice::of_static("tail"));
    EXPECT_EQ(pieces.piece_at(3).index, 0u);
    EXPECT_EQ(pieces.piece_at(4).index, 1u);
    EXPECT_EQ(pieces.piece_at(large / 2).offset, large / 2 - 4);
    EXPECT_EQ(pieces.piece_at(large + 3).index, 1u);
    EXPECT_EQ(pieces.piece_at(large + 4).index, 2u);
    EXPECT_EQ(pieces.piece_at(pieces.size() - 1).index, 1001u);
    pieces.advance(large);
    EXPECT_EQ(pieces.size(), 4004u);
    EXPECT_EQ(pieces.piece_at(4).index, 1u);
}

// However the ends are added to in turn, a piece is moved a bounded number of times.
TEST_F(Chain, AdditionsAtBothEndsAreAmortised) {
    constexpr std::size_t live = 10'000;
    constexpr std::size_t cycles = 4 * live;
    for (bool front_first : {false, true}) {
        SCOPED_TRACE(front_first);
        chain pieces;
        auto byte = buffer_slice::of_static("x");
        for (std::size_t i = 0; i < live; ++i)
            pieces.append(byte);
        pieces.prepend(byte);
        std::size_t moves = 0;
        const auto* last = &pieces.pieces().back();
        auto count_move = [&](std::ptrdiff_t added) {
            const auto* now = &pieces.pieces().back();
            if (now != last + added) ++moves;
            last = now;
        };
        for (std::size_t i = 0; i < cycles; ++i) {
            pieces.advance(2);
            for (bool front : {front_first, !front_first}) {
                if (front)
                    pieces.prepend(byte);
                else
                    pieces.append(byte);
                count_move(front ? 0 : 1);
            }
        }
        EXPECT_EQ(pieces.size(), live + 1);
        EXPECT_GE(moves, 1u) << "else nothing is counted";
        EXPECT_LE(moves, 40u) << "each moves all";
    }
}

TEST_F(Chain, AnEmptyChainInsertedCutsNothing) {
    chain pieces;
    pieces.append(buffer_slice::of_static("abcdef"));
    pieces.insert(3, chain());
    EXPECT_EQ(pieces.pieces().size(), 1u);
    EXPECT_EQ(pieces.size(), 6u);
}

}  // namespace
}  // namespace sluice
