#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <sluice/buffer_slice.h>

namespace sluice {
namespace {

// Lends bytes and tells when they are given back.
class lent_text final : public storage {
  public:
    lent_text(std::string text, int& released) : text_(std::move(text)), released_(released) {}
    [[nodiscard]] bytes_view bytes() const { return as_bytes(text_); }

  private:
    void release() noexcept override {
        ++released_;
        delete this;
    }
    std::string text_;
    int& released_;
};

buffer_slice lend(std::string text, int& released) {
    auto* lent = new lent_text(std::move(text), released);
    return buffer_slice::adopt(lent->bytes(), lent);
}

TEST(BufferSlice, ReleasesItsStorageWithTheLastOwner) {
    int released = 0;
    {
        auto whole = lend("abcdef", released);
        buffer_slice copy = whole;
        auto part = whole.slice(2, 3);
        whole = {};
        EXPECT_EQ(released, 0);
        EXPECT_EQ(copy.text(), "abcdef");
        copy = {};
        EXPECT_EQ(released, 0);
        EXPECT_EQ(part.text(), "cde");
    }
    EXPECT_EQ(released, 1);
}

TEST(BufferSlice, EmptySliceKeepsItsStorageToo) {
    int released = 0;
    auto whole = lend("abc", released);
    auto nothing = whole.slice(3, 0);
    whole = {};
    EXPECT_TRUE(nothing.empty());
    EXPECT_EQ(released, 0);
    nothing = {};
    EXPECT_EQ(released, 1);
}

TEST(BufferSlice, AssignmentReleasesWhatItHeld) {
    int first_released = 0;
    int second_released = 0;
    auto slice = lend("first", first_released);
    slice = lend("second", second_released);
    EXPECT_EQ(first_released, 1);
    auto& same = slice;
    slice = same;
    EXPECT_EQ(slice.text(), "second");
    EXPECT_EQ(second_released, 0);
}

TEST(BufferSlice, MoveLeavesAnEmptySlice) {
    int released = 0;
    auto one = lend("abc", released);
    auto other = std::move(one);
    EXPECT_TRUE(one.empty());
    EXPECT_EQ(one.data(), nullptr);
    EXPECT_EQ(other.text(), "abc");
    other = {};
    EXPECT_EQ(released, 1);
}

TEST(BufferSlice, EveryRangeOfASlice) {
    const std::string text = "abcdefgh";
    auto whole = buffer_slice::copy_of(as_bytes(text));
    auto copied_before = bytes_copied_by_thread();
    for (std::size_t from = 0; from <= text.size(); ++from) {
        for (std::size_t count = 0; count <= text.size() - from; ++count) {
            auto part = whole.slice(from, count);
            ASSERT_EQ(part.text(), text.substr(from, count));
            ASSERT_EQ(part.data(), whole.data() + from);
            auto trimmed = whole;
            trimmed.trim_front(from);
            trimmed.trim_back(trimmed.size() - count);
            ASSERT_EQ(trimmed.text(), part.text());
        }
    }
    EXPECT_EQ(bytes_copied_by_thread(), copied_before);
}

TEST(BufferSlice, StaticTextIsNeitherCopiedNorCounted) {
    static constexpr char text[] = "literal";
    auto copied_before = bytes_copied_by_thread();
    auto slice = buffer_slice::of_static(text);
    auto part = slice.slice(1, 3);
    EXPECT_EQ(slice.bytes().data(), as_bytes(text).data());
    EXPECT_EQ(part.text(), "ite");
    EXPECT_EQ(bytes_copied_by_thread(), copied_before);
}

TEST(BufferSlice, CopyOfIsOneCountedCopy) {
    std::string text = "abc";
    auto copied_before = bytes_copied_by_thread();
    auto slice = buffer_slice::copy_of(as_bytes(text));
    EXPECT_EQ(bytes_copied_by_thread() - copied_before, 3u);
    text = "xyz";
    EXPECT_EQ(slice.text(), "abc");
    EXPECT_TRUE(buffer_slice::copy_of({}).empty());
}

TEST(BufferSlice, WithinKeepsTheCallersObject) {
    auto owner = std::make_shared<std::vector<char>>(5, 'x');
    std::weak_ptr watched = owner;
    bytes_view bytes = std::as_bytes(std::span(*owner));
    auto slice = buffer_slice::within(std::move(owner), bytes.subspan(1));
    EXPECT_FALSE(watched.expired());
    EXPECT_EQ(slice.text(), "xxxx");
    EXPECT_EQ(slice.data(), bytes.data() + 1);
    auto part = slice.slice(0, 1);
    slice = {};
    EXPECT_FALSE(watched.expired());
    part = {};
    EXPECT_TRUE(watched.expired());
}

// For ThreadSanitizer: the owners of one storage come and go in several threads.
TEST(BufferSlice, IsSharedBetweenThreads) {
    int released = 0;
    std::atomic<int> mismatches{0};
    {
        auto whole = lend(std::string(1000, 'x'), released);
        std::vector<std::jthread> threads;
        for (std::size_t number = 0; number < 4; ++number) {
            threads.emplace_back([own = whole, number, &mismatches]() mutable {
                for (std::size_t count = 0; count < 2000; ++count) {
                    auto part = own.slice((number + count) % 990, 10);
                    auto copy = part;
                    if (copy.text() != "xxxxxxxxxx") ++mismatches;
                }
                own = {};
            });
        }
        whole = {};
    }
    EXPECT_EQ(mismatches, 0);
    EXPECT_EQ(released, 1);
}

}  // namespace
}  // namespace sluice
