#include "http/file_service.h"

#include <cerrno>
#include <chrono>

#include <gtest/gtest.h>

#include "http/file_service_testing.h"
#include "support/fault_script.h"
#include "support/pattern.h"

namespace sluice::http {
namespace {

using support::difference;
using support::pattern;

// ---- files ----

TEST_F(FileService, SmallAndLargeFiles) {
    for (std::size_t size : {0, 1, 16384, 16385, 100000}) {
        auto content = pattern(size);
        files_.write("a.txt", content);
        serve();
        for (int time = 0; time < 3; ++time) {  // loaded, and from the cache
            auto made = ask("GET /a.txt");
            EXPECT_EQ(made.status, 200);
            EXPECT_EQ(difference(made.body, content), "");
            EXPECT_EQ(made.field("Content-Type"), "text/plain; charset=utf-8");
            EXPECT_EQ(made.field("Accept-Ranges"), "bytes");
            EXPECT_EQ(made.field("Server"), "sluice");
            EXPECT_EQ(made.field("Connection"), "(none)");
            EXPECT_EQ(made.trouble, "");
        }
    }
}

TEST_F(FileService, HeadHasTheFieldsOfGet) {
    for (std::size_t size : {10, 100000}) {
        files_.write("a.txt", pattern(size));
        serve();
        auto get = ask("GET /a.txt");
        auto head = ask("HEAD /a.txt");
        EXPECT_EQ(head.status, 200);
        for (const auto* name : {"Content-Type", "Content-Length", "ETag", "Last-Modified"})
            EXPECT_EQ(head.field(name), get.field(name)) << name;
        EXPECT_EQ(head.field("Content-Length"), std::to_string(size));
        EXPECT_EQ(head.body_bytes, 0u);
    }
}

TEST_F(FileService, TheWayOfWritingThePathMakesNoDifference) {
    files_.write("d/a b.txt", "x");
    files_.write("d/plain", "y");
    for (const auto* target :
         {"/d/a%20b.txt", "/d//a%20b.txt", "/d/./a%20b.txt", "/e/../d/a%20b.txt",
          "http://a/d/a%20b.txt", "/%64/a%20b.txt", "/d/a%20b.txt?q=1"})
        EXPECT_EQ(ask("GET " + std::string(target)).body, "x") << target;
    for (const auto* target : {"/d/plain", "/d/plain?", "//d/plain", "HTTP://A/d/plain"})
        EXPECT_EQ(ask("GET " + std::string(target)).body, "y") << target;
}

struct status_row {
    const char* line;
    int status;
};

TEST_F(FileService, Statuses) {
    files_.write("a", "x");
    files_.write(".hidden", "x");
    files_.write("d/.hidden", "x");
    files_.make_directory("empty");
    files_.write("../outside", "x");
    files_.link("../outside", "out");
    for (auto [line, status] : {status_row{"GET /a", 200},
                                {"GET /nothing", 404},
                                {"GET /a/", 404},
                                {"GET /a/b", 404},
                                {"GET /.hidden", 404},
                                {"GET /d/.hidden", 404},
                                {"GET /%2ehidden", 404},
                                {"GET /empty/", 403},
                                {"GET /empty", 301},
                                {"GET /out", 403},
                                {"GET /..", 400},
                                {"GET /d/../../a", 400},
                                {"GET /%2e%2e/a", 400},
                                {"GET /a%", 400},
                                {"GET /a%00", 400},
                                {"GET /d%2fa", 400},
                                {"GET /d%5ca", 400},
                                {"GET /d\\a", 400},
                                {"GET /%ff", 400},
                                {"GET /a%0a", 400},
                                {"GET *", 400},
                                {"GET a", 400},
                                {"GET ftp://a/a", 400},
                                {"GET /a#b", 400},
                                {"POST /a", 405},
                                {"PUT /a", 405},
                                {"DELETE /a", 405},
                                {"PATCH /a", 405},
                                {"TRACE /a", 405},
                                {"CONNECT a:80", 405},
                                {"POST /..", 405},
                                {"BREW /a", 501},
                                {"get /a", 501},
                                {"OPTIONS /a", 204},
                                {"OPTIONS *", 204},
                                {"HEAD /nothing", 404},
                                {"HEAD /empty", 301}}) {
        auto made = ask(line);
        EXPECT_EQ(made.status, status) << line;
        if (status == 405) {
            EXPECT_EQ(made.field("Allow"), "GET, HEAD, OPTIONS") << line;
        }
        if (status >= 400) {
            EXPECT_EQ(made.field("Content-Type"), "text/html; charset=utf-8") << line;
        }
    }
}

TEST_F(FileService, RedirectsToTheSlash) {
    files_.make_directory("d e");
    files_.make_directory("evil.org");
    EXPECT_EQ(ask("GET /d%20e").field("Location"), "/d%20e/");
    EXPECT_EQ(ask("GET /d%20e?a=b&c").field("Location"), "/d%20e/?a=b&c");
    EXPECT_EQ(ask("GET //evil.org").field("Location"), "/evil.org/");
    EXPECT_EQ(ask("GET http://a/evil.org").field("Location"), "/evil.org/");
    // Not even an encoded line break gets into the field.
    EXPECT_EQ(ask("GET /evil.org?%0d%0aX:y").field("Location"), "/evil.org/?%0d%0aX:y");
}

TEST_F(FileService, SitesByHost) {
    support::served_tree other;
    files_.write("a", "first");
    other.write("a", "other");
    server_config config;
    config.sites.resize(2);
    config.sites[1].hosts = {"b", "*.b"};
    config.sites[1].root = other.root();
    serve(config);
    for (int time = 0; time < 2; ++time) {
        EXPECT_EQ(ask("GET /a").body, "first");
        EXPECT_EQ(ask("GET http://b/a").body, "other");  // overrules Host
        EXPECT_EQ(ask("GET http://x.B:80/a").body, "other");
    }
}

// ---- codings ----

TEST_F(FileService, Codings) {
    files_.write("a.css", "plain");
    files_.write("a.css.br", "br");
    files_.write("a.css.gz", "gzip");
    auto body = [&](const std::string& accepted) {
        return ask("GET /a.css", "Accept-Encoding: " + accepted + "\r\n").body;
    };
    for (int time = 0; time < 2; ++time) {
        EXPECT_EQ(ask("GET /a.css").body, "plain");
        EXPECT_EQ(body("gzip, br"), "br");
        EXPECT_EQ(body("gzip"), "gzip");
        EXPECT_EQ(body("br;q=0.5, gzip"), "gzip");
        EXPECT_EQ(body("zstd"), "plain");
        EXPECT_EQ(body("br;q=0"), "plain");
    }
    EXPECT_EQ(ask("GET /a.css").field("Vary"), "Accept-Encoding");
}

// ---- OPTIONS and origins ----

const char preflight[] =
    "Origin: http://o\r\nAccess-Control-Request-Method: GET\r\n"
    "Access-Control-Request-Headers: range, x-y\r\n";

TEST_F(FileService, OptionsAndPreflight) {
    auto plain = ask("OPTIONS /a");
    EXPECT_EQ(plain.field("Allow"), "GET, HEAD, OPTIONS");
    EXPECT_EQ(plain.field("Content-Length"), "(none)");
    EXPECT_EQ(ask("OPTIONS /a", preflight).field("Access-Control-Allow-Origin"), "(none)");

    serve({.cors = {"*"}});
    auto all = ask("OPTIONS /a", preflight);
    EXPECT_EQ(all.field("Access-Control-Allow-Origin"), "*");
    EXPECT_EQ(all.field("Access-Control-Allow-Methods"), "GET, HEAD, OPTIONS");
    EXPECT_EQ(all.field("Access-Control-Allow-Headers"), "range, x-y");

    serve({.cors = {"http://o"}});
    auto one = ask("OPTIONS /a", preflight);
    EXPECT_EQ(one.field("Access-Control-Allow-Origin"), "http://o");
    EXPECT_EQ(one.field("Vary"), "Origin");
    serve({.cors = {"http://p"}});
    EXPECT_EQ(ask("OPTIONS /a", preflight).field("Access-Control-Allow-Origin"), "(none)");
}

TEST_F(FileService, OriginsOfFiles) {
    files_.write("a", "x");
    auto origin = [&](const std::string& who) {
        return ask("GET /a", who.empty() ? "" : "Origin: " + who + "\r\n")
            .field("Access-Control-Allow-Origin");
    };
    EXPECT_EQ(origin("http://o"), "(none)");
    serve({.cors = {"*"}});
    EXPECT_EQ(origin(""), "*");
    EXPECT_EQ(origin("http://o"), "*");
    serve({.cors = {"http://o", "http://p"}});
    EXPECT_EQ(origin(""), "(none)");
    EXPECT_EQ(origin("http://p"), "http://p");
    EXPECT_EQ(origin("http://o.evil"), "(none)");
    EXPECT_EQ(ask("GET /a").field("Vary"), "Origin");
    auto made = ask("GET /a", "Origin: http://o\r\nRange: bytes=0-0\r\n");
    EXPECT_EQ(made.status, 206);
    EXPECT_EQ(made.field("Access-Control-Allow-Origin"), "http://o");
}

// ---- other pages ----

TEST_F(FileService, Fallback) {
    serve({.fallback = "/app.html"});
    files_.write("app.html", "the app");
    files_.write("a", "x");
    files_.make_directory("d");
    for (const auto* line : {"GET /route/of/app", "GET /route?x", "GET /.hidden"}) {
        auto made = ask(line);
        EXPECT_EQ(made.status, 200) << line;
        EXPECT_EQ(made.body, "the app") << line;
        EXPECT_EQ(made.field("Content-Type"), "text/html; charset=utf-8");
    }
    EXPECT_EQ(ask("GET /a").body, "x");
    EXPECT_EQ(ask("GET /d/").status, 403);
    EXPECT_EQ(ask("POST /route").status, 405);
    EXPECT_EQ(ask("GET /..").status, 400);
    auto tag = ask("GET /route").field("ETag");
    EXPECT_EQ(ask("GET /route", "If-None-Match: " + tag + "\r\n").status, 304);
    files_.remove("app.html");
    serve({.fallback = "/app.html"});
    EXPECT_EQ(ask("GET /route").status, 404);
}

TEST_F(FileService, ErrorPages) {
    site_config config;
    config.error_pages = {{404, "/404.html"},
                          {405, "/405.html"},
                          {400, "/400.html"},
                          {501, "/405.html"},
                          {403, "/nothing"}};
    serve(config);
    files_.write("404.html", "not here");
    files_.write("405.html", "not so");
    files_.write("400.html", "what?");
    files_.make_directory("d");
    auto missing = ask("GET /nothing", "Range: bytes=0-0\r\nIf-None-Match: *\r\n");
    EXPECT_EQ(missing.status, 404);
    EXPECT_EQ(missing.body, "not here");
    EXPECT_EQ(ask("GET /404.html").status, 200);
    EXPECT_EQ(ask("GET /404.html").body, "not here");
    EXPECT_EQ(ask("HEAD /nothing").status, 404);
    auto posted = ask("POST /a");
    EXPECT_EQ(posted.status, 405);
    EXPECT_EQ(posted.body, "not so");
    EXPECT_EQ(posted.field("Allow"), "GET, HEAD, OPTIONS");
    EXPECT_EQ(ask("BREW /a").body, "not so");
    EXPECT_EQ(ask("GET /..").body, "what?");
    EXPECT_EQ(ask("GET /..").status, 400);
    auto built_in = ask("GET /d/");  // its page does not exist
    EXPECT_EQ(built_in.status, 403);
    EXPECT_NE(built_in.body.find("403"), std::string::npos);
}

TEST_F(FileService, FallbackBeforeTheErrorPageAndNoCircles) {
    site_config config{.fallback = "/gone.html"};
    config.error_pages = {{404, "/also-gone.html"}};
    serve(config);
    EXPECT_EQ(ask("GET /x").status, 404);
    files_.write("also-gone.html", "page");
    EXPECT_EQ(ask("GET /x").body, "page");
    EXPECT_EQ(ask("GET /x").status, 404);
    files_.write("gone.html", "fallback");
    EXPECT_EQ(ask("GET /x").body, "fallback");
    EXPECT_EQ(ask("GET /x").status, 200);
}

// ---- listings ----

TEST_F(FileService, ListingsAreMadeOffTheLoop) {
    serve({.listing = true});
    files_.write("d/one.txt", "1");
    files_.write("d/two.txt", "22");
    files_.write("d/.hidden", "x");
    auto html = ask("GET /d/");
    EXPECT_EQ(html.status, 200);
    EXPECT_GE(html.waits, 1);
    EXPECT_EQ(html.field("Content-Type"), "text/html; charset=utf-8");
    EXPECT_EQ(html.field("Cache-Control"), "no-cache");
    EXPECT_NE(html.body.find("one.txt"), std::string::npos);
    EXPECT_EQ(html.body.find(".hidden"), std::string::npos);
    for (const auto& made :
         {ask("GET /d/?format=json"), ask("GET /d/", "Accept: application/json\r\n")}) {
        EXPECT_EQ(made.field("Content-Type"), "application/json");
        EXPECT_TRUE(made.body.starts_with("{") || made.body.starts_with("[")) << made.body;
    }
    EXPECT_EQ(ask("GET /d/?format=html", "Accept: application/json\r\n").field("Content-Type"),
              "text/html; charset=utf-8");
    EXPECT_EQ(ask("HEAD /d/").status, 200);
    EXPECT_EQ(ask("GET /d").status, 301);
}

TEST_F(FileService, ListingsTellOriginsAsFilesDo) {
    files_.write("d/a", "x");
    serve({.listing = true, .cors = {"*"}});
    EXPECT_EQ(ask("GET /d/").field("Access-Control-Allow-Origin"), "*");
    serve({.listing = true, .cors = {"http://o"}});
    auto made = ask("GET /d/", "Origin: http://o\r\n");
    EXPECT_EQ(made.field("Access-Control-Allow-Origin"), "http://o");
    EXPECT_NE(ask("GET /d/").field("Vary").find("Origin"), std::string::npos);
}

TEST_F(FileService, AListingThatFails) {
    serve({.listing = true});
    files_.make_directory("d");
    (void)ask("GET /d/");
    support::fault_script faults;
    faults.fail(sys::call::open, EMFILE, 1, 2);  // looking at d and its index come before
    auto made = ask("GET /d/");
    EXPECT_EQ(made.status, 503);
    EXPECT_EQ(made.field("Retry-After"), "1");
}

// ---- waiting and failing ----

TEST_F(FileService, LoadsOffTheLoopWhatIsNotCached) {
    files_.write("a", "hello");
    (void)ask("GET /a");
    serve();
    support::fault_script faults;
    faults.fail(sys::call::open, EAGAIN, 1);
    auto made = ask("GET /a");
    EXPECT_EQ(made.waits, 1);
    EXPECT_EQ(made.status, 200);
    EXPECT_EQ(made.body, "hello");
    EXPECT_EQ(ask("GET /a").waits, 0);  // kept
}

TEST_F(FileService, ErrorPagesAndFallbacksWaitToo) {
    site_config config{.fallback = "/app"};
    serve(config);
    files_.write("app", "the app");
    (void)ask("GET /x");
    serve(config);
    support::fault_script faults;
    faults.fail(sys::call::open, EAGAIN, 1, 1);
    auto made = ask("GET /x");
    EXPECT_EQ(made.body, "the app");
    EXPECT_EQ(made.waits, 1);
}

TEST_F(FileService, NoDescriptorIs503) {
    files_.write("a", "x");
    (void)ask("GET /a");
    serve();
    support::fault_script faults;
    faults.fail(sys::call::open, EMFILE);
    auto made = ask("GET /a");
    EXPECT_EQ(made.status, 503);
    EXPECT_EQ(made.field("Retry-After"), "1");
    EXPECT_NE(made.trouble, "");
}

TEST_F(FileService, AnErrorOfTheDiskIs500AndNamesTheFile) {
    files_.write("named.txt", "x");
    (void)ask("GET /named.txt");
    serve();
    support::fault_script faults;
    faults.fail(sys::call::pread, EIO);
    auto made = ask("GET /named.txt");
    EXPECT_EQ(made.status, 500);
    EXPECT_NE(made.trouble.find("named.txt"), std::string::npos) << made.trouble;
    faults.fail(sys::call::pread, 0, 0);
    EXPECT_EQ(ask("GET /named.txt").status, 200);  // not remembered
}

TEST_F(FileService, TheSitesOfARequestStayThroughAReload) {
    files_.write("a", "old");
    (void)ask("GET /a");
    serve();
    std::string text = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";
    exchange x;
    x.now_ns = sys::monotonic_ns();
    std::size_t searched = 0;
    (void)parse_head(as_bytes(text), searched, {}, x.asked);
    chain out;
    std::optional<blocking_work> work;
    {
        support::fault_script faults;
        faults.fail(sys::call::open, EAGAIN, 1);
        work = service_->answer(x, out);
    }
    ASSERT_TRUE(work);
    support::served_tree other;
    other.write("a", "new");
    service_->use(other.serve(), cache_limits{});
    sites_.reset();
    (*work)();
    ASSERT_FALSE(service_->answer(x, out));
    answered made;
    read(out, made);
    EXPECT_EQ(made.body, "old");
    EXPECT_EQ(ask("GET /a").body, "new");
}

TEST_F(FileService, AChangedFileIsServedNew) {
    files_.write("a", "old");
    EXPECT_EQ(ask("GET /a").body, "old");
    files_.replace("a", "new");
    auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(1000);
    while (ask("GET /a").body == "old" && std::chrono::steady_clock::now() < deadline) {
    }
    EXPECT_EQ(ask("GET /a").body, "new");
}

}  // namespace
}  // namespace sluice::http
