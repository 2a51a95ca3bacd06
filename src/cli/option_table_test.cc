#include "cli/option_table.h"

#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include <gtest/gtest.h>

namespace sluice::cli {
namespace {

using http::server_config;
using http::site_config;

struct documented {
    std::string table, key, default_value;
};

// The options as the table of docs/serve.md has them.
std::vector<documented> contract() {
    std::ifstream file(SLUICE_SOURCE_DIR "/docs/serve.md");
    std::vector<documented> rows;
    std::regex row(R"(\| (server|limits|log|site) \| (\w+) \| ([^|]*) \|.*)");
    std::string line;
    std::smatch found;
    while (std::getline(file, line)) {
        if (std::regex_match(line, found, row)) rows.push_back({found[1], found[2], found[3]});
    }
    return rows;
}

// What is wrong with the words, or nothing.
std::string set(std::string_view table, std::string_view key, std::vector<std::string> words,
                server_config& all, site_config& site) {
    const auto* row = find_option(table, key);
    EXPECT_NE(row, nullptr) << table << "." << key;
    return row == nullptr ? "no such option" : row->set(all, site, words);
}
std::string refusal(std::string_view table, std::string_view key, std::vector<std::string> words) {
    server_config all;
    site_config site;
    return set(table, key, std::move(words), all, site);
}

TEST(OptionTable, HasTheOptionsOfTheContractAndNoOther) {
    std::set<std::string> wanted, had;
    for (const auto& each : contract())
        wanted.insert(each.table + "." + each.key);
    for (const auto& each : option_table())
        had.insert(std::string(each.table) + "." + std::string(each.key));
    EXPECT_GT(wanted.size(), 30u);
    EXPECT_EQ(had, wanted);
}

TEST(OptionTable, FlagsAreUnlike) {
    std::set<std::string> names{"--config", "--help"};
    for (const auto& each : option_table()) {
        EXPECT_TRUE(names.insert(each.flag_name()).second) << each.flag_name();
        if (!each.alias.empty()) {
            EXPECT_TRUE(names.insert(std::string(each.alias)).second) << each.alias;
        }
        EXPECT_EQ(each.flag_name().find('_'), std::string::npos);
        EXPECT_FALSE(each.help.empty());
    }
    EXPECT_EQ(find_option("limits", "head_timeout_ms")->flag_name(), "--head-timeout-ms");
    EXPECT_EQ(find_option("site", "head_timeout_ms"), nullptr);
    EXPECT_EQ(find_option("limits", "nothing"), nullptr);
}

// The value of every option, spelled as in the contract; "(…)" for what is off or has no spelling.
std::map<std::string, std::string> values_of(const server_config& all, const site_config& site) {
    auto number = [](auto value) { return std::to_string(value); };
    auto flag = [](bool value) { return std::string(value ? "true" : "false"); };
    const auto& limits = all.limits;
    auto list = [](const std::vector<std::string>& values, const char* none) {
        return values.size() == 1 ? values[0] : values.empty() ? none : "several";
    };
    auto text = [](const std::string& value, const char* none) {
        return value.empty() ? std::string(none) : value;
    };
    return {
        {"http", list(all.http, "(none)")},
        {"admin", text(all.admin, "(off)")},
        {"threads", all.threads == 0 ? "CPUs available" : number(all.threads)},
        {"drain_timeout_ms", number(all.drain_timeout_ms)},
        {"mechanism", all.forced ? std::string(name_of(*all.forced)) : "auto"},
        {"connections", number(limits.connections)},
        {"head_bytes", number(limits.head_bytes)},
        {"header_fields", number(limits.header_fields)},
        {"body_bytes", number(limits.body_bytes)},
        {"head_timeout_ms", number(limits.head_timeout_ms)},
        {"idle_timeout_ms", number(limits.idle_timeout_ms)},
        {"send_timeout_ms", number(limits.send_timeout_ms)},
        {"requests", number(limits.requests)},
        {"ranges", number(limits.ranges)},
        {"small_body_bytes", number(limits.small_body_bytes)},
        {"cache_bytes", number(limits.cache_bytes)},
        {"cache_files", number(limits.cache_files)},
        {"cold_reads", number(limits.cold_reads)},
        {"listing_entries", number(limits.listing_entries)},
        {"access", text(all.log.access, "(off)")},
        {"access_format", all.log.format == http::access_format::json ? "json" : "combined"},
        {"error", all.log.error},
        {"level", all.log.level == http::log_level::info ? "info" : "other"},
        {"hosts", list(site.hosts, "(every host)")},
        {"root", text(site.root, "(needed)")},
        {"index", list(site.index, "(none)")},
        {"listing", flag(site.listing)},
        {"fallback", text(site.fallback, "(none)")},
        {"precompressed", flag(site.precompressed)},
        {"dotfiles", flag(site.dotfiles)},
        {"follow_links", flag(site.follow_links)},
        {"cors", list(site.cors, "(none)")},
        {"rate_limit", number(site.rate_limit)},
        {"error_pages", site.error_pages.empty() ? "(none)" : "some"},
        {"headers", site.headers.empty() ? "(none)" : "some"},
    };
}

TEST(OptionTable, DefaultsAreThoseOfTheContract) {
    auto defaults = values_of({}, {});
    for (const auto& each : contract()) {
        ASSERT_TRUE(defaults.contains(each.key)) << each.key;
        EXPECT_EQ(defaults[each.key], each.default_value) << each.table << "." << each.key;
    }
}

// Every number that --help names as a default is the default.
TEST(OptionTable, HelpNamesTheDefaults) {
    auto defaults = values_of({}, {});
    std::regex number(R"(.*\((\d+)(:.*)?\))");
    for (const auto& each : option_table()) {
        std::string help(each.help);
        std::smatch found;
        if (each.kind == option_kind::number && each.key != "threads") {
            ASSERT_TRUE(std::regex_match(help, found, number)) << help;
            EXPECT_EQ(found[1], defaults[std::string(each.key)]) << each.key;
        }
    }
}

TEST(OptionTable, EveryOptionSetsItsOwnValueOnly) {
    const std::map<std::string, std::string> words{
        {"http", "unix:/x"},       {"admin", "127.0.0.1:1"},  {"mechanism", "splice"},
        {"access_format", "json"}, {"level", "debug"},        {"precompressed", "false"},
        {"fallback", "/x"},        {"error_pages", "404=/x"}, {"headers", "/x X: y"}};
    auto before = values_of({}, {});
    for (const auto& each : option_table()) {
        auto key = std::string(each.key);
        auto word = each.kind == option_kind::number ? "4321"
                    : each.kind == option_kind::flag ? "true"
                                                     : "word";
        auto given = words.contains(key) ? words.at(key) : word;
        server_config all;
        site_config site;
        EXPECT_EQ(each.set(all, site, {given}), "") << key;
        auto after = values_of(all, site);
        for (const auto& [name, value] : after)
            EXPECT_EQ(value != before[name], name == key) << key << " set " << name;
    }
}

TEST(OptionTable, RefusesBadValues) {
    struct row {
        const char* table;
        const char* key;
        const char* word;
    };
    for (auto [table, key, word] : {row{"server", "threads", "0"},
                                    row{"server", "threads", "-1"},
                                    row{"server", "threads", ""},
                                    row{"server", "threads", "2x"},
                                    row{"server", "threads", " 2"},
                                    row{"server", "threads", "99999999999"},
                                    row{"server", "mechanism", "teleport"},
                                    row{"server", "mechanism", "copy_file_range"},
                                    row{"limits", "connections", "0"},
                                    row{"limits", "head_bytes", "255"},
                                    row{"limits", "cold_reads", "0"},
                                    row{"limits", "body_bytes", "18446744073709551616"},
                                    row{"limits", "idle_timeout_ms", "4294967296"},
                                    row{"log", "access_format", "JSON"},
                                    row{"log", "level", "loud"},
                                    row{"site", "listing", "yes"},
                                    row{"site", "listing", "1"},
                                    row{"site", "fallback", "x"},
                                    row{"site", "fallback", ""},
                                    row{"site", "rate_limit", "1k"},
                                    row{"site", "error_pages", "404"},
                                    row{"site", "error_pages", "404="},
                                    row{"site", "error_pages", "404=x"},
                                    row{"site", "error_pages", "=/x"},
                                    row{"site", "error_pages", "399=/x"},
                                    row{"site", "error_pages", "600=/x"},
                                    row{"site", "error_pages", "404x=/x"},
                                    row{"site", "headers", "/x"},
                                    row{"site", "headers", "/x X"},
                                    row{"site", "headers", " X: y"},
                                    row{"site", "headers", "/x : y"},

                                    row{"site", "headers", "/x X: a\r\nSet-Cookie: b"},
                                    row{"site", "headers", "/x X\r\nY: b"},
                                    row{"site", "headers", "/x X: a\x7f"}}) {
        EXPECT_NE(refusal(table, key, {word}), "") << key << " = " << word;
    }
}

TEST(OptionTable, ARefusedValueChangesNothing) {
    server_config all;
    site_config site;
    EXPECT_NE(set("limits", "connections", {"0"}, all, site), "");
    EXPECT_NE(set("site", "fallback", {"x"}, all, site), "");
    EXPECT_EQ(values_of(all, site), values_of({}, {}));
}

TEST(OptionTable, ComplaintsAreOneLine) {
    auto why = refusal("log", "level", {"a\nb\x1b"});
    EXPECT_EQ(why.find('\n'), std::string::npos) << why;
    EXPECT_EQ(why.find('\x1b'), std::string::npos) << why;
}

TEST(OptionTable, TakesListsAndRules) {
    server_config all;
    site_config site;
    EXPECT_EQ(set("site", "error_pages", {"404=/a", "500=/b"}, all, site), "");
    EXPECT_EQ(site.error_pages, (std::map<int, std::string>{{404, "/a"}, {500, "/b"}}));
    EXPECT_EQ(set("site", "headers", {"/a/* X-Y:z: 1", "*.css E:", "/my files/* C: d"}, all, site),
              "");
    ASSERT_EQ(site.headers.size(), 3u);
    EXPECT_EQ(site.headers[2].path, "/my files/*");
    EXPECT_EQ(site.headers[2].set[0], (std::pair<std::string, std::string>("C", "d")));
    EXPECT_EQ(site.headers[0].path, "/a/*");
    EXPECT_EQ(site.headers[0].set[0], (std::pair<std::string, std::string>("X-Y", "z: 1")));
    EXPECT_EQ(site.headers[1].set[0], (std::pair<std::string, std::string>("E", "")));
    EXPECT_EQ(set("server", "http", {"127.0.0.1:1", "[::1]:2"}, all, site), "");
    EXPECT_EQ(all.http, (std::vector<std::string>{"127.0.0.1:1", "[::1]:2"}));
    EXPECT_EQ(set("server", "mechanism", {"auto"}, all, site), "");
    EXPECT_FALSE(all.forced);
}

}  // namespace
}  // namespace sluice::cli
