#include "http/listing.h"

#include <gtest/gtest.h>

namespace sluice::http {
namespace {

constexpr std::int64_t morning = 1795168800;  // 2026-11-20T10:00:00Z

listing_entry file(std::string name, std::uint64_t size = 1, std::int64_t modified = morning) {
    return {.name = std::move(name), .directory = false, .size = size, .modified = modified};
}

listing_entry directory(std::string name, std::int64_t modified = morning) {
    return {.name = std::move(name), .directory = true, .size = 4096, .modified = modified};
}

bool contains(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

std::string sorted_names(listing_order order) {
    listing_page page{.path = "/",
                      .entries = {file("b", 20, 3), file("C", 10, 1), directory("z", 5),
                                  file("a", 10, 2), directory("Y", 6)},
                      .order = order};
    sort_entries(page);
    std::string names;
    for (const auto& entry : page.entries)
        names += entry.name;
    return names;
}

TEST(Listing, SortsDirectoriesFirst) {
    using key = listing_order::key;
    EXPECT_EQ(sorted_names({}), "YzabC");
    EXPECT_EQ(sorted_names({key::name, true}), "zYCba");
    EXPECT_EQ(sorted_names({key::size, false}), "YzaCb");
    EXPECT_EQ(sorted_names({key::size, true}), "YzbaC");
    EXPECT_EQ(sorted_names({key::time, false}), "zYCab");
    EXPECT_EQ(sorted_names({key::time, true}), "YzbaC");
}

TEST(Listing, ReadsTheOrderFromTheQuery) {
    auto read = [](std::string_view query) {
        auto order = parse_listing_order(query);
        return std::to_string(static_cast<int>(order.sort)) + (order.descending ? "-" : "+");
    };
    EXPECT_EQ(read(""), "0+");
    EXPECT_EQ(read("sort=size&order=desc"), "1-");
    EXPECT_EQ(read("order=desc&sort=time"), "2-");
    EXPECT_EQ(read("format=json&sort=time&&order=asc"), "2+");
    EXPECT_EQ(read("sort=colour&order=sideways&sort"), "0+");
}

TEST(Listing, LinksAndNamesAreEscaped) {
    listing_page page{
        .path = "/<a>/b c/",
        .entries = {file("<script>alert('x')&\".txt"), directory("d e"), file("a:b?#%")}};
    auto html = listing_html(page);
    EXPECT_FALSE(contains(html, "<script"));
    EXPECT_TRUE(contains(html, "href=\"%3Cscript%3Ealert(%27x%27)%26%22.txt\""));
    EXPECT_TRUE(contains(html, "<span>&lt;script&gt;alert(&#39;x&#39;)&amp;&quot;.txt</span>"));
    EXPECT_TRUE(contains(html, "href=\"d%20e/\"><span>d e/</span>"));
    EXPECT_TRUE(contains(html, "href=\"a%3Ab%3F%23%25\""));
    EXPECT_TRUE(contains(html, "<title>Index of /&lt;a&gt;/b c/</title>"));
}

TEST(Listing, NamesThatCannotBeAskedForHaveNoLink) {
    listing_page page{.path = "/", .entries = {file("a\xFF.txt"), file("b\nc"), file("d\\e")}};
    auto html = listing_html(page);
    EXPECT_TRUE(contains(html, "<span>a\uFFFD.txt</span></span>"));
    EXPECT_TRUE(contains(html, "<span>b\uFFFDc</span></span>"));
    EXPECT_TRUE(contains(html, "<span>d\\e</span></span>"));
    EXPECT_FALSE(contains(html, "%FF"));
    EXPECT_FALSE(contains(html, "%0A"));
    EXPECT_FALSE(contains(html, "%5C"));
}

TEST(Listing, BreadcrumbsLeadUp) {
    auto html = listing_html({.path = "/a/b/", .entries = {}});
    EXPECT_TRUE(contains(html,
                         "<li><a href=\"../../\">Home</a></li><li><a href=\"../\">a</a></li>"
                         "<li><a href=\"./\" aria-current=\"page\">b</a></li>"));
    EXPECT_TRUE(contains(html, "parent directory"));
    auto root = listing_html({.path = "/", .entries = {}});
    EXPECT_TRUE(contains(root, "<li><a href=\"./\" aria-current=\"page\">Home</a></li></ol>"));
    EXPECT_FALSE(contains(root, "parent directory"));
    EXPECT_TRUE(contains(root, "This directory is empty."));
}

TEST(Listing, ColumnsTurnTheirOrder) {
    listing_page page{.path = "/", .entries = {}};
    auto by_name = listing_html(page);
    EXPECT_TRUE(
        contains(by_name, "aria-sort=\"ascending\"><a href=\"?sort=name&amp;order=desc\">"));
    EXPECT_TRUE(contains(by_name, "\"s\"><a href=\"?sort=size&amp;order=desc\">"));
    page.order = {listing_order::key::size, true};
    EXPECT_TRUE(contains(listing_html(page),
                         "aria-sort=\"descending\"><a href=\"?sort=size&amp;order=asc\">"));
}

TEST(Listing, ShowsSizesTimesAndCounts) {
    listing_page page{.path = "/", .entries = {directory("d"), file("f", 1468006), file("g", 1)}};
    auto html = listing_html(page);
    EXPECT_TRUE(contains(html, "title=\"1,468,006 bytes\">1.3 MiB<"));
    EXPECT_TRUE(contains(html, "title=\"1 byte\">1 B<"));
    EXPECT_TRUE(contains(html, "<time datetime=\"2026-11-20T10:00:00Z\""));
    EXPECT_TRUE(contains(html, ">2026-11-20 10:00</time>"));
    EXPECT_TRUE(
        contains(html, "1 directory, 2 files, <span title=\"1,468,007 bytes\">1.3 MiB</span>"));
    EXPECT_FALSE(contains(html, "4,096")) << "the size of a directory means nothing";
    EXPECT_FALSE(contains(html, "has more"));
}

TEST(Listing, SaysWhenItIsCut) {
    auto html = listing_html({.path = "/", .entries = {file("a")}, .truncated = true});
    EXPECT_TRUE(contains(html, "Only 1 entry is shown; this directory has more."));
    EXPECT_TRUE(contains(html, "in the part that is shown"));
}

TEST(Listing, WritesJson) {
    listing_page page{.path = "/a\"/", .entries = {directory("d"), file("f\xFF", 5, 0)}};
    EXPECT_EQ(listing_json(page),
              "{\"path\":\"/a\\\"/\",\"truncated\":false,\"entries\":[\n"
              "{\"name\":\"d\",\"type\":\"directory\",\"size\":null,\"modified\":\"2026-11-20T10:"
              "00:00Z\"},\n"
              "{\"name\":\"f\uFFFD\",\"type\":\"file\",\"size\":5,\"modified\":\"1970-01-01T00:00:"
              "00Z\"}\n]}\n");
    EXPECT_EQ(listing_json({.path = "/", .entries = {}, .truncated = true}),
              "{\"path\":\"/\",\"truncated\":true,\"entries\":[\n]}\n");
}

TEST(Listing, WritesSizesForPeople) {
    EXPECT_EQ(human_size(0), "0 B");
    EXPECT_EQ(human_size(999), "999 B");
    EXPECT_EQ(human_size(1000), "0.9 KiB");
    EXPECT_EQ(human_size(1024), "1.0 KiB");
    EXPECT_EQ(human_size(1536), "1.5 KiB");
    EXPECT_EQ(human_size(10239), "9.9 KiB");
    EXPECT_EQ(human_size(10240), "10 KiB");
    EXPECT_EQ(human_size(999 * 1024ULL), "999 KiB");
    EXPECT_EQ(human_size(5ULL << 30), "5.0 GiB");
    EXPECT_EQ(human_size(UINT64_MAX), "15 EiB");
}

}  // namespace
}  // namespace sluice::http
