#include <gtest/gtest.h>

#include <sluice/mapped_region.h>

#include "support/fault_script.h"
#include "support/pattern.h"
#include "support/temporary_file.h"

namespace sluice {
namespace {

using support::pattern;
using support::temporary_file;

TEST(MappedRegion, ShowsTheBytesAtAnyPosition) {
    auto content = pattern(20'000);
    temporary_file written(content);
    auto opened = written.open();
    auto copied_before = bytes_copied_by_thread();
    for (std::size_t position : {0, 1, 4095, 4096, 4097, 19'999}) {
        for (std::size_t size : {1, 4096, 9000}) {
            if (position + size > content.size()) continue;
            auto mapped = map_for_reading(opened.region(position, size));
            ASSERT_TRUE(mapped) << mapped.error().message();
            EXPECT_EQ(mapped->text(), content.substr(position, size)) << position;
        }
    }
    EXPECT_EQ(bytes_copied_by_thread(), copied_before);
}

TEST(MappedRegion, BeyondFourGib) {
    constexpr auto position = (std::uint64_t{1} << 32) + 4097;
    temporary_file written;
    written.write_at(position, "far");
    auto mapped = map_for_reading(written.open().region(position, 3));
    ASSERT_TRUE(mapped);
    EXPECT_EQ(mapped->text(), "far");
}

TEST(MappedRegion, LivesAsLongAsItsSlices) {
    temporary_file written("abcdef");
    auto mapped = map_for_reading(written.open().region(0, 6));  // the file is closed here
    ASSERT_TRUE(mapped);
    auto part = mapped->slice(2, 2);
    *mapped = {};
    EXPECT_EQ(part.text(), "cd");
}

TEST(MappedRegion, SeesWhatIsWrittenLater) {
    temporary_file written("abcdef");
    auto mapped = map_for_reading(written.open().region(0, 6));
    ASSERT_TRUE(mapped);
    written.write_at(1, "BC");
    EXPECT_EQ(mapped->text(), "aBCdef");
}

TEST(MappedRegion, NothingNeedsNoMapping) {
    support::fault_script faults;
    temporary_file written("abc");
    auto mapped = map_for_reading(written.open().region(1, 0));
    ASSERT_TRUE(mapped);
    EXPECT_TRUE(mapped->empty());
    EXPECT_EQ(faults.count(sys::call::mmap), 0u);
}

TEST(MappedRegion, FailureNamesTheFile) {
    temporary_file written("abc");
    support::fault_script faults;
    faults.fail(sys::call::mmap, ENOMEM);
    auto mapped = map_for_reading(written.open().region(0, 3));
    ASSERT_FALSE(mapped);
    EXPECT_TRUE(mapped.error().is(ENOMEM));
    EXPECT_EQ(mapped.error().object(), written.path());
}

}  // namespace
}  // namespace sluice
