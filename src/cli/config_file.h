// config_file.h: the configuration file.
#pragma once

#include <expected>
#include <string>

#include <sluice/result.h>

#include "http/config.h"

namespace sluice::cli {

// Reads a TOML file into a configuration. What is wrong is named with the file and its line:
// "sluice.toml:12: unknown key limits.conections".
[[nodiscard]] std::expected<http::server_config, std::string> read_config_file(
    const std::string& path);

}  // namespace sluice::cli
