#include <array>
#include <optional>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>

#include <sluice/file.h>
#include <sluice/file_region.h>

#include "support/fault_script.h"
#include "support/pattern.h"
#include "support/temporary_file.h"

namespace sluice {
namespace {

using support::fault_script;
using support::pattern;
using support::temporary_file;

std::string read_text(const file& source, std::uint64_t position, std::size_t count) {
    std::string text(count, '?');
    auto got = source.read_at(position, std::as_writable_bytes(std::span(text)));
    EXPECT_TRUE(got) << got.error().message();
    text.resize(got ? *got : 0);
    return text;
}

TEST(File, ReadsAtEveryPosition) {
    auto content = pattern(50);
    temporary_file written(content);
    auto opened = written.open();
    for (std::size_t position = 0; position <= 60; ++position) {
        auto wanted = position < content.size() ? content.substr(position, 20) : "";
        EXPECT_EQ(read_text(opened, position, 20), wanted) << position;
    }
    EXPECT_EQ(read_text(opened, 3, 0), "");
}

TEST(File, ReadsOnAfterShortReads) {
    auto content = pattern(1000);
    temporary_file written(content);
    auto opened = written.open();
    fault_script faults;
    faults.cut(sys::call::pread, 7);
    EXPECT_EQ(read_text(opened, 1, 500), content.substr(1, 500));
    EXPECT_EQ(read_text(opened, 900, 500), content.substr(900));
}

TEST(File, ReadsBeyond32Bits) {
    constexpr auto position = (std::uint64_t{1} << 32) + 3;
    temporary_file written;
    written.write_at(position, "far");
    auto opened = written.open();
    EXPECT_EQ(read_text(opened, position - 2, 10), std::string(2, '\0') + "far");
    EXPECT_EQ(opened.size(), position + 3);
}

TEST(File, KnowsItsSizeAsItIsNow) {
    temporary_file written("abc");
    auto opened = written.open();
    EXPECT_EQ(opened.size(), 3u);
    written.resize(10);
    EXPECT_EQ(opened.size(), 10u);
}

TEST(File, MissingFileIsAnErrorWithItsName) {
    support::temporary_directory folder;
    auto opened = file::open(folder.path() + "/missing");
    ASSERT_FALSE(opened);
    EXPECT_TRUE(opened.error().is(ENOENT));
    EXPECT_EQ(opened.error().message(),
              "open " + folder.path() + "/missing: No such file or directory");
}

TEST(File, ErrorsNameTheFile) {
    temporary_file written("abc");
    auto opened = written.open();
    fault_script faults;
    faults.fail(sys::call::pread, EIO);
    faults.fail(sys::call::stat, EIO);
    std::array<std::byte, 3> room{};
    auto got = opened.read_at(0, room);
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().object(), written.path());
    EXPECT_EQ(got.error().operation(), "preadv");
    auto size = opened.size();
    ASSERT_FALSE(size);
    EXPECT_EQ(size.error().object(), written.path());
}

TEST(File, OpeningCanFail) {
    temporary_file written("abc");
    fault_script faults;
    faults.fail(sys::call::open, EMFILE, 1);
    auto opened = file::open(written.path());
    ASSERT_FALSE(opened);
    EXPECT_TRUE(opened.error().is(EMFILE));
    EXPECT_TRUE(file::open(written.path()));
}

TEST(File, ClosesWithItsLastCopyAndRegion) {
    temporary_file written("abc");
    auto one = std::make_optional(written.open());
    int fd = one->fd();
    auto copy = one;
    auto region = std::make_optional(one->region(1, 2));
    one.reset();
    copy.reset();
    EXPECT_GE(::fcntl(fd, F_GETFD), 0);
    EXPECT_EQ(read_text(region->source(), region->position(), 2), "bc");
    region.reset();
    EXPECT_LT(::fcntl(fd, F_GETFD), 0);
}

TEST(File, IsNotInherited) {
    temporary_file written("abc");
    EXPECT_EQ(::fcntl(written.open().fd(), F_GETFD), FD_CLOEXEC);
}

TEST(File, IsReadByThreadsTogether) {
    auto content = pattern(100'000);
    temporary_file written(content);
    auto opened = written.open();
    std::vector<std::jthread> threads;
    for (std::size_t number = 0; number < 4; ++number) {
        threads.emplace_back([opened, number, &content] {
            for (std::size_t at = number; at + 100 < content.size(); at += 997)
                ASSERT_EQ(read_text(opened, at, 100), content.substr(at, 100));
        });
    }
}

TEST(FileRegion, SlicesAndTrims) {
    temporary_file written("abc");
    auto region = written.open().region(10, 20);
    EXPECT_EQ(region.end_position(), 30u);
    auto part = region.slice(5, 10);
    EXPECT_EQ(part.position(), 15u);
    EXPECT_EQ(part.size(), 10u);
    EXPECT_EQ(part.fd(), region.fd());
    part.trim_front(10);
    EXPECT_EQ(part.position(), 25u);
    EXPECT_EQ(part.size(), 0u);
    EXPECT_EQ(region.slice(20, 0).size(), 0u);
    EXPECT_EQ(region.source().name(), written.path());
}

}  // namespace
}  // namespace sluice
