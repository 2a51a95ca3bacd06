// Sharing blocks, on file systems that can.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <sluice/file_transfer.h>

#include "support/delivery.h"
#include "support/pattern.h"
#include "support/scratch_filesystem.h"
#include "sys/files.h"

namespace sluice {
namespace {

using support::difference;
using support::filesystem_kind;
using support::pattern;
using support::scratch_filesystem;

constexpr std::size_t block = 4096;

class Reflink : public testing::TestWithParam<filesystem_kind> {
  protected:
    void SetUp() override {
        auto made = scratch_filesystem::make(GetParam());
        if (!made) GTEST_SKIP() << made.error().message();
        place_ = std::make_unique<scratch_filesystem>(*std::move(made));
        from_ = open("from");
        to_ = open("to");
        ASSERT_TRUE(from_->write_at(0, as_bytes(content_)));
    }
    [[nodiscard]] file open(const std::string& name) const {
        auto path = place_->path() + "/" + name;
        auto opened = sys::open(path, O_RDWR | O_CREAT, 0600);
        EXPECT_TRUE(opened) << opened.error().message();
        return file(*std::move(opened), path);
    }
    [[nodiscard]] std::string written(std::uint64_t position, std::size_t size) const {
        std::string got(size, '\0');
        auto count = to_->read_at(position, std::as_writable_bytes(std::span(got)));
        EXPECT_TRUE(count);
        got.resize(*count);
        return got;
    }

    std::string content_ = pattern(100 * block + 123);
    std::unique_ptr<scratch_filesystem> place_;
    std::optional<file> from_;
    std::optional<file> to_;
};

TEST_P(Reflink, WholeFileSharesItsBlocks) {
    auto made = transfer_to(from_->region(0, content_.size()), *sink::at(*to_, 0));
    ASSERT_TRUE(made.done()) << made.failed->message();
    EXPECT_EQ(made.way, mechanism::reflink);
    EXPECT_EQ(made.costs.of(mechanism::reflink).bytes, content_.size());
    EXPECT_EQ(made.costs.fallback_count, 0u);
    EXPECT_EQ(difference(written(0, content_.size() + 1), content_), "");
    ASSERT_TRUE(to_->write_at(0, as_bytes("x")));
    std::byte first{};
    ASSERT_TRUE(from_->read_at(0, {&first, 1}));
    EXPECT_EQ(as_text({&first, 1}), content_.substr(0, 1)) << "a write to one shows in the other";
}

TEST_P(Reflink, WholeBlocksAreSharedAndTheRestIsCopied) {
    refused_ways remembered;
    auto made = transfer_to(from_->region(2 * block, 10 * block + 100), *sink::at(*to_, block),
                            {.remembered = &remembered});
    ASSERT_TRUE(made.done()) << made.failed->message();
    EXPECT_EQ(made.costs.of(mechanism::reflink).bytes, 10 * block);
    EXPECT_EQ(made.costs.of(mechanism::copy_file_range).bytes, 100u);
    EXPECT_EQ(difference(written(block, 11 * block), content_.substr(2 * block, 10 * block + 100)),
              "");
    EXPECT_FALSE(remembered.sending.contains(mechanism::reflink)) << "the next may be aligned";
}

TEST_P(Reflink, BetweenBlocksIsCopied) {
    auto made = transfer_to(from_->region(1, 10 * block), *sink::at(*to_, 0));
    ASSERT_TRUE(made.done()) << made.failed->message();
    EXPECT_EQ(made.way, mechanism::copy_file_range);
    EXPECT_EQ(difference(written(0, 11 * block), content_.substr(1, 10 * block)), "");
}

TEST_P(Reflink, AtTheCursorMovesIt) {
    auto made = transfer_to(from_->region(0, content_.size()), *sink::of(to_->fd()));
    ASSERT_TRUE(made.done()) << made.failed->message();
    EXPECT_EQ(made.way, mechanism::reflink);
    EXPECT_EQ(::lseek(to_->fd(), 0, SEEK_CUR), static_cast<off_t>(content_.size()));
}

// More than one call can move, and more than 32 bits can count.
TEST_P(Reflink, FiveGibibytes) {
    constexpr std::uint64_t size = (std::uint64_t{5} << 30) + 123;
    ASSERT_TRUE(from_->truncate(size));
    ASSERT_TRUE(from_->write_at(size - 4, as_bytes("last")));
    auto made = transfer_to(from_->region(0, size), *sink::at(*to_, 0));
    ASSERT_TRUE(made.done()) << made.failed->message();
    EXPECT_EQ(made.bytes, size);
    EXPECT_EQ(made.costs.of(mechanism::reflink).bytes, size);
    EXPECT_EQ(*to_->size(), size);
    EXPECT_EQ(written(size - 4, 5), "last");
}

TEST_P(Reflink, RangeBehindTheEnd) {
    auto made = transfer_to(from_->region(99 * block, 10 * block), *sink::at(*to_, 0));
    EXPECT_EQ(made.state, transfer_state::source_ended);
    EXPECT_EQ(made.bytes, block + 123);
    EXPECT_EQ(difference(written(0, 3 * block), content_.substr(99 * block)), "");
}

INSTANTIATE_TEST_SUITE_P(On, Reflink, testing::Values(filesystem_kind::btrfs, filesystem_kind::xfs),
                         [](const auto& each) {
                             return std::string(support::name_of(each.param));
                         });

}  // namespace
}  // namespace sluice
