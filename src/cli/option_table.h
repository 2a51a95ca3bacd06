// option_table.h: every option of `sluice serve`, once.
//
// The command line and the configuration file are read through the same rows, so that they say the
// same things: an option has a table and a key in the file, and --key (with dashes) on the command
// line.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "http/config.h"

namespace sluice::cli {

enum class option_kind { text, number, flag, list };

struct option_row {
    std::string_view table;  // "server", "limits", "log" or "site"
    std::string_view key;
    std::string_view alias;  // a second name on the command line, or empty
    option_kind kind;
    std::string_view value;  // what stands for the value in --help
    std::string_view help;
    // Sets the option. Returns what is wrong with the values, or nothing.
    std::string (*set)(http::server_config& all, http::site_config& site,
                       const std::vector<std::string>& values);

    // "--head-timeout-ms"
    [[nodiscard]] std::string flag_name() const;
};

[[nodiscard]] std::span<const option_row> option_table();
[[nodiscard]] const option_row* find_option(std::string_view table, std::string_view key);

}  // namespace sluice::cli
