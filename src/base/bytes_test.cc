#include <array>

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

}  // namespace
}  // namespace sluice
