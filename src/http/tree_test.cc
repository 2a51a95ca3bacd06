#include "http/tree.h"

#include <cerrno>

#include <fcntl.h>
#include <gtest/gtest.h>

#include "http/resource.h"
#include "support/fault_script.h"
#include "support/served_tree.h"

namespace sluice::http {
namespace {

class Tree : public testing::Test {
  protected:
    void serve(site_config config = {}) { sites_ = files_.serve(std::move(config)); }
    tree names(lookup how = lookup::may_block) { return {sites_->sites.front(), how}; }
    // 0, or why the name cannot be opened.
    int reason_not_to_open(const std::string& name) {
        auto opened = names().open(name, O_RDONLY | O_NONBLOCK);
        return opened ? 0 : opened.error().code().value();
    }

    support::served_tree files_;
    std::shared_ptr<const site_set> sites_;
};

TEST_F(Tree, PathsBecomeRelative) {
    EXPECT_EQ(tree::below_root("/"), ".");
    EXPECT_EQ(tree::below_root(""), ".");
    EXPECT_EQ(tree::below_root("/a"), "a");
    EXPECT_EQ(tree::below_root("/a/b/"), "a/b");
    EXPECT_EQ(tree::below_root("//a"), "a");
}

TEST_F(Tree, NothingLeadsOut) {
    files_.write("../outside", "secret");
    files_.write("inside", "yes");
    files_.make_directory("d");
    files_.link("../outside", "relative");
    files_.link(files_.root() + "/../outside", "absolute");
    files_.link("..", "up");
    files_.link("/etc", "etc");
    files_.link("inside", "good");
    files_.link("../inside", "d/good");
    files_.link(files_.root() + "/inside", "absolute_inside");
    serve();
    for (const auto* name : {"../outside", "d/../../outside", "relative", "absolute", "up/outside",
                             "etc/passwd", "absolute_inside"})
        EXPECT_EQ(reason_not_to_open(name), EXDEV) << name;
    EXPECT_EQ(status_for(names().open("relative", O_RDONLY).error()), 403);
    for (const auto* name : {"inside", "good", "d/good", "d/../inside"})
        EXPECT_EQ(reason_not_to_open(name), 0) << name;
}

TEST_F(Tree, FollowsLinksOutWhereToldTo) {
    files_.write("../outside", "open");
    files_.link("../outside", "relative");
    files_.link("/proc/self/fd/0", "magic");
    serve({.follow_links = true});
    EXPECT_EQ(reason_not_to_open("relative"), 0);
    EXPECT_EQ(reason_not_to_open("magic"), ELOOP);  // magic links never
}

TEST_F(Tree, LinksThatTurnInCirclesEnd) {
    files_.link("b", "a");
    files_.link("a", "b");
    serve();
    EXPECT_EQ(reason_not_to_open("a"), ELOOP);
    EXPECT_EQ(status_for(names().open("a", O_RDONLY).error()), 403);
}

TEST_F(Tree, LooksAtAFifoWithoutOpeningIt) {
    files_.make_directory(".");
    ASSERT_EQ(::mkfifo(files_.place_of("fifo").c_str(), 0644), 0);
    serve();
    auto status = names().look_at("fifo");
    ASSERT_TRUE(status);
    EXPECT_TRUE(S_ISFIFO(status->st_mode));
}

// openat2 says EAGAIN when a name is moved meanwhile.
TEST_F(Tree, TriesAgainWhenANameIsMoved) {
    files_.write("a", "1");
    serve();
    support::fault_script faults;
    faults.fail(sys::call::open, EAGAIN, 3);
    EXPECT_EQ(reason_not_to_open("a"), 0);
    EXPECT_EQ(faults.count(sys::call::open), 4u);
    faults.fail(sys::call::open, EAGAIN);
    EXPECT_EQ(reason_not_to_open("a"), EAGAIN);  // but not for ever
    EXPECT_LT(faults.count(sys::call::open), 100u);
}

TEST_F(Tree, CachedOnlyAsksOnce) {
    files_.write("a", "1");
    serve();
    support::fault_script faults;
    faults.fail(sys::call::open, EAGAIN);
    auto opened = names(lookup::cached_only).open("a", O_RDONLY);
    ASSERT_FALSE(opened);
    EXPECT_TRUE(opened.error().is(EAGAIN));
    EXPECT_EQ(faults.count(sys::call::open), 1u);
}

TEST_F(Tree, ListsWhatWouldBeServed) {
    files_.write("../outside", "secret");
    files_.write("d/file", "12345");
    files_.write("d/.hidden", "x");
    files_.write("d/sub/x", "x");
    files_.link("file", "d/link");
    files_.link("../../outside", "d/escape");
    files_.link("nothing", "d/dangling");
    ASSERT_EQ(::mkfifo(files_.place_of("d/fifo").c_str(), 0644), 0);
    serve();
    auto page = names().list("/d/", 100);
    ASSERT_TRUE(page);
    std::map<std::string, bool> found;
    for (const auto& each : page->entries)
        found[each.name] = each.directory;
    EXPECT_EQ(found,
              (std::map<std::string, bool>{{"file", false}, {"link", false}, {"sub", true}}));
    EXPECT_FALSE(page->truncated);
    EXPECT_EQ(page->path, "/d/");
    serve({.dotfiles = true});
    EXPECT_EQ(names().list("/d/", 100)->entries.size(), 4u);
}

TEST_F(Tree, CutsALongListing) {
    for (int count = 0; count < 5; ++count)
        files_.write("d/" + std::to_string(count), "x");
    serve();
    auto page = names().list("/d/", 3);
    ASSERT_TRUE(page);
    EXPECT_EQ(page->entries.size(), 3u);
    EXPECT_TRUE(page->truncated);
    EXPECT_FALSE(names().list("/d/", 5)->truncated);
}

TEST_F(Tree, IdentityChangesWithWhatIsChanged) {
    files_.write("a", "one");
    auto before = file_identity::of(files_.status("a"));
    EXPECT_EQ(before, file_identity::of(files_.status("a")));
    EXPECT_EQ(before.size, 3u);
    files_.replace("a", "two");
    EXPECT_NE(before, file_identity::of(files_.status("a")));
}

}  // namespace
}  // namespace sluice::http
