#include "http/resource.h"

#include <cerrno>
#include <functional>

#include <gtest/gtest.h>
#include <unistd.h>

#include "support/fault_script.h"
#include "support/served_tree.h"

namespace sluice::http {
namespace {

using kind = load_outcome::kind;

class Resource : public testing::Test {
  protected:
    Resource() { serve(); }

    void serve(site_config config = {}) { sites_ = files_.serve(std::move(config)); }
    [[nodiscard]] const site& from() const { return sites_->sites.front(); }
    load_outcome look(const std::string& path, lookup how = lookup::may_block) {
        return load(*sites_, from(), path, how);
    }
    int refusal(const std::string& path) {
        auto made = look(path);
        EXPECT_EQ(made.is, kind::refused) << path;
        return made.status;
    }
    std::shared_ptr<const resource> found(const std::string& path) {
        auto made = look(path);
        EXPECT_EQ(made.is, kind::file) << path << ": " << made.status << " " << made.reason;
        return made.found;
    }
    // Loads until no change to the files can have gone unseen.
    std::shared_ptr<const resource> settled(const std::string& path) {
        auto made = found(path);
        while (made && !made->settled)
            made = found(path);
        return made;
    }
    static std::string body_of(const resource& which, coding how = coding::identity) {
        const auto& put = which.in(how);
        if (!put.content) return std::string(put.block.text().substr(put.body_begin));
        std::string body(put.size, '\0');
        auto got = put.content->read_at(0, std::as_writable_bytes(std::span(body)));
        EXPECT_TRUE(got && *got == put.size);
        return body;
    }
    static std::string fields_of(const resource& which, coding how = coding::identity) {
        return std::string(which.in(how).head_fields().text());
    }

    support::served_tree files_;
    std::shared_ptr<const site_set> sites_;
};

// ---- what there is ----

TEST_F(Resource, AFileInBothWays) {
    files_.write("d/a.txt", "hello");
    for (auto how : {lookup::may_block, lookup::cached_only}) {
        auto made = look("/d/a.txt", how);
        ASSERT_EQ(made.is, kind::file) << static_cast<int>(how);
        EXPECT_EQ(made.found->name, "d/a.txt");
        EXPECT_EQ(made.found->content_type, "text/plain; charset=utf-8");
        EXPECT_EQ(body_of(*made.found), "hello");
        EXPECT_TRUE(made.found->existing.only_identity());
        EXPECT_EQ(made.found->descriptors(), 0u);  // the body is in memory
    }
}

TEST_F(Resource, WritesTheFieldsOfAFile) {
    files_.write("a.txt", "hello");
    files_.set_modified("a.txt", {.tv_sec = 784111777, .tv_nsec = 5});
    auto made = found("/a.txt");
    EXPECT_EQ(fields_of(*made),
              "Content-Type: text/plain; charset=utf-8\r\nContent-Length: 5\r\n"
              "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\nETag: " +
                  made->in(coding::identity).etag + "\r\nAccept-Ranges: bytes\r\n\r\n");
    EXPECT_EQ(made->last_modified, 784111777);
    EXPECT_TRUE(made->in(coding::identity).etag.starts_with('"'));
    auto common = std::string(made->in(coding::identity).common_fields().text());
    EXPECT_TRUE(fields_of(*made).ends_with(common));
    EXPECT_TRUE(common.starts_with("Last-Modified"));
}

TEST_F(Resource, ADateInTheFutureIsNotSent) {
    files_.write("a", "x");
    files_.set_modified("a", {.tv_sec = 4102444800, .tv_nsec = 0});  // 2100
    EXPECT_EQ(fields_of(*found("/a")).find("2100"), std::string::npos);
}

TEST_F(Resource, EmptyFile) {
    files_.write("empty", "");
    auto made = found("/empty");
    EXPECT_EQ(body_of(*made), "");
    EXPECT_NE(fields_of(*made).find("Content-Length: 0\r\n"), std::string::npos);
}

TEST_F(Resource, BodiesAreInMemoryUpToTheLimit) {
    server_config config;
    config.limits.small_body_bytes = 100;
    config.sites.emplace_back();
    sites_ = files_.serve(config);
    files_.write("small", std::string(100, 's'));
    files_.write("large", std::string(101, 'l'));
    EXPECT_FALSE(found("/small")->in(coding::identity).content);
    EXPECT_EQ(body_of(*found("/small")), std::string(100, 's'));
    auto large = found("/large");
    ASSERT_TRUE(large->in(coding::identity).content);
    EXPECT_EQ(large->descriptors(), 1u);
    EXPECT_EQ(body_of(*large), std::string(101, 'l'));
    EXPECT_GE(found("/small")->memory(), 100u);
}

TEST_F(Resource, AForcedMechanismTakesEveryBodyFromItsFile) {
    server_config config;
    config.forced = mechanism::sendfile;
    config.sites.emplace_back();
    sites_ = files_.serve(config);
    files_.write("a", "x");
    EXPECT_TRUE(found("/a")->in(coding::identity).content);
    config.forced = mechanism::gathered_write;  // moves memory only
    sites_ = files_.serve(config);
    EXPECT_FALSE(found("/a")->in(coding::identity).content);
}

TEST_F(Resource, AFifoADeviceAndASocketAreRefused) {
    ASSERT_EQ(::mkfifo(files_.place_of("fifo").c_str(), 0644), 0);
    EXPECT_EQ(refusal("/fifo"), 403);
    serve({.follow_links = true});
    files_.link("/dev/null", "null");
    files_.link("/dev/tty", "tty");
    EXPECT_EQ(refusal("/null"), 403);
    EXPECT_EQ(refusal("/tty"), 403);
}

TEST_F(Resource, NamesThatAreNotThere) {
    files_.write("a", "x");
    for (const auto* path : {"/nothing", "/nothing/a", "/a/", "/a/b"})
        EXPECT_EQ(refusal(path), 404) << path;
    EXPECT_EQ(refusal("/" + std::string(300, 'n')), 404);
    EXPECT_EQ(refusal("/" + std::string(5000, 'n')), 404);
}

TEST_F(Resource, LinksOutOfTheRoot) {
    files_.write("../outside", "secret");
    files_.link("../outside", "out");
    auto made = look("/out");
    EXPECT_EQ(made.status, 403);
    EXPECT_NE(made.reason.find("out"), std::string::npos);  // the operator is told
}

TEST_F(Resource, FilesWithoutPermission) {
    if (::geteuid() == 0) GTEST_SKIP() << "root may read everything";
    files_.write("a", "x");
    std::filesystem::permissions(files_.place_of("a"), std::filesystem::perms::none);
    EXPECT_EQ(refusal("/a"), 403);
}

TEST_F(Resource, Dotfiles) {
    files_.write(".secret", "x");
    files_.write("d/.git/config", "x");
    files_.write(".well-known/acme", "x");
    EXPECT_EQ(refusal("/.secret"), 404);
    EXPECT_EQ(refusal("/d/.git/config"), 404);
    EXPECT_EQ(body_of(*found("/.well-known/acme")), "x");
    serve({.dotfiles = true});
    EXPECT_EQ(body_of(*found("/.secret")), "x");
}

// ---- directories ----

TEST_F(Resource, Directories) {
    files_.make_directory("d");
    EXPECT_EQ(look("/d").is, kind::redirect);
    EXPECT_EQ(refusal("/d/"), 403);
    serve({.listing = true});
    EXPECT_EQ(look("/d/").is, kind::listing);
    files_.write("d/index.html", "index");
    EXPECT_EQ(body_of(*found("/d/")), "index");
    EXPECT_EQ(found("/d/")->content_type, "text/html; charset=utf-8");
    files_.write("index.html", "top");
    EXPECT_EQ(body_of(*found("/")), "top");
}

TEST_F(Resource, IndexNamesInTheirOrder) {
    serve({.index = {"one.html", "two.html"}});
    files_.write("d/two.html", "two");
    EXPECT_EQ(body_of(*found("/d/")), "two");
    files_.write("d/one.html", "one");
    EXPECT_EQ(body_of(*found("/d/")), "one");
    files_.remove("d/one.html");
    files_.make_directory("d/one.html");  // a directory is no index file
    EXPECT_EQ(body_of(*found("/d/")), "two");
}

TEST_F(Resource, AnIndexThatLeadsOutIsRefused) {
    files_.write("../outside", "secret");
    files_.make_directory("d");
    files_.link("../../outside", "d/index.html");
    EXPECT_EQ(refusal("/d/"), 403);
}

// ---- codings ----

TEST_F(Resource, NeighboursThatAreNotOlder) {
    files_.write("a.css", "plain");
    files_.write("a.css.br", "br");
    files_.write("a.css.gz", "gzip");
    files_.set_modified("a.css", {.tv_sec = 1000000, .tv_nsec = 500});
    files_.set_modified("a.css.br", {.tv_sec = 1000000, .tv_nsec = 500});  // of the same time
    files_.set_modified("a.css.gz", {.tv_sec = 1000000, .tv_nsec = 499});  // a leftover
    auto made = found("/a.css");
    EXPECT_TRUE(made->existing.contains(coding::br));
    EXPECT_FALSE(made->existing.contains(coding::gzip));
    EXPECT_FALSE(made->existing.contains(coding::zstd));
    EXPECT_EQ(body_of(*made, coding::br), "br");
    auto fields = fields_of(*made, coding::br);
    EXPECT_TRUE(
        fields.starts_with("Content-Type: text/css; charset=utf-8\r\nContent-Length: 2\r\n"))
        << fields;
    EXPECT_NE(fields.find("Content-Encoding: br\r\n"), std::string::npos);
    EXPECT_NE(fields.find("Vary: Accept-Encoding\r\n"), std::string::npos);
    EXPECT_NE(fields_of(*made).find("Vary: Accept-Encoding\r\n"), std::string::npos);
    EXPECT_EQ(fields_of(*made).find("Content-Encoding"), std::string::npos);
    EXPECT_NE(made->in(coding::br).etag, made->in(coding::identity).etag);
}

TEST_F(Resource, NeighboursThatAreNoFiles) {
    files_.write("a.css", "plain");
    files_.write("../outside", "secret");
    files_.make_directory("a.css.br");
    files_.link("../outside", "a.css.gz");
    files_.link("a.css.zst", "a.css.zst");
    EXPECT_TRUE(found("/a.css")->existing.only_identity());
    EXPECT_EQ(body_of(*found("/a.css")), "plain");
}

TEST_F(Resource, NoNeighboursWhereSwitchedOffOrCodedAlready) {
    files_.write("a.css", "plain");
    files_.write("a.css.gz", "gzip");
    files_.write("a.css.gz.br", "twice");
    EXPECT_TRUE(found("/a.css.gz")->existing.only_identity());
    serve({.precompressed = false});
    EXPECT_TRUE(found("/a.css")->existing.only_identity());
}

// ---- fields of the site ----

TEST_F(Resource, HeaderRulesAndOrigins) {
    site_config config{.cors = {"*"}};
    config.headers = {{"*.css", {{"Cache-Control", "max-age=1"}, {"Content-Type", "text/x"}}},
                      {"/a/*", {{"cache-control", "no-store"}}}};
    serve(config);
    files_.write("a/b.css", "x");
    auto fields = fields_of(*found("/a/b.css"));
    EXPECT_TRUE(fields.starts_with("Content-Type: text/x\r\n")) << fields;
    EXPECT_NE(fields.find("Cache-Control: no-store\r\n"), std::string::npos) << fields;
    EXPECT_EQ(fields.find("max-age"), std::string::npos) << fields;
    EXPECT_NE(fields.find("Access-Control-Allow-Origin: *\r\n"), std::string::npos) << fields;
    serve({.cors = {"http://o"}});
    EXPECT_NE(fields_of(*found("/a/b.css")).find("Vary: Origin\r\n"), std::string::npos);
}

// ---- whether it is still so ----

struct change {
    const char* what;
    std::function<void(support::served_tree&)> make;
};

const change changes[] = {
    {"edited, same size", [](auto& files) { files.write("d/index.html", "INDEX"); }},
    {"edited, same size, time set back",
     [](auto& files) {
         auto before = files.status("d/index.html");
         files.write("d/index.html", "INDEX");
         files.set_modified("d/index.html", before.st_mtim);
     }},
    {"grown", [](auto& files) { files.write("d/index.html", "index and more"); }},
    {"replaced", [](auto& files) { files.replace("d/index.html", "INDEX"); }},
    {"replaced, same time and size",
     [](auto& files) {
         auto before = files.status("d/index.html");
         files.replace("d/index.html", "INDEX");
         files.set_modified("d/index.html", before.st_mtim);
     }},
    {"deleted", [](auto& files) { files.remove("d/index.html"); }},
    {"a link in its place",
     [](auto& files) {
         files.remove("d/index.html");
         files.link("../other", "d/index.html");
     }},
    {"an index that comes first", [](auto& files) { files.write("d/first.html", "first"); }},
    {"a new neighbour", [](auto& files) { files.write("d/index.html.gz", "gzip"); }},
    {"the neighbour deleted", [](auto& files) { files.remove("d/index.html.br"); }},
    {"the neighbour edited", [](auto& files) { files.write("d/index.html.br", "BR"); }},
    {"the directory moved",
     [](auto& files) { std::filesystem::rename(files.place_of("d"), files.place_of("e")); }},
    {"the directory replaced",
     [](auto& files) {
         std::filesystem::rename(files.place_of("d"), files.place_of("e"));
         files.write("d/index.html", "index");
     }},
    {"the permissions changed",
     [](auto& files) {
         std::filesystem::permissions(files.place_of("d/index.html"), std::filesystem::perms::none);
     }},
};

TEST_F(Resource, EveryChangeIsSeen) {
    for (const auto& [what, make] : changes) {
        for (const auto* name : {"d", "e"})
            files_.remove(name);
        serve({.index = {"first.html", "index.html"}});
        files_.write("other", "other");
        files_.write("d/index.html", "index");
        files_.write("d/index.html.br", "br");
        auto made = settled("/d/");
        ASSERT_TRUE(made) << what;
        EXPECT_TRUE(made->existing.contains(coding::br)) << what;
        EXPECT_TRUE(is_current(*made, from())) << what;
        make(files_);
        EXPECT_FALSE(is_current(*made, from())) << what;
    }
}

TEST_F(Resource, AChangeElsewhereIsNone) {
    files_.write("a", "x");
    auto made = settled("/a");
    files_.write("b", "y");
    files_.write("d/a", "z");
    EXPECT_TRUE(is_current(*made, from()));
}

TEST_F(Resource, ALinkThatIsTurnedIsSeen) {
    files_.write("one/a", "1");
    files_.write("two/a", "2");
    files_.link("one", "now");
    auto made = settled("/now/a");
    EXPECT_EQ(body_of(*made), "1");
    std::filesystem::remove(files_.place_of("now"));
    files_.link("two", "now");
    EXPECT_FALSE(is_current(*made, from()));
}

// Within the resolution of the file system's clock a second change would look like the first.
TEST_F(Resource, WhatHasJustChangedIsNotSettled) {
    files_.write("a", "x");
    auto made = found("/a");
    EXPECT_FALSE(made->settled);
    EXPECT_FALSE(is_current(*made, from()));
    EXPECT_TRUE(is_current(*settled("/a"), from()));
    files_.write("a.br", "y");
    EXPECT_FALSE(found("/a")->settled);
}

TEST_F(Resource, IsNotCurrentWhenItCannotKnow) {
    files_.write("a", "x");
    auto made = settled("/a");
    support::fault_script faults;
    faults.fail(sys::call::open, EAGAIN, 1);  // the name has left the kernel's cache
    EXPECT_FALSE(is_current(*made, from()));
    EXPECT_EQ(faults.count(sys::call::open), 1u);  // asked without waiting
    faults.fail(sys::call::stat, EIO, 1);
    EXPECT_FALSE(is_current(*made, from()));
}

// ---- when it cannot be had now ----

TEST_F(Resource, CachedOnlyWouldBlockAtEveryName) {
    files_.write("d/index.html", "index");
    files_.write("d/index.html.br", "br");
    unsigned opens = 0;
    ASSERT_TRUE(found("/d/"));  // now the kernel knows what is not there, too
    {
        support::fault_script faults;
        ASSERT_EQ(look("/d/", lookup::cached_only).is, kind::file);
        opens = faults.count(sys::call::open);
    }
    ASSERT_GE(opens, 6u);
    for (unsigned spared = 0; spared < opens; ++spared) {
        support::fault_script faults;
        faults.fail(sys::call::open, EAGAIN, 1, spared);
        EXPECT_EQ(look("/d/", lookup::cached_only).is, kind::would_block) << spared;
    }
}

TEST_F(Resource, CachedOnlyWouldBlockOnAColdBody) {
    files_.write("a", "x");
    support::fault_script faults;
    for (int reason : {EAGAIN, EOPNOTSUPP, EIO}) {
        faults.fail(sys::call::pread, reason, 1);
        EXPECT_EQ(look("/a", lookup::cached_only).is, kind::would_block) << reason;
    }
}

TEST_F(Resource, ShortReadsAreGoneOnWith) {
    files_.write("a", "0123456789");
    support::fault_script faults;
    faults.cut(sys::call::pread, 3);
    for (auto how : {lookup::may_block, lookup::cached_only}) {
        auto made = look("/a", how);
        ASSERT_EQ(made.is, kind::file);
        EXPECT_EQ(body_of(*made.found), "0123456789");
    }
}

TEST_F(Resource, AFileThatShrinksWhileItIsRead) {
    files_.write("a", "0123456789");
    support::fault_script faults;
    faults.before(sys::call::pread, [&] { files_.write("a", "0123"); });
    auto made = found("/a");
    EXPECT_EQ(body_of(*made), "0123");
    EXPECT_NE(fields_of(*made).find("Content-Length: 4\r\n"), std::string::npos);
    EXPECT_FALSE(made->settled);
}

struct refusal_row {
    sys::call made;
    int reason;
    int status;
};

TEST_F(Resource, FailuresHaveTheirStatusAndNameTheFile) {
    files_.write("named", "x");
    for (auto [made, reason, status] :
         {refusal_row{sys::call::open, EMFILE, 503}, refusal_row{sys::call::open, ENFILE, 503},
          refusal_row{sys::call::open, ENOMEM, 503}, refusal_row{sys::call::open, EIO, 500},
          refusal_row{sys::call::open, EACCES, 403}, refusal_row{sys::call::stat, EIO, 500},
          refusal_row{sys::call::pread, EIO, 500}, refusal_row{sys::call::pread, EUCLEAN, 500}}) {
        support::fault_script faults;
        faults.fail(made, reason);
        auto outcome = look("/named");
        EXPECT_EQ(outcome.is, kind::refused) << reason;
        EXPECT_EQ(outcome.status, status) << reason;
        EXPECT_NE(outcome.reason.find("named"), std::string::npos) << outcome.reason;
        EXPECT_NE(outcome.reason.find(std::generic_category().message(reason)), std::string::npos)
            << outcome.reason;
    }
}

TEST_F(Resource, AMissingFileIsNothingForTheLog) {
    EXPECT_EQ(look("/nothing").reason, "");
}

// A neighbour that could not be looked at for want of a descriptor is looked for again soon.
TEST_F(Resource, ANeighbourThatCouldNotBeOpenedIsNotForgotten) {
    files_.write("a.css", "plain");
    files_.write("a.css.br", "br");
    (void)settled("/a.css");
    for (unsigned spared : {2u, 3u}) {  // looking at it, opening it
        support::fault_script faults;
        faults.fail(sys::call::open, EMFILE, 1, spared);
        auto made = found("/a.css");
        EXPECT_TRUE(made->existing.only_identity()) << spared;
        EXPECT_FALSE(is_current(*made, from())) << spared;
    }
}

}  // namespace
}  // namespace sluice::http
