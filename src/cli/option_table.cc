#include "cli/option_table.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <type_traits>

#include "http/field_text.h"
#include "http/host.h"
#include "net/address.h"

namespace sluice::cli {

namespace {

using http::server_config;
using http::site_config;
using values = const std::vector<std::string>&;

// For a message of one line.
std::string quoted(std::string text) {
    std::ranges::replace_if(
        text, [](unsigned char letter) { return letter < 0x20 || letter == 0x7f; }, '?');
    return "'" + text + "'";
}

template <typename Number>
std::string set_number(Number& to, const std::string& text, Number least = 0) {
    Number number{};
    auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
    bool whole = failed == std::errc() && end == text.data() + text.size();
    if (!whole || number < least)
        return "wants a number of at least " + std::to_string(least) + ", not " + quoted(text);
    to = number;
    return {};
}

std::string set_flag(bool& to, const std::string& text) {
    if (text != "true" && text != "false") return "wants true or false, not " + quoted(text);
    to = text == "true";
    return {};
}

// The number that a pointer to member names, of the limits.
template <auto Member, std::uint64_t Least = 0>
std::string set_limit(server_config& all, site_config&, values given) {
    using number = std::remove_reference_t<decltype(all.limits.*Member)>;
    return set_number<number>(all.limits.*Member, given.front(), static_cast<number>(Least));
}

template <auto Member>
std::string set_site_flag(server_config&, site_config& site, values given) {
    return set_flag(site.*Member, given.front());
}

std::string set_mechanism(server_config& all, site_config&, values given) {
    const auto& name = given.front();
    auto found = mechanism_named(name);
    bool can_send = found && traits_of(*found).into_sockets;  // the others go into files only
    if (can_send || name == "auto") {
        all.forced = found;
        return {};
    }
    std::string known = "auto";
    for (const auto& each : mechanism_table) {
        if (each.into_sockets) known.append(", ").append(each.name);
    }
    return "wants one of " + known + ", not " + quoted(name);
}

std::string set_format(server_config& all, site_config&, values given) {
    const auto& name = given.front();
    if (name != "combined" && name != "json") return "wants combined or json, not " + quoted(name);
    all.log.format = name == "json" ? http::access_format::json : http::access_format::combined;
    return {};
}

std::string set_level(server_config& all, site_config&, values given) {
    static constexpr std::array<std::string_view, 4> names{"error", "warning", "info", "debug"};
    auto found = std::ranges::find(names, given.front());
    if (found == names.end())
        return "wants error, warning, info or debug, not " + quoted(given.front());
    all.log.level = static_cast<http::log_level>(found - names.begin());
    return {};
}

std::string set_error_pages(server_config&, site_config& site, values given) {
    for (const auto& text : given) {
        int status = 0;
        auto equals = text.find('=');
        if (equals == std::string::npos ||
            !set_number(status, text.substr(0, equals), 400).empty() || status > 599 ||
            text[equals + 1] != '/')
            return "wants STATUS=/PATH, such as 404=/404.html, not " + quoted(text);
        site.error_pages[status] = text.substr(equals + 1);
    }
    return {};
}

bool is_token(std::string_view name) {
    constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
    return !name.empty() && std::ranges::all_of(name, [&](unsigned char letter) {
        return std::isalnum(letter) != 0 ||
               marks.find(static_cast<char>(letter)) != std::string_view::npos;
    });
}

bool is_field_value(std::string_view value) {
    return std::ranges::none_of(
        value, [](unsigned char letter) { return letter < 0x20 || letter == 0x7f; });
}

// "/assets/* Cache-Control: public". The name ends at the first colon that has a name before it: a
// pattern may contain spaces.
// Fields that frame the message or say what the body is: set by hand they would be wrong.
bool belongs_to_the_server(std::string_view name) {
    static constexpr std::string_view fields[] = {
        "Accept-Ranges", "Connection", "Content-Encoding", "Content-Length",   "Content-Range",
        "Date",          "ETag",       "Last-Modified",    "Transfer-Encoding"};
    return std::ranges::any_of(
        fields, [&](std::string_view each) { return http::equal_ignoring_case(each, name); });
}

std::string set_headers(server_config&, site_config& site, values given) {
    for (const auto& text : given) {
        std::string name;
        std::size_t colon = 0, space = 0;
        while (name.empty() && (colon = text.find(':', colon + 1)) != std::string::npos) {
            space = text.rfind(' ', colon);
            bool shaped = space != std::string::npos && space > 0;
            if (shaped && is_token(text.substr(space + 1, colon - space - 1)))
                name = text.substr(space + 1, colon - space - 1);
        }
        auto value = name.empty() ? std::string() : text.substr(colon + 1);
        value.erase(0, value.find_first_not_of(' '));
        if (name.empty() || !is_field_value(value))
            return "wants 'PATTERN Name: value', not " + quoted(text);
        if (belongs_to_the_server(name))
            return "may not set " + name + ", which the server reckons";
        site.headers.push_back({text.substr(0, space), {{name, value}}});
    }
    return {};
}

std::string set_path(std::string& to, const std::string& text) {
    if (!text.starts_with('/')) return "wants a path that begins with a slash, not " + quoted(text);
    to = text;
    return {};
}

std::string check_addresses(values given) {
    for (const auto& text : given) {
        if (auto problem = net::address_problem(text); !problem.empty())
            return problem + ", not " + quoted(text);
    }
    return {};
}

std::string set_http(server_config& all, site_config&, values given) {
    all.http = given;
    return check_addresses(given);
}

std::string set_admin(server_config& all, site_config&, values given) {
    all.admin = given.front();
    return all.admin.empty() ? std::string() : check_addresses(given);
}

std::string set_hosts(server_config&, site_config& site, values given) {
    for (const auto& text : given) {
        if (!http::host_pattern::parse(text)) return "wants NAME or *.NAME, not " + quoted(text);
    }
    site.hosts = given;
    return {};
}

using enum option_kind;
using http::limits_config;

constexpr option_row rows[] = {
    {"server", "http", "", list, "ADDRESS",
     "listen on HOST:PORT, [IPV6]:PORT or unix:PATH; repeatable", set_http},
    {"server", "admin", "", text, "ADDRESS", "serve /metrics and /healthz here", set_admin},
    {"server", "threads", "", number, "N", "event loops, one thread each (default: CPUs available)",
     [](server_config& all, site_config&, values given) {
         return set_number(all.threads, given[0], 1U);
     }},
    {"server", "drain_timeout_ms", "", number, "MS", "how long SIGTERM waits for responses (10000)",
     [](server_config& all, site_config&, values given) {
         return set_number(all.drain_timeout_ms, given[0]);
     }},
    {"server", "mechanism", "", text, "NAME", "send files by this mechanism (auto)", set_mechanism},

    {"limits", "connections", "", number, "N", "open connections (10000)",
     set_limit<&limits_config::connections, 1>},
    {"limits", "head_bytes", "", number, "BYTES", "request line and header fields (16384)",
     set_limit<&limits_config::head_bytes, 256>},
    {"limits", "header_fields", "", number, "N", "header fields of a request (100)",
     set_limit<&limits_config::header_fields, 1>},
    {"limits", "body_bytes", "", number, "BYTES", "body of a request, which is thrown away (65536)",
     set_limit<&limits_config::body_bytes>},
    {"limits", "head_timeout_ms", "", number, "MS",
     "from a request's first byte to its last (10000)",
     set_limit<&limits_config::head_timeout_ms, 1>},
    {"limits", "idle_timeout_ms", "", number, "MS", "between requests (60000)",
     set_limit<&limits_config::idle_timeout_ms, 1>},
    {"limits", "send_timeout_ms", "", number, "MS", "without progress while sending (60000)",
     set_limit<&limits_config::send_timeout_ms, 1>},
    {"limits", "requests", "", number, "N", "requests on one connection (1000000)",
     set_limit<&limits_config::requests, 1>},
    {"limits", "ranges", "", number, "N", "ranges in one request (16)",
     set_limit<&limits_config::ranges, 1>},
    {"limits", "small_body_bytes", "", number, "BYTES",
     "bodies kept in memory, up to this size (16384)", set_limit<&limits_config::small_body_bytes>},
    {"limits", "cache_bytes", "", number, "BYTES", "memory for small bodies (67108864)",
     set_limit<&limits_config::cache_bytes>},
    {"limits", "cache_files", "", number, "N", "files kept open (1024)",
     set_limit<&limits_config::cache_files>},
    {"limits", "cold_reads", "", number, "N",
     "reads of files that are not in the page cache, at once (8)",
     set_limit<&limits_config::cold_reads, 1>},
    {"limits", "listing_entries", "", number, "N", "entries in a directory listing (10000)",
     set_limit<&limits_config::listing_entries, 1>},

    {"log", "access", "--access-log", text, "PATH", "access log; - for standard output",
     [](server_config& all, site_config&, values given) {
         return all.log.access = given[0], std::string();
     }},
    {"log", "access_format", "", text, "NAME", "combined or json (combined)", set_format},
    {"log", "error", "--error-log", text, "PATH", "error log; - for standard error (-)",
     [](server_config& all, site_config&, values given) {
         return all.log.error = given[0], std::string();
     }},
    {"log", "level", "--log-level", text, "NAME", "error, warning, info or debug (info)",
     set_level},

    {"site", "hosts", "", list, "NAME",
     "names this site answers to; *.NAME for all below; repeatable", set_hosts},
    {"site", "root", "", text, "DIR", "the directory to serve",
     [](server_config&, site_config& site, values given) {
         return site.root = given[0], std::string();
     }},
    {"site", "index", "", list, "NAME", "names tried for a directory (index.html); repeatable",
     [](server_config&, site_config& site, values given) {
         return site.index = given, std::string();
     }},
    {"site", "listing", "", flag, "", "list directories without an index file",
     set_site_flag<&site_config::listing>},
    {"site", "fallback", "", text, "PATH", "serve this for names that do not exist",
     [](server_config&, site_config& site, values given) {
         return set_path(site.fallback, given[0]);
     }},
    {"site", "precompressed", "", flag, "", "send NAME.br, .zst or .gz where accepted (true)",
     set_site_flag<&site_config::precompressed>},
    {"site", "dotfiles", "", flag, "", "serve names that begin with a dot",
     set_site_flag<&site_config::dotfiles>},
    {"site", "follow_links", "", flag, "", "follow links that lead out of the root",
     set_site_flag<&site_config::follow_links>},
    {"site", "cors", "", list, "ORIGIN",
     "origins that may read from scripts; * for all; repeatable",
     [](server_config&, site_config& site, values given) {
         return site.cors = given, std::string();
     }},
    {"site", "rate_limit", "", number, "BYTES", "bytes a second for a connection (0: no limit)",
     [](server_config&, site_config& site, values given) {
         return set_number(site.rate_limit, given[0]);
     }},
    {"site", "error_pages", "--error-page", list, "STATUS=PATH",
     "page for an error status; repeatable", set_error_pages},
    {"site", "headers", "--header", list, "'PATTERN NAME: VALUE'",
     "set a field on paths; repeatable", set_headers},
};

}  // namespace

std::string option_row::flag_name() const {
    std::string name = "--" + std::string(key);
    std::ranges::replace(name, '_', '-');
    return name;
}

std::span<const option_row> option_table() {
    return rows;
}

const option_row* find_option(std::string_view table, std::string_view key) {
    auto found = std::ranges::find_if(
        rows, [&](const option_row& each) { return each.table == table && each.key == key; });
    return found == std::end(rows) ? nullptr : found;
}

}  // namespace sluice::cli
