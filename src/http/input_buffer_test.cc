#include "http/input_buffer.h"

#include <string>

#include <gtest/gtest.h>

#include "support/pattern.h"

namespace sluice::http {
namespace {

constexpr std::size_t inline_bytes = input_buffer::inline_bytes;

// Receives as much of `from` as there is room for, at most `count_max`.
std::size_t receive(input_buffer& into, std::string_view from, std::size_t capacity_max,
                    std::size_t count_max = SIZE_MAX) {
    auto room = into.room(capacity_max);
    auto count = std::min({room.size(), from.size(), count_max});
    copy_bytes(room, as_bytes(from.substr(0, count)));
    into.commit(count);
    return count;
}

TEST(InputBuffer, BeginsEmptyWithInlineRoom) {
    input_buffer buffer;
    EXPECT_TRUE(buffer.empty());
    EXPECT_TRUE(buffer.bytes().empty());
    EXPECT_EQ(buffer.room(16385).size(), inline_bytes);
}

TEST(InputBuffer, GrowsUpToTheLimitAndNoFurther) {
    auto sent = support::pattern(20000);
    input_buffer buffer;
    std::size_t held = 0;
    while (auto count = receive(buffer, std::string_view(sent).substr(held), 16385))
        held += count;
    EXPECT_EQ(held, 16385u);
    EXPECT_EQ(as_text(buffer.bytes()), sent.substr(0, held));
    EXPECT_TRUE(buffer.room(16385).empty());
}

// A limit below the inline bytes does not shrink them: whoever parses enforces the limit.
TEST(InputBuffer, HasRoomForAnySmallLimit) {
    input_buffer buffer;
    EXPECT_GE(buffer.room(257).size(), 257u);
}

TEST(InputBuffer, KeepsWhatIsThereAtEveryBoundary) {
    for (auto step : {std::size_t{1}, std::size_t{7}, inline_bytes - 1, inline_bytes,
                      inline_bytes + 1, std::size_t{4096}}) {
        for (auto taken : {std::size_t{1}, step / 2, step}) {
            auto sent = support::pattern(40000, step + taken);
            input_buffer buffer;
            std::size_t received = 0, consumed = 0;
            while (consumed < sent.size()) {
                received += receive(buffer, std::string_view(sent).substr(received), 8193, step);
                ASSERT_EQ(as_text(buffer.bytes()),
                          std::string_view(sent).substr(consumed, received - consumed));
                auto count = std::min(std::max<std::size_t>(taken, 1), received - consumed);
                ASSERT_GT(count, 0u);
                buffer.consume(count);
                consumed += count;
            }
            EXPECT_TRUE(buffer.empty());
        }
    }
}

TEST(InputBuffer, ViewsIntoTheRestStayTrueWhenBytesAreConsumed) {
    input_buffer buffer;
    receive(buffer, "first second", 16385);
    auto rest = buffer.bytes().subspan(6);
    buffer.consume(6);
    EXPECT_EQ(buffer.bytes().data(), rest.data());
    EXPECT_EQ(as_text(rest), "second");
}

TEST(InputBuffer, MovesTheRestToTheFrontRatherThanGrow) {
    input_buffer buffer;
    auto sent = support::pattern(inline_bytes);
    ASSERT_EQ(receive(buffer, sent, 16385), inline_bytes);
    buffer.consume(inline_bytes - 3);
    EXPECT_EQ(buffer.room(16385).size(), inline_bytes - 3);
    EXPECT_EQ(as_text(buffer.bytes()), sent.substr(inline_bytes - 3));
}

TEST(InputBuffer, GivesTheHeapBackWhenEmpty) {
    input_buffer buffer;
    auto sent = support::pattern(3000);
    std::size_t held = 0;
    while (held < sent.size())
        held += receive(buffer, std::string_view(sent).substr(held), 16385);
    buffer.shrink();  // nothing: bytes are held
    EXPECT_EQ(as_text(buffer.bytes()), sent);
    buffer.consume(sent.size());
    EXPECT_GT(buffer.room(16385).size(), inline_bytes);
    buffer.shrink();
    EXPECT_EQ(buffer.room(16385).size(), inline_bytes);
    receive(buffer, "again", 16385);
    EXPECT_EQ(as_text(buffer.bytes()), "again");
}

}  // namespace
}  // namespace sluice::http
