#include <fstream>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sluice/file.h>
#include <sluice/file_region.h>

#include "support/fault_script.h"
#include "support/temporary_file.h"
#include "sys/files.h"

namespace sluice {
namespace {

class FileOpen : public testing::Test {
  protected:
    [[nodiscard]] std::string path(const std::string& name) const {
        return folder_.path() + "/" + name;
    }
    void write(const std::string& name, const std::string& content) const {
        std::ofstream(path(name)) << content;
    }
    [[nodiscard]] std::string content(const std::string& name) const {
        std::ifstream in(path(name));
        return {std::istreambuf_iterator<char>(in), {}};
    }
    // 0 or the errno value.
    [[nodiscard]] int open(const std::string& name, const open_options& options) const {
        auto opened = file::open(path(name), options);
        return opened ? 0 : opened.error().code().value();
    }

    support::temporary_directory folder_;
};

TEST_F(FileOpen, MakesWhatIsMissingOnlyWhenTold) {
    EXPECT_EQ(open("new", {.access = file_access::write}), ENOENT);
    EXPECT_EQ(open("new", {.access = file_access::write, .create = file_creation::if_missing}), 0);
    write("new", "kept");
    EXPECT_EQ(open("new", {.access = file_access::write, .create = file_creation::if_missing}), 0);
    EXPECT_EQ(content("new"), "kept");
    EXPECT_EQ(open("new", {.access = file_access::write, .create = file_creation::must_be_new}),
              EEXIST);
    EXPECT_EQ(open("newer", {.access = file_access::write, .create = file_creation::must_be_new}),
              0);
}

TEST_F(FileOpen, MadeFilesHaveThePermissionsAskedFor) {
    auto made = file::open(
        path("secret"),
        {.access = file_access::write, .create = file_creation::must_be_new, .permissions = 0600});
    ASSERT_TRUE(made);
    EXPECT_EQ(sys::status(made->fd())->st_mode & 07777, 0600u);
}

TEST_F(FileOpen, TruncatesWhenToldAndNeverWhatIsOnlyRead) {
    write("old", "content");
    EXPECT_EQ(open("old", {.truncate = true}), EINVAL);
    EXPECT_EQ(content("old"), "content");
    EXPECT_EQ(open("old", {.access = file_access::write, .truncate = true}), 0);
    EXPECT_EQ(content("old"), "");
}

TEST_F(FileOpen, LinksAreFollowedUnlessToldOtherwise) {
    write("target", "x");
    ASSERT_EQ(::symlink("target", path("link").c_str()), 0);
    EXPECT_EQ(open("link", {}), 0);
    EXPECT_EQ(open("link", {.no_follow = true}), ELOOP);
    EXPECT_EQ(open("link", {.access = file_access::write, .create = file_creation::must_be_new}),
              EEXIST);
}

TEST_F(FileOpen, TemporaryFilesHaveNoNameAndGo) {
    auto made = file::open(folder_.path(), {.access = file_access::read_write, .temporary = true});
    if (!made && made.error().is(EOPNOTSUPP)) GTEST_SKIP() << made.error().message();
    ASSERT_TRUE(made) << made.error().message();
    ASSERT_TRUE(made->write_at(0, as_bytes("abc")));
    EXPECT_EQ(made->size(), 3u);
    EXPECT_EQ(sys::status(made->fd())->st_nlink, 0u);
    EXPECT_TRUE(sys::names_in(sys::open(folder_.path(), O_RDONLY)->get(), 10)->names.empty());
}

TEST_F(FileOpen, BeneathADirectoryStaysThere) {
    write("inside", "in");
    ASSERT_EQ(::mkdir(path("below").c_str(), 0700), 0);
    ASSERT_EQ(::symlink("/etc/passwd", path("out").c_str()), 0);
    auto directory = file::open_directory(folder_.path());
    ASSERT_TRUE(directory);
    auto opened = file::open_beneath(*directory, "inside");
    ASSERT_TRUE(opened);
    EXPECT_EQ(opened->name(), "inside");
    EXPECT_EQ(opened->size(), 2u);
    for (const char* way_out : {"../x", "/etc/passwd", "out", "below/../../x"}) {
        auto refused = file::open_beneath(*directory, way_out);
        ASSERT_FALSE(refused) << way_out;
        EXPECT_TRUE(refused.error().is(EXDEV)) << refused.error().message();
        auto not_made = file::open_beneath(
            directory->fd(), way_out,
            {.access = file_access::write, .create = file_creation::if_missing, .truncate = true});
        ASSERT_FALSE(not_made) << way_out;
    }
    auto made = file::open_beneath(directory->fd(), "below/new",
                                   {.access = file_access::read_write,
                                    .create = file_creation::must_be_new,
                                    .permissions = 0640});
    ASSERT_TRUE(made) << made.error().message();
    ASSERT_TRUE(made->append(as_bytes("made")));
    EXPECT_EQ(content("below/new"), "made");
    EXPECT_TRUE(file::open_beneath(*directory, "below",
                                   {.access = file_access::read_write, .temporary = true}));
}

TEST_F(FileOpen, BeneathAsksAgainWhenARenameCameBetweenAndGivesUpInTheEnd) {
    write("inside", "in");
    auto directory = *file::open_directory(folder_.path());
    support::fault_script faults;
    faults.fail(sys::call::open, EAGAIN, 3);
    EXPECT_TRUE(file::open_beneath(directory, "inside"));
    faults.fail(sys::call::open, EAGAIN);
    auto refused = file::open_beneath(directory, "inside");
    ASSERT_FALSE(refused);
    EXPECT_TRUE(refused.error().is(EAGAIN));
}

TEST_F(FileOpen, BeneathNeverFallsBackToALessSafeWay) {
    write("inside", "in");
    auto directory = *file::open_directory(folder_.path());
    support::fault_script faults;
    for (int reason : {ENOSYS, EPERM, EMFILE}) {
        faults.clear();
        faults.fail(sys::call::open, reason, 1);
        auto refused = file::open_beneath(directory, "inside");
        ASSERT_FALSE(refused);
        EXPECT_TRUE(refused.error().is(reason));
        EXPECT_EQ(refused.error().operation(), "openat2");
        EXPECT_EQ(faults.count(sys::call::open), 1u);
    }
}

TEST_F(FileOpen, DirectoriesAreSyncedAndNotRead) {
    auto directory = file::open_directory(folder_.path());
    ASSERT_TRUE(directory);
    EXPECT_TRUE(directory->sync());
    std::byte room[1];
    EXPECT_FALSE(directory->read_at(0, room));
    write("no_directory", "");
    auto refused = file::open_directory(path("no_directory"));
    ASSERT_FALSE(refused);
    EXPECT_TRUE(refused.error().is(ENOTDIR));
}

TEST_F(FileOpen, IsNotInherited) {
    write("some", "");
    auto opened = file::open(path("some"), {.access = file_access::read_write});
    EXPECT_EQ(::fcntl(opened->fd(), F_GETFD), FD_CLOEXEC);
}

}  // namespace
}  // namespace sluice
