#include "sys/files.h"

#include <algorithm>
#include <fstream>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "support/fault_script.h"
#include "support/temporary_file.h"

namespace sluice::sys {
namespace {

// A root with what tries to lead out of it.
class OpenAt : public testing::Test {
  protected:
    void SetUp() override {
        auto path = [this](const char* name) { return root_.path() + "/" + name; };
        std::ofstream(path("inside")) << "inside";
        ASSERT_EQ(::mkdir(path("folder").c_str(), 0700), 0);
        std::ofstream(path("folder/deep")) << "deep";
        link("inside", "link_inside");
        link("../inside", "folder/link_up_inside");
        link("/etc/passwd", "link_absolute");
        link("../../../../../../etc/passwd", "link_relative");
        link("/", "link_to_root");
        link("/proc/self/root", "link_to_magic");
        link(path("inside").c_str(), "link_absolute_inside");
        auto opened = open(root_.path(), O_PATH | O_DIRECTORY);
        ASSERT_TRUE(opened);
        directory_ = *std::move(opened);
    }
    void link(const char* to, const char* name) {
        ASSERT_EQ(::symlink(to, (root_.path() + "/" + name).c_str()), 0);
    }
    // 0 or the errno value.
    int open_inside(const std::string& path, resolve_options resolve = {}) {
        auto opened = open_at(directory_.get(), path, O_RDONLY, resolve);
        return opened ? 0 : opened.error().code().value();
    }

    support::temporary_directory root_;
    unique_fd directory_;
};

TEST_F(OpenAt, OpensWhatIsInside) {
    EXPECT_EQ(open_inside("inside"), 0);
    EXPECT_EQ(open_inside("folder/deep"), 0);
    EXPECT_EQ(open_inside("folder/../inside"), 0);
    EXPECT_EQ(open_inside("link_inside"), 0);
    EXPECT_EQ(open_inside("folder/link_up_inside"), 0);
    EXPECT_EQ(open_inside("."), 0);
    EXPECT_EQ(open_inside("missing"), ENOENT);
    EXPECT_EQ(open_inside("inside/below"), ENOTDIR);
}

TEST_F(OpenAt, RefusesEveryWayOut) {
    for (const char* path : {"..", "../", "folder/../..", "folder/../../etc/passwd", "/etc/passwd",
                             "/", "link_absolute", "link_relative", "link_to_root",
                             "link_to_root/etc/passwd", "link_absolute_inside"})
        EXPECT_EQ(open_inside(path), EXDEV) << path;
    EXPECT_NE(open_inside("link_to_magic/etc/passwd"), 0);
}

TEST_F(OpenAt, WithoutTheWallMagicLinksAreStillRefused) {
    EXPECT_EQ(open_inside("link_absolute", {.beneath = false}), 0);
    EXPECT_EQ(open_inside("link_to_magic/etc/passwd", {.beneath = false}), ELOOP);
}

TEST_F(OpenAt, IsNotInherited) {
    auto opened = open_at(directory_.get(), "inside", O_RDONLY, {});
    ASSERT_TRUE(opened);
    EXPECT_EQ(::fcntl(opened->get(), F_GETFD), FD_CLOEXEC);
}

TEST_F(OpenAt, CachedOnlyOpensWhatIsKnownAndWaitsForNothing) {
    ASSERT_EQ(open_inside("folder/deep"), 0);  // now the names are cached
    int known = open_inside("folder/deep", {.cached_only = true});
    if (known == EINVAL) GTEST_SKIP() << "no RESOLVE_CACHED before Linux 5.12";
    EXPECT_EQ(known, 0);
    // A name that nobody has asked for would have to be looked up in the directory.
    EXPECT_EQ(open_inside("folder/never_asked_for", {.cached_only = true}), EAGAIN);
    EXPECT_EQ(open_inside("folder/never_asked_for"), ENOENT);
    // The way out is refused here too; which way it is said is up to the kernel.
    EXPECT_NE(open_inside("../inside", {.cached_only = true}), 0);
}

TEST_F(OpenAt, ErrorsNameThePath) {
    auto opened = open_at(directory_.get(), "missing", O_RDONLY, {});
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().message(), "openat2 missing: No such file or directory");
    support::fault_script faults;
    faults.fail(call::open, EIO);
    EXPECT_EQ(open_inside("inside"), EIO);
}

TEST_F(OpenAt, StatusFollowsLinksWhenTold) {
    auto link_itself = status_at(directory_.get(), "link_inside", false);
    ASSERT_TRUE(link_itself);
    EXPECT_TRUE(S_ISLNK(link_itself->st_mode));
    auto target = status_at(directory_.get(), "link_inside", true);
    ASSERT_TRUE(target);
    EXPECT_TRUE(S_ISREG(target->st_mode));
    EXPECT_EQ(target->st_size, 6);
    EXPECT_FALSE(status_at(directory_.get(), "missing", true));
}

TEST_F(OpenAt, NamesWithinABound) {
    auto all = names_in(directory_.get(), 100);
    ASSERT_TRUE(all) << all.error().message();
    EXPECT_TRUE(all->complete);
    std::ranges::sort(all->names);
    EXPECT_EQ(all->names, (std::vector<std::string>{
                              "folder", "inside", "link_absolute", "link_absolute_inside",
                              "link_inside", "link_relative", "link_to_magic", "link_to_root"}));
    auto exactly = names_in(directory_.get(), 8);
    ASSERT_TRUE(exactly);
    EXPECT_EQ(exactly->names.size(), 8u);
    EXPECT_TRUE(exactly->complete);
    auto fewer = names_in(directory_.get(), 7);
    ASSERT_TRUE(fewer);
    EXPECT_EQ(fewer->names.size(), 7u);
    EXPECT_FALSE(fewer->complete);
    auto none = names_in(directory_.get(), 0);
    ASSERT_TRUE(none);
    EXPECT_TRUE(none->names.empty());
    EXPECT_FALSE(none->complete);
    // Each listing starts at the beginning.
    EXPECT_EQ(names_in(directory_.get(), 100)->names.size(), 8u);
}

TEST_F(OpenAt, NamesOfAFileAreAnError) {
    auto opened = open_at(directory_.get(), "inside", O_RDONLY, {});
    ASSERT_TRUE(opened);
    EXPECT_FALSE(names_in(opened->get(), 10));
}

TEST(Files, TruncateCutsAndGrows) {
    support::temporary_file written("abcdef");
    ASSERT_TRUE(truncate(written.fd(), 3));
    EXPECT_EQ(written.content(), "abc");
    ASSERT_TRUE(truncate(written.fd(), 4));
    EXPECT_EQ(status(written.fd())->st_size, 4);
    EXPECT_FALSE(truncate(-1, 0));
}

TEST(Files, CachedPagesCountsWhatWasJustWritten) {
    support::temporary_file written(std::string(10 * 4096, 'x'));
    auto pages = cached_pages(written.fd(), 0, 10 * 4096);
    if (!pages) GTEST_SKIP() << pages.error().message();
    EXPECT_EQ(*pages, 10u * 4096 / static_cast<unsigned>(::sysconf(_SC_PAGESIZE)));
    EXPECT_FALSE(cached_pages(-1, 0, 1));
}

}  // namespace
}  // namespace sluice::sys
