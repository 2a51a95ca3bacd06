#include "cli/config_file.h"

#include <filesystem>
#include <optional>
#include <sstream>
#include <vector>

#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

#include "cli/option_table.h"

namespace sluice::cli {

namespace {

// What is wrong and where; empty when nothing is.
struct complaint {
    std::string text;
    toml::source_position where;
};
using checked = std::optional<complaint>;

// A TOML value in the spelling that the command line has for it.
std::optional<std::string> as_word(const toml::node& value) {
    if (auto text = value.value_exact<std::string>()) return *text;
    if (auto number = value.value_exact<std::int64_t>()) return std::to_string(*number);
    if (auto flag = value.value_exact<bool>()) return *flag ? "true" : "false";
    return std::nullopt;
}

bool fits(option_kind kind, const toml::node& value) {
    switch (kind) {
        case option_kind::text:
            return value.is_string();
        case option_kind::number:
            return value.is_integer();
        case option_kind::flag:
            return value.is_boolean();
        case option_kind::list:
            return true;
    }
    return false;
}

complaint wrong(const option_row& row, const toml::node& value, std::string_view why) {
    return {std::string(row.table) + "." + std::string(row.key) + " " + std::string(why),
            value.source().begin};
}

// error_pages = {404 = "/404.html"}: each pair as the command line spells it.
checked words_of_pages(const option_row& row, const toml::table& pages,
                       std::vector<std::string>& words) {
    for (const auto& [status, path] : pages) {
        auto word = path.value_exact<std::string>();
        if (!word) return wrong(row, path, "wants a table of status = \"/path\"");
        words.push_back(std::string(status.str()) + "=" + *word);
    }
    return std::nullopt;
}

// headers = [{path = "/a/*", set = {Name = "value"}}]
checked words_of_rule(const option_row& row, const toml::node& rule,
                      std::vector<std::string>& words) {
    constexpr std::string_view shape =
        "wants tables {path = \"/pattern\", set = {Name = \"value\"}}";
    const auto* table = rule.as_table();
    if (table == nullptr || table->size() != 2) return wrong(row, rule, shape);
    auto path = (*table)["path"].value_exact<std::string>();
    const auto* set = (*table)["set"].as_table();
    if (!path || set == nullptr) return wrong(row, rule, shape);
    for (const auto& [name, value] : *set) {
        auto word = value.value_exact<std::string>();
        if (!word) return wrong(row, value, shape);
        // In the command line's spelling such a name would run into the pattern.
        if (name.str().find_first_of(" :") != std::string_view::npos)
            return wrong(row, value, "wants a field name, not '" + std::string(name.str()) + "'");
        words.push_back(*path + " " + std::string(name.str()) + ": " + *word);
    }
    return std::nullopt;
}

checked words_of_list(const option_row& row, const toml::node& value,
                      std::vector<std::string>& words) {
    if (const auto* pages = value.as_table(); pages != nullptr && row.key == "error_pages")
        return words_of_pages(row, *pages, words);
    const auto* array = value.as_array();
    if (array == nullptr) {
        auto word = value.value_exact<std::string>();
        if (!word) return wrong(row, value, "wants a text or an array of texts");
        words.push_back(*word);
        return std::nullopt;
    }
    for (const auto& element : *array) {
        if (row.key == "headers") {
            if (auto refused = words_of_rule(row, element, words)) return refused;
            continue;
        }
        auto word = element.value_exact<std::string>();
        if (!word) return wrong(row, element, "wants an array of texts");
        words.push_back(*word);
    }
    return std::nullopt;
}

checked take_value(const option_row& row, const toml::node& value, http::server_config& all,
                   http::site_config& site) {
    constexpr std::string_view wanted[] = {"wants a text", "wants a number", "wants true or false",
                                           ""};
    if (!fits(row.kind, value))
        return wrong(row, value, wanted[static_cast<std::size_t>(row.kind)]);
    std::vector<std::string> words;
    if (row.kind == option_kind::list) {
        if (auto refused = words_of_list(row, value, words)) return refused;
    } else {
        words.push_back(*as_word(value));
    }
    if (auto why = row.set(all, site, words); !why.empty()) return wrong(row, value, why);
    return std::nullopt;
}

checked take_table(std::string_view name, const toml::table& table, http::server_config& all,
                   http::site_config& site) {
    for (const auto& [key, value] : table) {
        const auto* row = find_option(name, key.str());
        if (row == nullptr)
            return complaint{"unknown key " + std::string(name) + "." + std::string(key.str()),
                             key.source().begin};
        if (auto refused = take_value(*row, value, all, site)) return refused;
    }
    return std::nullopt;
}

checked take_sites(const toml::node& value, http::server_config& all) {
    const auto* sites = value.as_array();
    if (sites == nullptr || !sites->is_homogeneous(toml::node_type::table))
        return complaint{"site wants to be written [[site]]", value.source().begin};
    for (const auto& each : *sites) {
        http::site_config site;
        if (auto refused = take_table("site", *each.as_table(), all, site)) return refused;
        if (site.root.empty()) return complaint{"[[site]] without a root", each.source().begin};
        if (std::error_code failed; !std::filesystem::is_directory(site.root, failed))
            return complaint{"root " + site.root + " is not a directory",
                             (*each.as_table())["root"].node()->source().begin};
        all.sites.push_back(std::move(site));
    }
    return std::nullopt;
}

checked take_document(const toml::table& document, http::server_config& all) {
    for (const auto& [name, value] : document) {
        if (name == "site") {
            if (auto refused = take_sites(value, all)) return refused;
            continue;
        }
        bool known = name == "server" || name == "limits" || name == "log";
        if (!known || !value.is_table())
            return complaint{"unknown key " + std::string(name.str()), name.source().begin};
        http::site_config none;
        if (auto refused = take_table(name.str(), *value.as_table(), all, none)) return refused;
    }
    return std::nullopt;
}

std::string place(const std::string& path, const toml::source_position& where) {
    return path + ":" + std::to_string(where.line) + ": ";
}

}  // namespace

std::expected<http::server_config, std::string> read_config_file(const std::string& path) {
    http::server_config config;
    // A directory can be opened for reading, and would be as an empty file.
    if (std::error_code failed; std::filesystem::is_directory(path, failed))
        return std::unexpected(path + ": is a directory");
    try {
        auto document = toml::parse_file(path);
        if (auto refused = take_document(document, config))
            return std::unexpected(place(path, refused->where) + refused->text);
    } catch (const toml::parse_error& failed) {
        if (failed.source().begin.line == 0)
            return std::unexpected(path + ": " + std::string(failed.description()));
        return std::unexpected(place(path, failed.source().begin) +
                               std::string(failed.description()));
    }
    return config;
}

}  // namespace sluice::cli
