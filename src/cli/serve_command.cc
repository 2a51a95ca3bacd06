#include "cli/serve_command.h"

#include <cstdio>
#include <utility>

#include "cli/config_file.h"
#include "cli/option_table.h"
#include "http/server.h"

namespace sluice::cli {

namespace {

constexpr int failed_status = 1;
constexpr int bad_words_status = 2;

constexpr std::pair<std::string_view, const char*> groups[] = {
    {"server", "Server"}, {"limits", "Limits"}, {"log", "Logs"}, {"site", "Site"}};

const char* group_of(std::string_view table) {
    for (const auto& [name, title] : groups) {
        if (name == table) return title;
    }
    return "Options";
}

std::string names_of(const option_row& row) {
    auto names = row.flag_name();
    if (!row.alias.empty()) names.append(",").append(row.alias);
    return names;
}

}  // namespace

serve_command::serve_command(CLI::App& program)
    : command_(program.add_subcommand("serve", "Serve the files below a directory over HTTP")) {
    command_->add_option("--config", config_path_, "read options from this TOML file")
        ->type_name("FILE");
    for (const auto& row : option_table()) {
        std::string help(row.help);
        if (row.kind == option_kind::flag) {
            command_->add_flag(names_of(row), flags_[row.flag_name()], help)
                ->group(group_of(row.table));
            continue;
        }
        auto policy = row.kind == option_kind::list ? CLI::MultiOptionPolicy::TakeAll
                                                    : CLI::MultiOptionPolicy::TakeLast;
        command_->add_option(names_of(row), words_[row.flag_name()], help)
            ->group(group_of(row.table))
            ->type_name(std::string(row.value))
            ->expected(1)
            ->allow_extra_args(false)  // what follows the value is not another value
            ->multi_option_policy(policy);
    }
    command_->footer(
        "The same options stand in the file as key = value; `man sluice` explains them.");
}

std::optional<serve_command::complaint> serve_command::apply_words(
    http::server_config& config) const {
    for (const auto& row : option_table()) {
        auto name = row.flag_name();
        const auto* option = command_->get_option(name);
        if (option->count() == 0) continue;
        bool of_site = row.table == "site";
        if (of_site && config.sites.size() > 1)
            return complaint{name + ": the configuration file has several sites; set it there",
                             bad_words_status};
        if (of_site && config.sites.empty()) config.sites.emplace_back();
        http::site_config unused;
        auto& site = of_site ? config.sites.front() : unused;
        auto given = row.kind == option_kind::flag ? std::vector{flags_.at(name)} : words_.at(name);
        if (auto why = row.set(config, site, given); !why.empty())
            return complaint{name + " " + why, bad_words_status};
    }
    return std::nullopt;
}

std::expected<http::server_config, serve_command::complaint> serve_command::configuration() const {
    http::server_config config;
    if (!config_path_.empty()) {
        auto read = read_config_file(config_path_);
        if (!read) return std::unexpected(complaint{read.error(), failed_status});
        config = *std::move(read);
    }
    if (auto refused = apply_words(config)) return std::unexpected(*std::move(refused));
    if (config.sites.empty())
        return std::unexpected(
            complaint{"nothing to serve: give --root DIR or a [[site]]", bad_words_status});
    if (config.sites.front().root.empty())
        return std::unexpected(
            complaint{"the site has no root: give --root DIR", bad_words_status});
    return config;
}

int serve_command::run() {
    auto config = configuration();
    if (!config) {
        std::fprintf(stderr, "sluice: %s\n", config.error().text.c_str());
        return config.error().exit_status;
    }
    auto reread = [this]() -> std::expected<http::server_config, std::string> {
        auto again = configuration();
        if (!again) return std::unexpected(again.error().text);
        return *std::move(again);
    };
    auto server = http::server::open(*std::move(config), reread);
    if (!server) {
        std::fprintf(stderr, "sluice: %s\n", server.error().message().c_str());
        return failed_status;
    }
    std::printf("%s\n", (*server)->ready_line().c_str());
    std::fflush(stdout);
    (*server)->run();
    return 0;
}

}  // namespace sluice::cli
