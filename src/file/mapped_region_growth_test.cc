// What grow() does where bytes were lost, where the options count for the new pages, and where the
// kernel has several mappings.
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <sluice/mapped_region.h>

#include "file/mapping_faults.h"
#include "support/fault_script.h"
#include "support/pattern.h"
#include "support/temporary_file.h"
#include "sys/mapping.h"

namespace sluice {
namespace {

using support::difference;
using support::pattern;

// A load that the compiler cannot leave out.
std::byte touch(const std::byte& at) {
    return *static_cast<const volatile std::byte*>(&at);
}

class MappedRegionGrowth : public testing::Test {
  protected:
    MappedRegionGrowth() : source_(*file::open(written_.path(), {file_access::read_write})) {}

    mapped_region map(std::uint64_t size, const mapping_options& options) {
        auto mapped = mapped_region::map(source_.region(0, size), options);
        EXPECT_TRUE(mapped) << mapped.error().message();
        return *std::move(mapped);
    }
    // One that has free address space behind it: mapped until the kernel puts one right in front of
    // a reservation, which is given up then.
    mapped_region map_below_room(std::uint64_t size, const mapping_options& options) {
        constexpr std::size_t room = 1 << 20;
        auto* reserved = ::mmap(nullptr, room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        std::vector<mapped_region> others;
        for (int count = 0; count < 10'000; ++count) {
            auto mapped = map(size, options);
            bool found = mapped.bytes().data() + size == reserved;
            others.push_back(std::move(mapped));
            if (found) break;
        }
        ::munmap(reserved, room);
        return std::move(others.back());
    }
    void grow_after_the_loss_of_everything(mapping_mode mode) {
        auto mapped = map_below_room(page_, {.mode = mode});
        auto early = mapped.bytes();
        auto held = mapped;
        written_.resize(0);
        EXPECT_EQ(touch(early[0]), std::byte{0});
        written_.write_at(0, content_);
        ASSERT_TRUE(mapped.grow(content_.size()));
        EXPECT_TRUE(mapped.check(0, mapped.size())) << "a new mapping has lost nothing";
        EXPECT_EQ(difference(std::string(as_text(mapped.bytes())), content_), "");
        EXPECT_FALSE(held.check(0, page_));
        if (mode == mapping_mode::read_only) return;
        ASSERT_TRUE(mapped.write_at(9 * page_, as_bytes("into the file")));
        ASSERT_TRUE(mapped.flush(9 * page_, 13));
        EXPECT_EQ(written_.content().substr(9 * page_, 13), "into the file");
    }

    const std::size_t page_ = sys::page_size();
    std::string content_ = pattern(16 * page_);
    support::temporary_file written_{content_};
    file source_;
};

TEST_F(MappedRegionGrowth, LossOfEverythingMakesANewMapping) {
    grow_after_the_loss_of_everything(mapping_mode::read_only);
    grow_after_the_loss_of_everything(mapping_mode::read_write);
}

TEST_F(MappedRegionGrowth, LossOfAPartMakesANewMapping) {
    auto mapped = map(4 * page_, {.mode = mapping_mode::read_write});
    written_.resize(2 * page_);
    touch(mapped.bytes()[3 * page_]);
    written_.write_at(0, content_);
    ASSERT_TRUE(mapped.grow(content_.size()));
    EXPECT_TRUE(mapped.check(0, mapped.size()));
    EXPECT_EQ(difference(std::string(as_text(mapped.bytes())), content_), "");
}

TEST_F(MappedRegionGrowth, CopyOnWriteThatHasLostBytesSaysSo) {
    for (bool lent : {false, true}) {
        auto mapped = map_below_room(page_, {.mode = mapping_mode::copy_on_write});
        auto held = lent ? mapped.whole() : buffer_slice();
        written_.resize(0);
        touch(mapped.bytes()[0]);
        written_.write_at(0, content_);
        auto grown = mapped.grow(content_.size());
        ASSERT_FALSE(grown);
        EXPECT_TRUE(grown.error().is(ENODATA)) << grown.error().message();
        EXPECT_EQ(mapped.size(), page_);
        ASSERT_TRUE(mapped.refresh());
        EXPECT_EQ(as_text(mapped.bytes()), content_.substr(0, page_));
        if (lent) continue;
        ASSERT_TRUE(mapped.grow(content_.size()));
        EXPECT_EQ(difference(std::string(as_text(mapped.bytes())), content_), "");
    }
}

TEST_F(MappedRegionGrowth, CopyOnWriteOfSeveralMappingsIsBusy) {
    auto mapped = map(4 * page_, {.mode = mapping_mode::copy_on_write});
    ASSERT_TRUE(mapped.write_at(5, as_bytes("mine")));
    ASSERT_TRUE(mapped.advise(mapping_advice::random, 0, page_));
    auto grown = mapped.grow(8 * page_);
    ASSERT_FALSE(grown);
    EXPECT_TRUE(grown.error().is(EBUSY)) << grown.error().message();
    EXPECT_EQ(as_text(mapped.bytes()).substr(5, 4), "mine");
    // It is guarded as before.
    written_.resize(page_);
    touch(mapped.bytes()[2 * page_]);
    EXPECT_TRUE(mapped.fault_in(2 * page_, 1));
    written_.write_at(0, content_);
    ASSERT_TRUE(mapped.refresh());
    ASSERT_TRUE(mapped.advise(mapping_advice::normal, 0, 4 * page_));
    EXPECT_EQ(as_text(mapped.bytes()).substr(5, 4), "mine");
}

TEST_F(MappedRegionGrowth, OptionsCountForTheNewPages) {
    for (auto mode : {mapping_mode::read_only, mapping_mode::copy_on_write}) {
        auto mapped = map_below_room(2 * page_, {.mode = mode, .populate = true});
        support::fault_script faults;
        ASSERT_TRUE(mapped.grow(8 * page_));
        EXPECT_EQ(faults.count(sys::call::mmap), 0u) << "in place, or moved";
        EXPECT_EQ(faults.count(sys::call::madvise), 1u);
        faults.fail(sys::call::madvise, EIO);
        auto grown = mapped.grow(16 * page_);
        ASSERT_FALSE(grown);
        EXPECT_TRUE(grown.error().is(EIO));
        faults.clear();
        EXPECT_EQ(mapped.size(), 8 * page_);
        EXPECT_EQ(as_text(mapped.bytes()), content_.substr(0, 8 * page_));
        ASSERT_TRUE(mapped.grow(16 * page_));
        EXPECT_EQ(difference(std::string(as_text(mapped.bytes())), content_), "");
    }
}

TEST_F(MappedRegionGrowth, NoNewPageNeedsNothing) {
    auto mapped = map(100, {.populate = true});
    auto* before = mapped.bytes().data();
    support::fault_script faults;
    ASSERT_TRUE(mapped.grow(page_));
    EXPECT_EQ(mapped.bytes().data(), before);
    EXPECT_EQ(faults.count(sys::call::madvise), 0u);
    EXPECT_EQ(as_text(mapped.bytes()), content_.substr(0, page_));
}

}  // namespace
}  // namespace sluice
