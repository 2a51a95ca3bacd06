#include <atomic>
#include <cstdint>
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

TEST(BufferSlice, WithinSaysWhatTheOwnerKeeps) {
    auto owner = std::make_shared<std::vector<char>>(50'000, 'x');
    bytes_view bytes = std::as_bytes(std::span(*owner));
    EXPECT_EQ(buffer_slice::within(owner, bytes.first(10)).retained(), 10u);
    auto slice = buffer_slice::within(owner, bytes.first(10), owner->size());
    EXPECT_EQ(slice.retained(), 50'000u);
    EXPECT_EQ(slice.compacted().retained(), 10u);
    EXPECT_EQ(slice.text(), "xxxxxxxxxx");
}

TEST(BufferSlice, OfObjectCallsItsReleaseOnce) {
    int released = 0;
    auto slice = buffer_slice::of_object(as_bytes("object"), [&released] { ++released; });
    EXPECT_EQ(slice.retained(), 6u);
    auto part = slice.slice(1, 2);
    slice = {};
    EXPECT_EQ(released, 0);
    EXPECT_EQ(part.text(), "bj");
    part = {};
    EXPECT_EQ(released, 1);
}

TEST(BufferSlice, SliceOfAGivenUpSliceTakesItsOwnership) {
    int released = 0;
    auto whole = lend("abcdef", released);
    auto part = std::move(whole).slice(1, 3);
    EXPECT_TRUE(whole.empty());
    EXPECT_EQ(whole.data(), nullptr);
    EXPECT_EQ(part.text(), "bcd");
    part = {};
    EXPECT_EQ(released, 1);
}

TEST(BufferSlice, SplitsAtEveryByte) {
    const std::string text = "abcdefgh";
    for (std::size_t count = 0; count <= text.size(); ++count) {
        auto rest = buffer_slice::copy_of(as_bytes(text));
        auto front = rest.split_front(count);
        EXPECT_EQ(front.text(), text.substr(0, count));
        EXPECT_EQ(rest.text(), text.substr(count));
    }
}

TEST(BufferSlice, ComparesItsBytes) {
    auto one = buffer_slice::of_static("abc");
    EXPECT_EQ(one, buffer_slice::copy_of(as_bytes("abc")));
    EXPECT_NE(one, buffer_slice::of_static("abd"));
    EXPECT_LT(one, buffer_slice::of_static("abcd"));
    EXPECT_GT(buffer_slice::of_static("\x80"), buffer_slice::of_static("a"));
    EXPECT_EQ(buffer_slice(), buffer_slice::of_static(""));
    EXPECT_LT(buffer_slice(), one);
    EXPECT_TRUE(one.starts_with(as_bytes("ab")));
    EXPECT_FALSE(one.starts_with(as_bytes("abcd")));
    EXPECT_TRUE(one.ends_with(as_bytes("bc")));
}

TEST(BufferSlice, FindsWhatATextFinds) {
    const std::string text = "abababcab";
    auto slice = buffer_slice::of_static(text);
    for (std::string wanted : {"", "a", "ab", "abc", "cab", "x", "abababcabx", "bc"}) {
        for (std::size_t from = 0; from <= text.size(); ++from) {
            auto expected = text.find(wanted, from);
            auto found = slice.find(as_bytes(wanted), from);
            ASSERT_EQ(found.value_or(std::string::npos), expected) << wanted << " from " << from;
            if (wanted.size() != 1) continue;
            found = slice.find(static_cast<std::byte>(wanted[0]), from);
            ASSERT_EQ(found.value_or(std::string::npos), expected) << wanted << " from " << from;
        }
    }
    EXPECT_FALSE(buffer_slice().find(std::byte{0}));
    EXPECT_EQ(buffer_slice().find(bytes_view()), 0u);
}

TEST(BufferSlice, GetsNumbersAtAnyPlace) {
    auto slice = buffer_slice::of_static("\x01\x02\x03\x04\x05");
    EXPECT_EQ(slice.get_be<std::uint16_t>(1), 0x0203);
    EXPECT_EQ(slice.get_le<std::uint32_t>(1), 0x05040302u);
    EXPECT_EQ(slice.get_be<std::uint8_t>(4), 5);
}

TEST(BufferSlice, SaysWhatItRetainsAndCompactsByName) {
    EXPECT_EQ(buffer_slice::of_static("literal").retained(), 0u);
    auto large = buffer_slice::copy_of(as_bytes(std::string(100'000, 'x')));
    auto small = large.slice(500, 10);
    EXPECT_EQ(small.retained(), 100'000u);
    auto copied_before = bytes_copied_by_thread();
    auto compact = small.compacted();
    EXPECT_EQ(bytes_copied_by_thread() - copied_before, 10u);
    EXPECT_EQ(compact.text(), small.text());
    EXPECT_EQ(compact.retained(), 10u);
    // What shows a quarter of what it keeps, or wastes little, stays as it is.
    EXPECT_EQ(large.slice(0, 25'001).compacted().data(), large.data());
    EXPECT_NE(large.slice(0, 25'000).compacted().data(), large.data());
    auto page = buffer_slice::copy_of(as_bytes(std::string(4096, 'x')));
    EXPECT_EQ(page.slice(0, 1).compacted().data(), page.data());
    EXPECT_NE(page.slice(0, 1).compacted({.waste_min = 1}).data(), page.data());
    EXPECT_EQ(page.compacted({.waste_min = 0, .ratio_min = 1}).data(), page.data());
    EXPECT_TRUE(large.slice(7, 0).compacted().empty());
    // No ratio: the waste alone decides.
    retention_policy by_waste{.ratio_min = 0};
    EXPECT_EQ(large.slice(1, large.size() - 1).compacted(by_waste).data(), large.data() + 1);
    EXPECT_NE(large.slice(0, large.size() - 4096).compacted(by_waste).data(), large.data());
    EXPECT_EQ(large.slice(7, 0).compacted().retained(), 0u);
}

// Counts like one that is bound to a thread, and shows it.
class bound_text final : public storage {
  public:
    explicit bound_text(int& released) : released_(released) { bind_to_thread(); }

  private:
    void release() noexcept override {
        ++released_;
        delete this;
    }
    int& released_;
};

TEST(BufferSlice, ThreadBoundStorageIsSharedByName) {
    int released = 0;
    auto* bound = new bound_text(released);
    auto slice = buffer_slice::adopt(as_bytes("bound"), bound);
    auto copy = slice;
    EXPECT_TRUE(bound->is_thread_bound());
    slice.share();
    EXPECT_FALSE(bound->is_thread_bound());
    std::vector<std::jthread> threads;
    for (int number = 0; number < 3; ++number) {
        threads.emplace_back([own = copy]() mutable {
            for (int count = 0; count < 1000; ++count)
                auto again = own;
            own = {};
        });
    }
    copy = {};
    slice = {};
    threads.clear();
    EXPECT_EQ(released, 1);
}

// A page that a whole server shares: nobody changes the slice, so everybody may copy from it.
TEST(BufferSlice, SeveralThreadsCopyFromOneObject) {
    int released = 0;
    {
        const auto page = lend("page", released);
        std::vector<std::jthread> threads;
        for (std::size_t number = 0; number < 4; ++number) {
            threads.emplace_back([&page] {
                for (std::size_t count = 0; count < 20'000; ++count) {
                    buffer_slice copy = page;
                    ASSERT_EQ(copy.size(), 4u);
                }
            });
        }
    }
    EXPECT_EQ(released, 1);
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
