#include "cli/config_file.h"

#include <fstream>

#include <gtest/gtest.h>

#include "support/temporary_file.h"

namespace sluice::cli {
namespace {

class ConfigFile : public testing::Test {
  protected:
    std::expected<http::server_config, std::string> read(const std::string& text) {
        std::ofstream(path_) << text;
        return read_config_file(path_);
    }
    std::string refusal(const std::string& text) {
        auto made = read(text);
        return made ? "(none)" : made.error();
    }

    support::temporary_directory folder_;
    std::string path_ = folder_.path() + "/sluice.toml";
};

TEST_F(ConfigFile, TakesEveryKindOfValue) {
    auto made = read(R"(
[server]
http = ["127.0.0.1:1", "[::1]:2"]
admin = "127.0.0.1:3"
threads = 2
mechanism = "splice"

[limits]
connections = 5
cache_bytes = 1_000_000

[log]
access = "/a.log"
access_format = "json"
level = "debug"

[[site]]
root = "/"
index = ["a.html", "b.html"]
listing = true
precompressed = false
headers = [{path = "/a/*", set = {"X" = "1", "Y" = "2"}}, {path = "*", set = {"Z" = "3"}}]
error_pages = {404 = "/404.html", 500 = "/500.html"}

[[site]]
hosts = "example.org"
root = "/tmp"
cors = ["http://o"]
rate_limit = 1000
)");
    ASSERT_TRUE(made) << made.error();
    EXPECT_EQ(made->http, (std::vector<std::string>{"127.0.0.1:1", "[::1]:2"}));
    EXPECT_EQ(made->admin, "127.0.0.1:3");
    EXPECT_EQ(made->threads, 2u);
    EXPECT_EQ(made->forced, mechanism::splice);
    EXPECT_EQ(made->limits.connections, 5u);
    EXPECT_EQ(made->limits.cache_bytes, 1'000'000u);
    EXPECT_EQ(made->log.format, http::access_format::json);
    EXPECT_EQ(made->log.level, http::log_level::debug);
    ASSERT_EQ(made->sites.size(), 2u);
    const auto& one = made->sites[0];
    EXPECT_EQ(one.index, (std::vector<std::string>{"a.html", "b.html"}));
    EXPECT_TRUE(one.listing);
    EXPECT_FALSE(one.precompressed);
    ASSERT_EQ(one.headers.size(), 3u);
    EXPECT_EQ(one.headers[2].path, "*");
    EXPECT_EQ(one.error_pages.at(500), "/500.html");
    const auto& two = made->sites[1];
    EXPECT_EQ(two.hosts, (std::vector<std::string>{"example.org"}));
    EXPECT_EQ(two.rate_limit, 1000u);
    EXPECT_TRUE(two.headers.empty());
}

TEST_F(ConfigFile, AnEmptyFileIsTheDefaults) {
    auto made = read("");
    ASSERT_TRUE(made);
    EXPECT_EQ(made->http, (std::vector<std::string>{"127.0.0.1:8080"}));
    EXPECT_TRUE(made->sites.empty());
}

struct refused_file {
    const char* text;
    int line;
    const char* says;
};

TEST_F(ConfigFile, RefusesWithTheLine) {
    for (auto [text, line, says] : {
             refused_file{"[[site]]\nroot = \"/nothing\"\n", 2, "/nothing"},
             {"[limits]\nconections = 1\n", 2, "limits.conections"},
             {"[server]\nthreads = 1\n\n[nonsense]\na = 1\n", 4, "nonsense"},
             {"threads = 1\n", 1, "threads"},
             {"server = 1\n", 1, "server"},
             {"[server]\nroot = \"/\"\n", 2, "server.root"},
             {"[server]\n\nthreads = \"2\"\n", 3, "wants a number"},
             {"[server]\nthreads = 2.5\n", 2, "wants a number"},
             {"[server]\nthreads = -1\n", 2, "at least 1"},
             {"[server]\nadmin = 1\n", 2, "wants a text"},
             {"[server]\nmechanism = \"teleport\"\n", 2, "sendfile"},
             {"[server]\nhttp = [\"a:1\",\n  2]\n", 3, "server.http"},
             {"[limits]\nhead_bytes = 1\n", 2, "at least 256"},
             {"[[site]]\nroot = \"/\"\nlisting = 1\n", 3, "wants true or false"},
             {"[[site]]\nlisting = true\n", 1, "without a root"},
             {"[[site]]\nroot = \"/\"\n\n[[site]]\nlisting = true\n", 4, "without a root"},
             {"[site]\nroot = \"/\"\n", 1, "[[site]]"},
             {"[[site]]\nroot = \"/\"\nerror_pages = {404 = 1}\n", 3, "site.error_pages"},
             {"[[site]]\nroot = \"/\"\nerror_pages = {200 = \"/x\"}\n", 3, "404=/404.html"},
             {"[[site]]\nroot = \"/\"\nheaders = [{path = \"/x\"}]\n", 3, "site.headers"},
             {"[[site]]\nroot = \"/\"\nheaders = [{path = \"/x\", set = {A = 1}}]\n", 3,
              "site.headers"},
             {"[[site]]\nroot = \"/\"\nheaders = [{path = \"/x\", set = {A = \"b\\nC: d\"}}]\n", 3,
              "site.headers"},
             {"[server]\nthreads = \n", 2, ""},
             {"[server\n", 1, ""},
             {"[server]\nthreads = 1\nthreads = 2\n", 3, ""},
         }) {
        auto why = refusal(text);
        EXPECT_TRUE(why.starts_with(path_ + ":" + std::to_string(line) + ": ")) << text << why;
        EXPECT_NE(why.find(says), std::string::npos) << text << why;
        EXPECT_EQ(why.find('\n'), std::string::npos) << why;
    }
}

TEST_F(ConfigFile, AFileThatCannotBeReadIsNamed) {
    auto made = read_config_file(folder_.path() + "/nothing.toml");
    ASSERT_FALSE(made);
    EXPECT_TRUE(made.error().starts_with(folder_.path() + "/nothing.toml: ")) << made.error();
    auto of_folder = read_config_file(folder_.path());
    ASSERT_FALSE(of_folder);
    EXPECT_TRUE(of_folder.error().starts_with(folder_.path() + ": ")) << of_folder.error();
}

// The file says what the command line cannot: a pattern with a space in it.
TEST_F(ConfigFile, APatternMayHaveASpace) {
    auto made =
        read("[[site]]\nroot = \"/\"\nheaders = [{path = \"/my files/*\", set = {A = \"b\"}}]\n");
    ASSERT_TRUE(made) << made.error();
    EXPECT_EQ(made->sites[0].headers[0].path, "/my files/*");
}

}  // namespace
}  // namespace sluice::cli
