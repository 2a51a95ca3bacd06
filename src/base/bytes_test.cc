#include <array>
#include <string>

#include <gtest/gtest.h>

#include <sluice/bytes.h>

namespace sluice {
namespace {

TEST(CopyBytes, CountsWhatItCopies) {
    std::array<std::byte, 8> target{};
    auto before = bytes_copied_by_thread();
    EXPECT_EQ(copy_bytes(target, as_bytes("abc")), 3u);
    EXPECT_EQ(bytes_copied_by_thread() - before, 3u);
    EXPECT_EQ(as_text(bytes_view(target).first(3)), "abc");
}

TEST(CopyBytes, AcceptsOverlappingAndEmptyRanges) {
    std::array<std::byte, 6> bytes{};
    copy_bytes(bytes, as_bytes("abcdef"));
    copy_bytes(bytes, writable_bytes(bytes).subspan(2));
    EXPECT_EQ(as_text(bytes), "cdefef");
    EXPECT_EQ(copy_bytes(bytes, {}), 0u);
}

TEST(CopySmallBytes, CopiesAndCountsEverySize) {
    std::string text;
    for (std::size_t i = 0; i < 200; ++i)
        text.push_back(static_cast<char>(i + 1));
    for (std::size_t size = 0; size <= 130; ++size) {
        std::array<std::byte, 132> target{};
        auto before = bytes_copied_by_thread();
        auto from = as_bytes(text).subspan(7, size);
        EXPECT_EQ(copy_small_bytes(writable_bytes(target).subspan(1, size), from), size);
        EXPECT_EQ(bytes_copied_by_thread() - before, size);
        EXPECT_EQ(as_text(bytes_view(target).subspan(1, size)), text.substr(7, size));
        EXPECT_EQ(target[0], std::byte{0});
        EXPECT_EQ(target[size + 1], std::byte{0}) << size;
    }
}

TEST(CopySmallBytes, RangesMayOverlapEitherWay) {
    for (std::size_t size = 0; size <= 70; ++size) {
        for (std::size_t apart = 0; apart <= 70; ++apart) {
            std::string forwards;
            for (std::size_t i = 0; i < size + apart; ++i)
                forwards.push_back(static_cast<char>('!' + i % 90));
            auto backwards = forwards;
            auto wanted_forwards = forwards.substr(0, size);
            auto wanted_backwards = forwards.substr(apart);
            auto bytes = std::as_writable_bytes(std::span(forwards));
            copy_small_bytes(bytes.subspan(apart), bytes.first(size));
            ASSERT_EQ(forwards.substr(apart), wanted_forwards) << size << " by " << apart;
            bytes = std::as_writable_bytes(std::span(backwards));
            copy_small_bytes(bytes, bytes.subspan(apart));
            ASSERT_EQ(backwards.substr(0, size), wanted_backwards) << size << " by " << apart;
        }
    }
}

}  // namespace
}  // namespace sluice
