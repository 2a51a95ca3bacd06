// config.h: everything that can be set, with its default. docs/serve.md says what each one means.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <sluice/mechanism.h>

namespace sluice::http {

struct limits_config {
    std::size_t connections = 10'000;
    std::size_t head_bytes = 16 * 1024;
    std::size_t header_fields = 100;
    std::uint64_t body_bytes = 64 * 1024;
    std::uint32_t head_timeout_ms = 10'000;
    std::uint32_t idle_timeout_ms = 60'000;
    std::uint32_t send_timeout_ms = 60'000;
    std::uint64_t requests = 1'000'000;
    std::size_t ranges = 16;
    std::uint64_t small_body_bytes = 16 * 1024;
    std::uint64_t cache_bytes = 64 * 1024 * 1024;
    std::size_t cache_files = 1024;
    std::size_t cold_reads = 8;
    std::size_t listing_entries = 10'000;
};

enum class access_format : std::uint8_t { combined, json };
enum class log_level : std::uint8_t { error, warning, info, debug };

struct log_config {
    std::string access = {};  // path, "-" for standard output, empty: off
    access_format format = access_format::combined;
    std::string error = "-";
    log_level level = log_level::info;
};

// Fields to set on paths that match a pattern.
struct header_rule {
    std::string path;
    std::vector<std::pair<std::string, std::string>> set;
};

struct site_config {
    std::vector<std::string> hosts = {};
    std::string root = {};
    std::vector<std::string> index{"index.html"};
    bool listing = false;
    std::string fallback = {};
    bool precompressed = true;
    bool dotfiles = false;
    bool follow_links = false;
    std::vector<std::string> cors = {};
    std::uint64_t rate_limit = 0;
    std::map<int, std::string> error_pages = {};
    std::vector<header_rule> headers = {};
};

struct server_config {
    std::vector<std::string> http{"127.0.0.1:8080"};
    std::string admin = {};
    unsigned threads = 0;  // 0: as many as CPUs are available
    std::uint32_t drain_timeout_ms = 10'000;
    std::optional<mechanism> forced = {};
    limits_config limits = {};
    log_config log = {};
    std::vector<site_config> sites = {};
};

}  // namespace sluice::http
