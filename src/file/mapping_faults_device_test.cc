// Faults that a device brings about, on file systems made for the purpose: needs root, and skips
// with the reason where it cannot make them.
#include <string>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <sluice/file_region.h>
#include <sluice/mapped_region.h>

#include "support/mounted.h"
#include "support/pattern.h"
#include "support/temporary_file.h"
#include "sys/files.h"
#include "sys/mapping.h"

namespace sluice {
namespace {

using support::mounted;
using support::pattern;
using support::run;
using support::temporary_directory;

const std::size_t page = sys::page_size();

file make_file(const std::string& path, const std::string& content) {
    auto made =
        file::open(path, {.access = file_access::read_write, .create = file_creation::must_be_new});
    EXPECT_TRUE(made) << made.error().message();
    EXPECT_TRUE(made->write_at(0, as_bytes(content)));
    return *std::move(made);
}

// A loop device reads what lies behind the end of its backing file as an I/O error.
TEST(MappingFaultsOnADevice, UnreadablePageIsAnErrorAtItsAccess) {
    constexpr std::size_t pages = 64;
    temporary_directory folder;
    auto image = folder.path() + "/image";
    if (::geteuid() != 0) GTEST_SKIP() << "mounting needs root";
    if (run("truncate -s 16M " + image + " && mkfs.ext4 -b 4096 -O ^has_journal " + image) != 0)
        GTEST_SKIP() << "no mkfs.ext4 here";
    mounted disk("-o loop " + image);
    if (!disk.there()) GTEST_SKIP() << "no loop device can be mounted here";
    auto content = pattern(pages * page);
    auto source = make_file(disk.path("file"), content);
    ASSERT_TRUE(source.sync());
    int block = pages / 2;  // in: of the file, out: of the device
    if (::ioctl(source.fd(), FIBMAP, &block) != 0) GTEST_SKIP() << "no FIBMAP here";
    ASSERT_TRUE(sys::drop_from_page_cache(source.fd()));
    ASSERT_EQ(::truncate(image.c_str(), static_cast<off_t>(block) * 4096), 0);
    run("blockdev --flushbufs $(losetup -j " + image + " -O NAME -n)");

    auto mapped =
        mapped_region::map(source.region(0, content.size()), {.advice = mapping_advice::random});
    ASSERT_TRUE(mapped) << mapped.error().message();
    std::string room(page, '?');
    auto to = std::as_writable_bytes(std::span(room));
    auto got = mapped->read_at((pages / 2 + 3) * page, to);
    ASSERT_FALSE(got) << "the loop device reads what its file no longer has";
    EXPECT_TRUE(got.error().is(EIO)) << got.error().message();
    EXPECT_NE(got.error().message().find(disk.path("file") + ", byte " +
                                         std::to_string((pages / 2 + 3) * page)),
              std::string::npos)
        << got.error().message();
    ASSERT_TRUE(mapped->read_at(0, to)) << "the pages in front are there";
    EXPECT_EQ(room, content.substr(0, page));
    EXPECT_EQ(mapping_fault_of(mapped->bytes())->reason, EIO);

    ASSERT_EQ(::truncate(image.c_str(), 16 << 20), 0);  // the device is whole again
    ASSERT_TRUE(mapped->refresh());
    EXPECT_TRUE(mapped->read_at((pages / 2 + 3) * page, to));
    EXPECT_TRUE(mapped->check(0, content.size()));
}

// A store into a hole takes a block, and there is none.
TEST(MappingFaultsOnADevice, StoreThatFindsTheDiskFullIsAnErrorAtItsAccess) {
    if (::geteuid() != 0) GTEST_SKIP() << "mounting needs root";
    mounted disk("-t tmpfs -o size=256k tmpfs");
    if (!disk.there()) GTEST_SKIP() << "no tmpfs can be mounted here";
    auto source = make_file(disk.path("sparse"), "");
    ASSERT_TRUE(source.truncate(1 << 20));
    mapping_options writing{.mode = mapping_mode::read_write};
    auto mapped = mapped_region::map(source.region(0, 1 << 20), writing);
    ASSERT_TRUE(mapped) << mapped.error().message();
    std::size_t at = 0;
    auto stored = mapped->write_at(at, as_bytes("x"));
    while (stored && at < (1 << 20) - page)
        stored = mapped->write_at(at += page, as_bytes("x"));
    ASSERT_FALSE(stored);
    EXPECT_TRUE(stored.error().is(EIO)) << stored.error().message();
    EXPECT_EQ(at, 256 * 1024u);
    EXPECT_TRUE(mapped->check(0, at)) << "what was stored before is whole";
    EXPECT_EQ(mapped->bytes()[at - page], std::byte{'x'});

    writing.extend = true;
    auto extended = mapped_region::map(source.region(0, 1 << 20), writing);
    ASSERT_FALSE(extended) << "with space taken first it shows here";
    EXPECT_TRUE(extended.error().is(ENOSPC));
}

}  // namespace
}  // namespace sluice
