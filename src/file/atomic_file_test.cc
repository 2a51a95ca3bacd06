#include <algorithm>
#include <fstream>
#include <utility>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sluice/atomic_file.h>

#include "support/fault_script.h"
#include "support/temporary_file.h"
#include "sys/files.h"

namespace sluice {
namespace {

using support::fault_script;

// With and without O_TMPFILE.
class AtomicFile : public testing::TestWithParam<bool> {
  protected:
    [[nodiscard]] std::string path(const std::string& name = "target") const {
        return folder_.path() + "/" + name;
    }
    void write(const std::string& content) const { std::ofstream(path()) << content; }
    [[nodiscard]] std::string content(const std::string& name = "target") const {
        std::ifstream in(path(name));
        return {std::istreambuf_iterator<char>(in), {}};
    }
    [[nodiscard]] struct stat status() const {
        struct stat found {};
        EXPECT_EQ(::stat(path().c_str(), &found), 0);
        return found;
    }
    // The names in the folder, sorted.
    [[nodiscard]] std::vector<std::string> names() const {
        auto found = *sys::names_in(sys::open(folder_.path(), O_RDONLY)->get(), 100);
        std::ranges::sort(found.names);
        return found.names;
    }
    [[nodiscard]] result<atomic_file> create(atomic_file_options options = {}) const {
        if (!GetParam()) return atomic_file::create(path(), options);
        // The directory is opened first.
        fault_script faults;
        faults.fail(sys::call::open, EOPNOTSUPP, 1, 1);
        return atomic_file::create(path(), options);
    }
    void replace_with(const std::string& text, atomic_file_options options = {}) const {
        auto made = create(options);
        ASSERT_TRUE(made) << made.error().message();
        ASSERT_TRUE(made->content().append(as_bytes(text)));
        auto done = made->commit();
        ASSERT_TRUE(done) << done.error().message();
    }

    const std::vector<std::string> only_target_{"target"};
    support::temporary_directory folder_;
};

INSTANTIATE_TEST_SUITE_P(, AtomicFile, testing::Bool(), [](const auto& each) {
    return std::string(each.param ? "Named" : "Nameless");
});

TEST_P(AtomicFile, AppearsWholeAtCommit) {
    auto made = create();
    ASSERT_TRUE(made) << made.error().message();
    ASSERT_TRUE(made->content().write_at(0, as_bytes("new content")));
    EXPECT_EQ(names().size(), GetParam() ? 1u : 0u);
    EXPECT_FALSE(made->committed());
    EXPECT_NE(::access(path().c_str(), F_OK), 0);
    ASSERT_TRUE(made->commit());
    EXPECT_TRUE(made->committed());
    EXPECT_EQ(content(), "new content");
    EXPECT_EQ(names(), only_target_);
    EXPECT_EQ(made->content().size(), 11u);
}

TEST_P(AtomicFile, ReplacesAndReadersKeepTheOldFile) {
    write("old");
    auto reader = *file::open(path());
    auto made = create();
    ASSERT_TRUE(made);
    ASSERT_TRUE(made->content().append(as_bytes("new")));
    EXPECT_EQ(content(), "old");
    ASSERT_TRUE(made->commit());
    EXPECT_EQ(content(), "new");
    EXPECT_EQ(reader.read_all(10)->text(), "old");
    EXPECT_EQ(names(), only_target_);
}

TEST_P(AtomicFile, NothingIsLeftWhenItGoesUncommitted) {
    write("old");
    for (bool by_hand : {true, false}) {
        auto made = create();
        ASSERT_TRUE(made);
        ASSERT_TRUE(made->content().append(as_bytes("new")));
        if (by_hand) made->discard();
        auto moved = *std::move(made);
        auto other = *create();
        other = std::move(moved);
    }
    EXPECT_EQ(content(), "old");
    EXPECT_EQ(names(), only_target_);
}

TEST_P(AtomicFile, MustNotExistReplacesNothing) {
    replace_with("first", {.must_not_exist = true});
    auto second = create({.must_not_exist = true});
    ASSERT_TRUE(second);
    auto done = second->commit();
    ASSERT_FALSE(done);
    EXPECT_TRUE(done.error().is(EEXIST));
    EXPECT_EQ(done.error().object(), path());
    EXPECT_FALSE(second->committed());
    EXPECT_EQ(content(), "first");
    // When the name is free again, it is taken.
    ASSERT_EQ(::unlink(path().c_str()), 0);
    ASSERT_TRUE(second->commit());
    EXPECT_EQ(content(), "");
    EXPECT_EQ(names(), only_target_);
}

TEST_P(AtomicFile, KeepsOwnerAndPermissionsOfTheOldFile) {
    write("old");
    ASSERT_EQ(::chmod(path().c_str(), 04751), 0);
    bool may_give_away = ::chown(path().c_str(), 65534, 65533) == 0;
    ASSERT_EQ(::chmod(path().c_str(), 04751), 0);
    replace_with("new");
    auto kept = status();
    EXPECT_EQ(kept.st_mode & 07777, 04751u);
    EXPECT_EQ(kept.st_uid, may_give_away ? 65534 : ::geteuid());
    EXPECT_EQ(kept.st_gid, may_give_away ? 65533 : ::getegid());
    replace_with("newer", {.keep_owner_and_permissions = false, .permissions = 0640});
    EXPECT_EQ(status().st_mode & 07777, 0640u);
    EXPECT_EQ(status().st_uid, ::geteuid());
}

TEST_P(AtomicFile, NewFilesHaveThePermissionsAskedFor) {
    replace_with("new", {.permissions = 0604});
    EXPECT_EQ(status().st_mode & 07777, 0604u);
}

TEST_P(AtomicFile, AFailedSyncLeavesTheOldFileAndIsFinal) {
    write("old");
    {
        auto made = create();
        ASSERT_TRUE(made);
        fault_script faults;
        faults.fail(sys::call::sync, EIO, 1);
        for (int attempt = 0; attempt < 2; ++attempt) {
            auto done = made->commit();
            ASSERT_FALSE(done);
            EXPECT_TRUE(done.error().is(EIO)) << done.error().message();
        }
        EXPECT_FALSE(made->committed());
    }
    EXPECT_EQ(content(), "old");
    EXPECT_EQ(names(), only_target_);
}

// Every step of taking the name fails in turn; each leaves the old file, and the next commit works.
TEST_P(AtomicFile, AFailureBeforeTheNameIsTakenLeavesTheOldFile) {
    unsigned steps = GetParam() ? 1 : 3;  // rename; link to the target, link beside it, rename
    for (unsigned step = 0; step < steps; ++step) {
        write("old");
        auto made = create();
        ASSERT_TRUE(made);
        ASSERT_TRUE(made->content().append(as_bytes("new")));
        {
            fault_script faults;
            faults.fail(sys::call::rename, ENOSPC, 1, step);
            auto done = made->commit();
            ASSERT_FALSE(done);
            EXPECT_TRUE(done.error().is(ENOSPC));
        }
        EXPECT_FALSE(made->committed());
        EXPECT_EQ(content(), "old");
        ASSERT_TRUE(made->commit());
        EXPECT_EQ(content(), "new");
        EXPECT_EQ(names(), only_target_);
    }
}

TEST_P(AtomicFile, AFailedSyncOfTheDirectoryLeavesTheNewFile) {
    write("old");
    auto made = create();
    ASSERT_TRUE(made);
    ASSERT_TRUE(made->content().append(as_bytes("new")));
    fault_script faults;
    faults.fail(sys::call::sync, EIO, 1, 1);
    auto done = made->commit();
    ASSERT_FALSE(done);
    EXPECT_NE(done.error().object(), path());
    EXPECT_TRUE(made->committed());
    EXPECT_EQ(content(), "new");
}

TEST_P(AtomicFile, SyncsAsMuchAsItIsTold) {
    fault_script calls;
    auto count_for = [&](durability until) {
        auto made = atomic_file::create(path(), {.until = until});
        auto before = calls.count(sys::call::sync);
        EXPECT_TRUE(made->commit());
        return calls.count(sys::call::sync) - before;
    };
    EXPECT_EQ(count_for(durability::none), 0u);
    EXPECT_EQ(count_for(durability::content), 1u);
    EXPECT_EQ(count_for(durability::everything), 2u);
}

TEST_P(AtomicFile, TakenNamesBesideTheTargetAreNotUsed) {
    if (GetParam()) GTEST_SKIP() << "has its name from the beginning";
    write("old");
    auto made = create();
    ASSERT_TRUE(made);
    fault_script faults;
    faults.fail(sys::call::rename, EEXIST, 3);  // the target, and two names beside it
    ASSERT_TRUE(made->commit());
    EXPECT_EQ(faults.count(sys::call::rename), 5u);
    EXPECT_EQ(names(), only_target_);
}

TEST_P(AtomicFile, WithoutNoReplaceLinkingSeesToIt) {
    if (!GetParam()) GTEST_SKIP() << "links in any case";
    auto made = create({.must_not_exist = true});
    ASSERT_TRUE(made);
    auto again = create({.must_not_exist = true});
    ASSERT_TRUE(again);
    ASSERT_TRUE(made->content().append(as_bytes("new")));
    fault_script faults;
    faults.fail(sys::call::rename, EINVAL, 1);
    ASSERT_TRUE(made->commit());
    EXPECT_EQ(content(), "new");
    faults.fail(sys::call::rename, EINVAL, 1);
    EXPECT_TRUE(again->commit().error().is(EEXIST));
    again->discard();
    EXPECT_EQ(names(), only_target_);
}

TEST_P(AtomicFile, ALinkIsReplacedAndNotFollowed) {
    std::ofstream(path("elsewhere")) << "kept";
    ASSERT_EQ(::symlink("elsewhere", path().c_str()), 0);
    replace_with("new");
    EXPECT_EQ(content("elsewhere"), "kept");
    EXPECT_EQ(content(), "new");
    struct stat found {};
    ASSERT_EQ(::lstat(path().c_str(), &found), 0);
    EXPECT_TRUE(S_ISREG(found.st_mode));
}

TEST_P(AtomicFile, LongNamesAndOpenDirectories) {
    auto directory = *file::open_directory(folder_.path());
    std::string longest(255, 'n');
    for (int round = 0; round < 2; ++round) {
        auto made = atomic_file::create_in(directory, longest);
        ASSERT_TRUE(made) << made.error().message();
        auto done = made->commit();
        ASSERT_TRUE(done) << done.error().message();
    }
    EXPECT_EQ(names(), std::vector<std::string>{longest});
    for (const char* name : {"", ".", "..", "a/b", "/a"}) {
        auto refused = atomic_file::create_in(directory, name);
        ASSERT_FALSE(refused) << name;
        EXPECT_TRUE(refused.error().is(EINVAL));
    }
}

TEST_P(AtomicFile, CreatingCanFail) {
    auto missing = atomic_file::create(path("missing/target"));
    ASSERT_FALSE(missing);
    EXPECT_TRUE(missing.error().is(ENOENT));
    fault_script faults;
    faults.fail(sys::call::open, EMFILE, 1, 1);
    auto refused = atomic_file::create(path());
    ASSERT_FALSE(refused);
    EXPECT_TRUE(refused.error().is(EMFILE));
    EXPECT_EQ(refused.error().object(), path());
    EXPECT_TRUE(names().empty());
}

}  // namespace
}  // namespace sluice
