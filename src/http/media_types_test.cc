#include "http/media_types.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

namespace sluice::http {
namespace {

constexpr std::string_view unknown = "application/octet-stream";

TEST(MediaTypes, BuiltinKnowsTheWeb) {
    auto types = media_types::builtin();
    EXPECT_EQ(types.type_of("/index.html"), "text/html; charset=utf-8");
    EXPECT_EQ(types.type_of("app.js"), "text/javascript; charset=utf-8");
    EXPECT_EQ(types.type_of("app.mjs"), "text/javascript; charset=utf-8");
    EXPECT_EQ(types.type_of("a/b.css"), "text/css; charset=utf-8");
    EXPECT_EQ(types.type_of("a.json"), "application/json");
    EXPECT_EQ(types.type_of("a.svg"), "image/svg+xml");
    EXPECT_EQ(types.type_of("a.xml"), "application/xml");
    EXPECT_EQ(types.type_of("a.wasm"), "application/wasm");
    EXPECT_EQ(types.type_of("a.woff2"), "font/woff2");
    EXPECT_EQ(types.type_of("a.mp4"), "video/mp4");
    EXPECT_EQ(types.type_of("a.tar.gz"), "application/gzip");
}

TEST(MediaTypes, ExtensionsIgnoreCase) {
    auto types = media_types::parse("image/x-thing ThInG\n");
    EXPECT_EQ(types.type_of("A.HTML"), "text/html; charset=utf-8");
    EXPECT_EQ(types.type_of("a.tHiNg"), "image/x-thing");
}

TEST(MediaTypes, NamesWithoutExtensionAreUnknown) {
    auto types = media_types::builtin();
    for (std::string_view path : {"", "/", "README", ".html", "/a/.html", "a.html/b", "a.",
                                  "a.unheard-of", "a.html ", "/a.html/"}) {
        EXPECT_EQ(types.type_of(path), unknown) << path;
    }
    EXPECT_EQ(types.type_of("a." + std::string(5000, 'x')), unknown);
    EXPECT_EQ(types.type_of(".a.html"), "text/html; charset=utf-8");
}

TEST(MediaTypes, TheFileGoesBeforeTheBuiltinTable) {
    auto types = media_types::parse(
        "# a comment html\n"
        "text/x-first\thtml  abc # and another\r\n"
        "text/x-second abc\n"
        "no-slash css\n"
        "text/lonely\n"
        "application/x-last last");
    EXPECT_EQ(types.type_of("a.html"), "text/x-first; charset=utf-8");
    EXPECT_EQ(types.type_of("a.abc"), "text/x-first; charset=utf-8");
    EXPECT_EQ(types.type_of("a.css"), "text/css; charset=utf-8");
    EXPECT_EQ(types.type_of("a.last"), "application/x-last");
    EXPECT_EQ(types.type_of("a.another"), unknown);
}

TEST(MediaTypes, JavaScriptGetsItsNameOfToday) {
    auto types = media_types::parse("application/javascript js\ntext/xml xml\n");
    EXPECT_EQ(types.type_of("a.js"), "text/javascript; charset=utf-8");
    EXPECT_EQ(types.type_of("a.xml"), "text/xml");
}

TEST(MediaTypes, MovesAndCopiesStayTrue) {
    auto types = media_types::builtin();
    auto copy = types;
    auto moved = std::move(types);
    EXPECT_EQ(copy.type_of("a.png"), "image/png");
    EXPECT_EQ(moved.type_of("a.png"), "image/png");
}

class MediaTypesFile : public testing::Test {
  protected:
    void SetUp() override {
        std::string name =
            (std::filesystem::temp_directory_path() / "sluice-types-XXXXXX").string();
        ASSERT_NE(mkdtemp(name.data()), nullptr);
        folder_ = name;
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }

    std::string write(std::string_view text) {
        auto path = (folder_ / "mime.types").string();
        std::ofstream(path) << text;
        return path;
    }

    std::filesystem::path folder_;
};

TEST_F(MediaTypesFile, IsRead) {
    auto types = media_types::load(write("image/x-thing thing\n"));
    ASSERT_TRUE(types);
    EXPECT_EQ(types->type_of("a.thing"), "image/x-thing");
}

TEST_F(MediaTypesFile, MayBeEmptyOrMissing) {
    auto empty = media_types::load(write(""));
    ASSERT_TRUE(empty);
    EXPECT_EQ(empty->type_of("a.html"), "text/html; charset=utf-8");
    auto missing = media_types::load((folder_ / "missing").string());
    ASSERT_TRUE(missing);
    EXPECT_EQ(missing->type_of("a.html"), "text/html; charset=utf-8");
}

TEST_F(MediaTypesFile, AnErrorNamesIt) {
    auto types = media_types::load(folder_.string());
    ASSERT_FALSE(types);
    EXPECT_TRUE(types.error().is(EISDIR));
    EXPECT_EQ(types.error().object(), folder_.string());
}

}  // namespace
}  // namespace sluice::http
