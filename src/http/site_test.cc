#include "http/site.h"

#include <gtest/gtest.h>

#include "support/served_tree.h"

namespace sluice::http {
namespace {

std::string refusal(const site_config& config) {
    auto made = site::open(config);
    return made ? "(none)" : made.error().message();
}

TEST(Site, NamesWhatIsWrong) {
    support::served_tree files;
    files.write("file", "x");
    EXPECT_NE(refusal({.root = "/nothing/here"}).find("/nothing/here"), std::string::npos);
    EXPECT_NE(refusal({.root = files.place_of("file")}).find("file"), std::string::npos);
    EXPECT_NE(refusal({.hosts = {"*.*"}, .root = files.root()}).find("*.*"), std::string::npos);
    EXPECT_EQ(refusal({.hosts = {"*.a"}, .root = files.root()}), "(none)");
}

TEST(Site, IsChosenByHost) {
    support::served_tree files;
    server_config config;
    config.sites.resize(3);
    config.sites[1].hosts = {"example.org", "*.example.org"};
    config.sites[2].hosts = {"example.com"};
    auto sites = files.serve(config);
    auto chosen = [&](std::string_view host) {
        return &sites->for_host(host) - sites->sites.data();
    };
    EXPECT_EQ(chosen("example.org"), 1);
    EXPECT_EQ(chosen("EXAMPLE.ORG:8080"), 1);
    EXPECT_EQ(chosen("a.b.example.org"), 1);
    EXPECT_EQ(chosen("example.com"), 2);
    EXPECT_EQ(chosen("a.example.com"), 0);
    EXPECT_EQ(chosen("[::1]:80"), 0);
    EXPECT_EQ(chosen(""), 0);
    EXPECT_EQ(chosen("no host"), 0);
}

TEST(Site, LaterRulesWin) {
    support::served_tree files;
    site_config config;
    config.headers = {{"*", {{"X", "1"}, {"Y", "1"}}}, {"/a/**", {{"x", "2"}}}};
    auto sites = files.serve(config);
    field_list fields;
    sites->sites.front().apply_header_rules("/a/b/c", fields);
    std::string text;
    fields.write_to(text);
    EXPECT_EQ(text, "X: 2\r\nY: 1\r\n");
}

TEST(Site, OriginsAndErrorPages) {
    support::served_tree files;
    site_config config{.cors = {"http://o"}};
    config.error_pages = {{404, "/x"}};
    auto sites = files.serve(config);
    const auto& one = sites->sites.front();
    EXPECT_TRUE(one.allows_origin("http://o"));
    EXPECT_FALSE(one.allows_origin("http://O"));
    EXPECT_FALSE(one.allows_every_origin());
    ASSERT_NE(one.error_page(404), nullptr);
    EXPECT_EQ(*one.error_page(404), "/x");
    EXPECT_EQ(one.error_page(403), nullptr);
    EXPECT_TRUE(files.serve({.cors = {"http://o", "*"}})->sites.front().allows_origin("x"));
}

}  // namespace
}  // namespace sluice::http
