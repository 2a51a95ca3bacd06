// serve_command.h: `sluice serve`.
#pragma once

#include <expected>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "http/config.h"

namespace sluice::cli {

class serve_command {
  public:
    // Adds the command and its options to the program.
    explicit serve_command(CLI::App& program);
    [[nodiscard]] bool chosen() const { return command_->parsed(); }
    // Runs it; returns the exit status.
    [[nodiscard]] int run();

  private:
    struct complaint {
        std::string text;
        int exit_status;
    };
    // The configuration that the file, if any, and the command line make together.
    [[nodiscard]] std::expected<http::server_config, complaint> configuration() const;
    [[nodiscard]] std::optional<complaint> apply_words(http::server_config& config) const;

    CLI::App* command_;
    std::string config_path_;
    // What was given, by the option's name.
    std::map<std::string, std::vector<std::string>> words_;
    std::map<std::string, std::string> flags_;
};

}  // namespace sluice::cli
