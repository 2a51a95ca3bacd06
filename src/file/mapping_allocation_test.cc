// Every allocation of the mappings' bookkeeping fails once: std::bad_alloc comes out and nothing
// else, what there was stays as it was, and nothing stays mapped.
#include <filesystem>
#include <fstream>
#include <new>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <sluice/file_region.h>
#include <sluice/mapped_appender.h>
#include <sluice/mapped_region.h>

#include "support/failing_allocation.h"
#include "support/fault_script.h"
#include "support/pattern.h"
#include "support/temporary_file.h"
#include "sys/mapping.h"

namespace sluice {
namespace {

using support::fail_each_allocation;
using support::pattern;

const std::size_t page = sys::page_size();

std::size_t mappings_of(const std::string& path) {
    std::ifstream maps("/proc/self/maps");
    std::size_t found = 0;
    for (std::string line; std::getline(maps, line);) {
        if (line.find(path) != line.npos) ++found;
    }
    return found;
}

// True when it threw.
template <typename Attempt>
bool throws(Attempt attempt) {
    try {
        attempt();
    } catch (const std::bad_alloc&) {
        return true;
    }
    return false;
}

TEST(MappingAllocations, MappingThatFailsLeavesNothingMapped) {
    support::temporary_file written(pattern(4 * page));
    auto source = written.open();
    // More mappings than the program ever had, so that each one needs a watch of its own.
    std::vector<mapped_region> kept;
    kept.reserve(100);
    std::vector<std::size_t> failed_with;
    failed_with.reserve(100);
    auto failed = fail_each_allocation([&] {
        if (throws([&] { kept.push_back(*mapped_region::map(source.region(0, page))); }))
            failed_with.push_back(kept.size());
    });
    EXPECT_GE(failed, 2u) << "the mapping and its watch";
    EXPECT_EQ(failed_with.size(), failed);
    EXPECT_EQ(kept.size(), 1u);
    EXPECT_EQ(mappings_of(written.path()), 1u);
    kept.clear();
    EXPECT_EQ(mappings_of(written.path()), 0u);
}

TEST(MappingAllocations, GrowthThatFailsLeavesTheRegionAsItWas) {
    auto content = pattern(4 * page);
    support::temporary_file written(content);
    auto source = written.open();
    support::fault_script faults;
    faults.fail(sys::call::mremap, ENOMEM);
    fail_each_allocation([&] {
        mapped_region mapped;
        if (throws([&] { mapped = *mapped_region::map(source.region(10, page)); })) return;
        bool thrown = throws([&] { ASSERT_TRUE(mapped.grow(3 * page)); });
        EXPECT_EQ(mapped.size(), thrown ? page : 3 * page);
        EXPECT_EQ(as_text(mapped.bytes()), std::string_view(content).substr(10, mapped.size()));
    });
    EXPECT_EQ(mappings_of(written.path()), 0u);
}

TEST(MappingAllocations, ErrorsThatCannotBeMadeAreBadAllocToo) {
    support::temporary_file written(pattern(4 * page));
    auto mapped = mapped_region::map(written.open().region(0, 4 * page));
    ASSERT_TRUE(mapped);
    written.resize(page);
    auto failed =
        fail_each_allocation([&] { throws([&] { EXPECT_FALSE(mapped->check(2 * page, page)); }); });
    EXPECT_GE(failed, 1u);
    EXPECT_FALSE(mapped->check(2 * page, page));
}

TEST(MappingAllocations, AppendingLosesNothing) {
    support::temporary_directory folder;
    auto path = folder.path() + "/log";
    std::string oracle;
    auto record = pattern(page / 2 + 100);
    oracle.reserve(1 << 20);
    fail_each_allocation([&] {
        throws([&] {
            auto log = mapped_appender::open(path, {.window_size = page, .window_size_max = page});
            ASSERT_TRUE(log) << log.error().message();
            EXPECT_EQ(log->length(), oracle.size());
            for (int count = 0; count < 3; ++count) {
                ASSERT_TRUE(log->append(record));
                oracle += record;
                EXPECT_TRUE(log->slice(0, 10));
            }
            EXPECT_TRUE(log->sync());
            EXPECT_TRUE(log->close());
        });
    });
    auto log = mapped_appender::open(path);
    ASSERT_TRUE(log);
    ASSERT_EQ(log->length(), oracle.size());
    EXPECT_EQ(support::difference(std::string(log->slice(0, oracle.size())->text()), oracle), "");
}

}  // namespace
}  // namespace sluice
